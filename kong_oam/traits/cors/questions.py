"""The question of `new` about pages of other origins."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "cors",
    Flag(
        "origin",
        "ORIGIN",
        "an origin whose pages may call a webservice; browser clients need none (repeatable)",
        separator=" ",
    ),
    lambda origins: [{"origins": [*origins]}],
)
