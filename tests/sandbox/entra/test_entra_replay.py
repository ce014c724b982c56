"""The recorded traffic of the official plugin, request by request, against the stand-in for
Microsoft Graph.

The recording's own server was a stand-in, too (its notes say so). Only the plugin's requests, and
the answers that it accepted, are evidence. So the stand-in here must accept every request, with the
same status and the same members.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.entra import Entra
from tests.support.json_object import JsonObject
from tests.support.repository import DATA

TRAFFIC = DATA / "entra" / "traffic-official-plugin.jsonl"
GROUP = "44444444-4444-4444-8444-444444444444"
_OWN = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z|[A-Za-z0-9_-]{20,}\Z"
)
_VARYING = ("date", "request-id", "client-request-id", "createdDateTime", "startDateTime", "timestamp", "trace_id",
            "correlation_id", "hint", "@odata.context", "secretText", "access_token", "expires_in", "ext_expires_in")  # fmt: skip
_LATE = ("x-lag-create", "x-lag-destroy")
"""Steps with a deliberately late server; the stand-in is never late."""


def _recorded() -> list[JsonObject]:
    if not TRAFFIC.exists():
        pytest.skip(f"{TRAFFIC.name} is not beside this checkout")
    return [
        json.loads(line) for line in TRAFFIC.read_text("utf-8").splitlines()
    ]


class _Names:
    """The recording's ids, addresses and secrets, and their replacements here."""

    def __init__(self, entra: Entra) -> None:
        self._known = {
            "https://graph.fake": entra.url,
            "<client-secret>": entra.secret,
        }

    def learn(self, recorded: Any, replayed: Any) -> None:
        if isinstance(recorded, dict) and isinstance(replayed, dict):
            for key in recorded.keys() & replayed.keys():
                self.learn(recorded[key], replayed[key])
        elif isinstance(recorded, list) and isinstance(replayed, list):
            for pair in zip(recorded, replayed, strict=False):
                self.learn(*pair)
        elif (
            isinstance(recorded, str)
            and isinstance(replayed, str)
            and _OWN.match(recorded)
        ):
            self._known.setdefault(recorded, replayed)

    def here(self, text: str) -> str:
        for recorded, replayed in self._known.items():
            text = text.replace(recorded, replayed)
        return text


def _differences(
    recorded: Any, replayed: Any, where: str = ""
) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        for key in recorded.keys() | replayed.keys():
            if key not in _VARYING:
                yield from _differences(
                    recorded.get(key, "absent"),
                    replayed.get(key, "absent"),
                    f"{where}.{key}",
                )
    elif (
        isinstance(recorded, list)
        and isinstance(replayed, list)
        and len(recorded) == len(replayed)
    ):
        for index, pair in enumerate(zip(recorded, replayed, strict=True)):
            yield from _differences(*pair, f"{where}[{index}]")
    elif recorded != replayed:
        yield f"{where}: {replayed!r}, recorded as {recorded!r}"


def test_every_recorded_exchange_of_the_official_plugin_is_repeated() -> None:
    """Create, refresh, update, drift by hand, deletion outside, import, faults and destroy: status and members."""
    exchanges, wrong, compared = _recorded(), [], 0
    with Entra() as entra:
        entra.directory.principals.clear()  # the recording's server had no service principal of Microsoft Graph
        entra.directory.add_group("orders-writers", GROUP, "writers")
        names = _Names(entra)
        for exchange in exchanges:
            if exchange["step"] in _LATE:
                continue
            query = (
                names.here(exchange["query"])
                .replace(" ", "+")
                .replace("'", "%27")
            )
            body = exchange["request_body"]
            text = (
                names.here(body if isinstance(body, str) else json.dumps(body))
                if body is not None
                else ""
            )
            if exchange["step"] == "x-wrong":
                text = text.replace(entra.secret, "wrong")
            target = names.here(exchange["path"]) + (
                f"?{query}" if query else ""
            )
            status, answer, _ = entra.answer(
                exchange["method"],
                target,
                {"authorization": "Bearer a"},
                text.encode(),
            )
            names.learn(exchange["response_body"], answer)
            expected = json.loads(
                names.here(json.dumps(exchange["response_body"]))
            )
            found = (
                [f"status {status}"]
                if status != exchange["status"]
                else list(_differences(expected, answer))
            )
            wrong += [
                f"{exchange['seq']} {exchange['method']} {exchange['path']} ({exchange['step']}): {difference}"
                for difference in found
            ]
            compared += 1
    assert wrong == []
    assert compared > 500
