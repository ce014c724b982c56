"""The flag of `new` for plugins."""

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "kong-plugin",
    Flag(
        "plugin",
        "NAME",
        "a Kong plugin for a webservice, with its default configuration (repeatable)",
        separator=" ",
    ),
    lambda names: [{"name": name} for name in names],
)
