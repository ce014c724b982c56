"""Requests to an old Kong, the answers to them, and callers that repeat them without pause."""

from __future__ import annotations

import base64
import http.client
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kong_oam.access.data import Names
from tests.support.json_object import JsonObject
from tests.support.live.old_estates import Caller, declared_paths
from tests.support.live.threads import Calling
from tests.support.live.workloads import ARRIVED

HOST = "api.example.com"
"""The host of routes without hosts, after the adoption."""
OTHER = "elsewhere.example.org"
"""A host that no route names."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PURGE")
_ENDINGS = ("", "/", "/x", "x", "-a/b", "//x", "/7?q=1")
_IDENTITY = ("x-consumer-", "x-credential-", "x-anonymous-", "x-authenticated-")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of a caller: the target has a path and perhaps a query."""

    method: str
    host: str
    target: str
    caller: Caller

    def __str__(self) -> str:
        return f"{self.method} {self.host}{self.target} of {self.caller}"


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer: the status, and the request that reached a workload. `place` is empty if none was
    reached, and `credential`
    has the caller's headers that arrived."""

    status: int
    place: str = ""
    target: str = ""
    host: str = ""
    identity: Names = ()
    credential: tuple[bytes, ...] = ()

    @property
    def passes(self) -> bool:
        return bool(self.place)


def sample(
    routes: list[JsonObject],
    exposed: Iterable[str],
    callers: Sequence[Caller],
    seed: int,
    most: int,
) -> list[Ask]:
    """Return at most so many requests, with each method and each caller: half of them near
    the routes' paths, the others near `exposed` paths."""
    chosen = random.Random(seed)
    hosts = [HOST, HOST, HOST, OTHER]
    for route in routes:
        for host in route.get("hosts") or ():
            hosts.append(host.replace("*", "any"))
    choices = (_near(declared_paths(routes)), _near(exposed))
    asks = []
    for number in range(most // len(callers)):
        method = chosen.choice((*_METHODS, "GET", "GET"))
        target = chosen.choice(choices[number % 2])
        host = chosen.choice(hosts)
        asks += [Ask(method, host, target, caller) for caller in callers]
    return list(dict.fromkeys(asks))


def _near(paths: Iterable[str]) -> list[str]:
    found: dict[str, None] = {"/": None, "/nothing": None}
    for path in paths:
        base = path.rstrip("/")
        found |= {f"{base}{end}" or "/": None for end in _ENDINGS}
        found[f"/{path}"] = None
    return list(found)


def send(proxy: tuple[str, int], ask: Ask) -> Seen:
    """Send a request on its own connection. Raises OSError or HTTPException without an answer."""
    lines = [
        f"{ask.method} {ask.target} HTTP/1.1".encode(),
        f"Host: {ask.host}".encode(),
        b"Connection: close",
        *ask.caller.headers,
    ]
    with socket.create_connection(proxy, 15) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]))
        response = http.client.HTTPResponse(connection, method=ask.method)
        try:
            response.begin()
            response.read()
            return _seen(response, ask.caller)
        finally:
            response.close()


def _seen(response: http.client.HTTPResponse, caller: Caller) -> Seen:
    text = response.headers[ARRIVED]
    if text is None:
        return Seen(response.status)
    arrived = json.loads(base64.b64decode(text))
    headers = dict(arrived["headers"])
    identity = [f"{k}: {v}" for k, v in headers.items() if _is_identity(k)]
    return Seen(
        response.status,
        arrived["place"],
        arrived["target"],
        headers.get("host", ""),
        tuple(sorted(identity)),
        tuple(h for h in caller.headers if _parted(h) in headers.items()),
    )


def _parted(header: bytes) -> tuple[str, str]:
    name, _, value = header.decode().partition(": ")
    return name.lower(), value


def _is_identity(name: str) -> bool:
    return name.startswith(_IDENTITY)


def answers(
    proxy: tuple[str, int], asks: Sequence[Ask], threads: int = 4
) -> dict[Ask, Seen]:
    """Return the answer to each request."""
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda ask: send(proxy, ask), asks)
        return dict(zip(asks, found, strict=True))


def differences(
    before: Seen, after: Seen, places: Mapping[str, str]
) -> Iterator[str]:
    """Yield the kinds of changes between two answers, as `adopt compare` names them. Statuses of
    denied requests do not count.

    `places`: the name of the service behind an address.
    """
    if before.passes != after.passes:
        yield "closed" if before.passes else "opened"
        return
    if not before.passes:
        return
    if places.get(before.place) != places.get(after.place):
        yield "other service"
        return
    if before.target != after.target:
        yield "path"
    if before.host != after.host:
        yield "host"
    is_known = {*before.identity} <= {*after.identity}
    if not is_known or before.credential != after.credential:
        yield "identity"


class Callers(Calling):
    """Threads that repeat requests until the end. A context manager.

    `before`: the answers that count. `stage(name)` begins a stage. `wrong` has each answer to a
    request that the old Kong denies, or sends to another service. `refused` has each denial of a
    request that the old Kong lets pass.
    """

    def __init__(
        self,
        proxy: tuple[str, int],
        before: Mapping[Ask, Seen],
        places: Mapping[str, str],
        threads: int = 2,
    ) -> None:
        super().__init__()
        self._proxy = proxy
        self._before = before
        self._places = places
        self.requests: Counter[str] = Counter()
        self.wrong: list[tuple[str, Ask, str, Seen]] = []
        self.refused: list[tuple[str, Ask, Seen]] = []
        self._threads = [
            threading.Thread(target=self._run, args=(seed,), daemon=True)
            for seed in range(threads)
        ]

    def _run(self, seed: int) -> None:
        asks = list(self._before)
        chosen = random.Random(seed)
        while not self._stop.is_set():
            ask, stage = chosen.choice(asks), self._stage
            try:
                seen = send(self._proxy, ask)
            except (OSError, http.client.HTTPException):
                self.requests["no answer"] += 1
                continue
            self.requests[stage] += 1
            for kind in differences(self._before[ask], seen, self._places):
                if kind in ("opened", "other service"):
                    self.wrong.append((stage, ask, kind, seen))
                elif kind == "closed":
                    self.refused.append((stage, ask, seen))
            self._stop.wait(0.004)
