"""The flag of `new` for headers."""

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "headers",
    Flag(
        "secure_headers",
        "",
        "add security headers for browsers to all answers of a webservice",
        bool,
    ),
    lambda _: [{"preset": "secure"}],
)
