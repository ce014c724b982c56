"""The question of `new` about headers."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "headers",
    Flag(
        "secure_headers",
        "",
        "of a webservice, headers by which browsers protect callers, on every answer",
        bool,
    ),
    lambda _: [{"preset": "secure"}],
)
