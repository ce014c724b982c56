"""The question of `new` about plugins."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "kong-plugin",
    Flag(
        "plugin",
        "NAME",
        "of a webservice, a plugin of Kong's before it, as it is by default (repeatable)",
        separator=" ",
    ),
    lambda names: [{"name": name} for name in names],
)
