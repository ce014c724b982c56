"""The flag of `new` for allowed networks."""

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "ip-allow",
    Flag(
        "allow_from",
        "NETWORK",
        "a network that may call a webservice; all other networks may not (repeatable)",
        separator=" ",
    ),
    lambda networks: [{"from": [*networks]}],
)
