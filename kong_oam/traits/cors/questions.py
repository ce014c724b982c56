"""The flag of `new` for pages of other origins."""

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "cors",
    Flag(
        "origin",
        "ORIGIN",
        "an origin whose pages may call a webservice from a browser; not needed for browser "
        "clients of the estate (repeatable)",
        separator=" ",
    ),
    lambda origins: [{"origins": [*origins]}],
)
