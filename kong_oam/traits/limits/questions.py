"""The question of `new` about limits."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "limits",
    Flag(
        "max_body",
        "SIZE",
        "of a webservice, the largest body of a request, as 10Mi; a larger one is refused",
    ),
    lambda size: [{"body": size}],
)
