"""What `new` asks about pages of other origins."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question
from kong_oam.traits.cors.value import CORS

QUESTION = Question(
    CORS.name,
    Flag(
        "origin",
        "ORIGIN",
        "of a webservice, of pages that may call it from a browser; no browser client's here "
        "(repeatable)",
        separator=" ",
    ),
    lambda origins: [{"origins": [*origins]}],
)
