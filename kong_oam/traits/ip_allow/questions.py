"""The question of `new` about networks."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "ip-allow",
    Flag(
        "allow_from",
        "NETWORK",
        "of a webservice, a network that it may be called from, and from nowhere else "
        "(repeatable)",
        separator=" ",
    ),
    lambda networks: [{"from": [*networks]}],
)
