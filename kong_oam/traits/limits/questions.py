"""The question of `new` about limits."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "limits",
    Flag(
        "max_body",
        "SIZE",
        "the largest body of a request to a webservice, such as 10Mi",
    ),
    lambda size: [{"body": size}],
)
