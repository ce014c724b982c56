"""The flag of `new` for limits."""

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "limits",
    Flag(
        "max_body",
        "SIZE",
        "the largest request body of a webservice, such as 10Mi; larger bodies are denied",
    ),
    lambda size: [{"body": size}],
)
