"""The question of `new` about pages of other origins."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "cors",
    Flag(
        "origin",
        "ORIGIN",
        "of a webservice, of pages that may call it from a browser; no browser client's here "
        "(repeatable)",
        separator=" ",
    ),
    lambda origins: [{"origins": [*origins]}],
)
