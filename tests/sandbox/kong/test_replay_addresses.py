"""The stand-in's client addresses, compared with recordings of a real Kong 3.10, under every
setting."""

from __future__ import annotations

import re

import pytest

from sandbox.kong.client import client_address
from sandbox.kong.http import Request
from tests.support.json_object import JsonObject
from tests.support.sandbox.kong_recordings import recorded


def _settings(case: str) -> JsonObject | None:
    """Return `[trusted_ips=127.0.0.1/32 real_ip_recursive=on] title` as a configuration."""
    found = re.match(r"\[(stock|trusted_ips=[^\]]*)\]", case)
    if found is None:
        return None
    settings: JsonObject = dict(
        word.split("=") for word in found[1].split() if "=" in word
    )
    return {
        **settings,
        "trusted_ips": settings.get("trusted_ips", "").split(",")
        if settings
        else [],
    }


def _headers(request: JsonObject) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in request.get("headers", ()))


def test_the_stand_in_takes_the_same_for_the_address_as_a_recorded_kong() -> (
    None
):
    """From a trusted peer and from another, with one header and with several, and with values that
    are no address."""
    combinations: set[tuple[str, str]] = set()
    for line in recorded("recorded-behaviour.jsonl"):
        settings = _settings(line.get("case", ""))
        for request in line.get("requests", ()) if settings is not None else ():
            for address in (
                entry["seen"]
                for entry in request.get("log") or ()
                if "seen" in entry
            ):
                request_ = Request(
                    "GET",
                    "/orders",
                    1,
                    _headers(request),
                    b"",
                    "api.example.com",
                    peer=address["ip"],
                )
                assert (
                    client_address(request_, settings or {})
                    == address["forwarded"]
                ), (
                    line["case"],
                    request,
                )
                combinations.add((str(settings), address["forwarded"]))
    assert len(combinations) >= 6


@pytest.mark.parametrize(
    ("peer", "address"),
    [("127.0.0.1", "203.0.113.7"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1")],
)
def test_only_a_trusted_peer_says_where_a_call_comes_from(
    peer: str, address: str
) -> None:
    request = Request(
        "GET", "/", 1, (("X-Real-IP", "203.0.113.7"),), b"", "a.test", peer=peer
    )
    assert client_address(request, {"trusted_ips": ["127.0.0.1"]}) == address
