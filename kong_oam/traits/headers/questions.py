"""The question of `new` about headers."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "headers",
    Flag(
        "secure_headers",
        "",
        "add security headers to every answer of a webservice",
        bool,
    ),
    lambda _: [{"preset": "secure"}],
)
