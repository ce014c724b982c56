"""Old Kongs for tests, from short texts."""

from __future__ import annotations

from kong_oam.adopt.answers import OldAnswer, answer
from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.requests import NOBODY, OldCaller, OldRequest

HOST = "api.example.com"


def old_kong(text: str) -> OldKong:
    """Return the Kong of a decK file, which needs no format version."""
    raw = f'_format_version: "3.0"\n{text}'.encode()
    old, findings = read_deck([("kong.yaml", raw)])
    assert old is not None, findings
    return old


def answered(
    old: OldKong,
    path: str,
    method: str = "GET",
    caller: OldCaller = NOBODY,
    host: str = HOST,
) -> OldAnswer:
    """Return the answer to a request over https."""
    return answer(old, OldRequest(method, host, path), caller)
