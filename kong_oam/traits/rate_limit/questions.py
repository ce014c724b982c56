"""The flag of `new` for a rate limit."""

from __future__ import annotations

import re

from kong_oam.access.data import YamlObject
from kong_oam.cli.flag import Flag, Question
from kong_oam.diagnostics import printable
from kong_oam.errors import InputError

_RATE = re.compile(
    r"(?:(?P<per>[a-z]+):)?(?P<requests>[1-9][0-9]{0,8})/(?P<window>[a-z]+)"
)


def rate(text: str) -> YamlObject:
    """Parse REQUESTS/WINDOW, of each client, or PER:REQUESTS/WINDOW. Raise InputError."""
    limit = _RATE.fullmatch(text)
    if limit is None:
        raise InputError(
            f"invalid rate limit '{printable(text)}': write REQUESTS/WINDOW, such as 60/minute "
            "or user:60/minute"
        )
    return {
        "per": limit["per"] or "client",
        "requests": {limit["window"]: int(limit["requests"])},
    }


QUESTION = Question(
    "rate-limit",
    Flag(
        "rate_limit",
        "[PER:]REQUESTS/WINDOW",
        "the rate limit of a webservice, such as 60/minute; PER is client (default), user, "
        "address or component",
        rate,
    ),
    lambda limit: [limit],
)
