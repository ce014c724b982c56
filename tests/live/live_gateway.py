"""Raw requests to the gateway's proxy, each on a connection of its own, and what arrived of them."""

from __future__ import annotations

import http.client
import itertools
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.gateway_cases import Case
from tests.live.live_run import Target
from tests.live.live_upstream import MARK, Upstream

_numbers = itertools.count(1)

ROUNDS = 40
"""How often in a row an answer must be right: every worker has a view of its own, and a connection meets any of them."""


def ask(proxy: tuple[str, int], raw: bytes, method: str = "GET", timeout: float = 15) -> int:
    """The status that the bytes of one request get. Raises OSError or http.client.HTTPException for no answer."""
    with socket.create_connection(proxy, timeout=timeout) as connection:
        connection.sendall(raw)
        response = http.client.HTTPResponse(connection, method=method)
        try:
            response.begin()
            response.read()
            return response.status
        finally:
            response.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The gateway's status, and the bytes that reached the upstream (None: none did)."""

    status: int
    arrived: bytes | None

    def told(self) -> dict[str, str]:
        """The identity headers that arrived, by name as CGI folds names. Fails for one that arrived twice."""
        assert self.arrived is not None
        lines = self.arrived.decode("latin-1").split("\r\n\r\n", 1)[0].split("\r\n")[1:]
        pairs = [(name.lower().replace("_", "-").replace(".", "-"), value) for name, _, value in map(_parted, lines)]
        told = [(name, value) for name, value in pairs if name.startswith("x-auth-")]
        assert len(told) == len(dict(told)), "a header arrived twice"
        return dict(told)


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(": ")


@dataclass(frozen=True, slots=True)
class LiveGateway:
    """A gateway and the upstream behind it."""

    target: Target
    upstream: Upstream

    def send(self, case: Case, *headers: bytes) -> Outcome:
        """One request with more header lines; it may arrive once at most."""
        mark = f"request-{next(_numbers)}"
        raw = case.raw(*headers, MARK + b": " + mark.encode(), b"Connection: close")
        return self.outcome(raw, case.method, mark)

    def outcome(self, raw: bytes, method: str, mark: str) -> Outcome:
        """The same for bytes that hold `mark` already."""
        status = ask(self.target.proxy, raw, method)
        arrived = self.upstream.arrived(mark)
        assert len(arrived) <= 1, f"{mark} arrived {len(arrived)} times"
        return Outcome(status, arrived[0] if arrived else None)

    def await_steady(self, expected: Sequence[tuple[Case, int]], bound: float) -> None:
        """Waits until every case gets its status, ROUNDS times in a row. Fails after `bound` seconds."""
        await_true(lambda: self._steady(expected), bound)

    def _steady(self, expected: Sequence[tuple[Case, int]]) -> str | None:
        for _ in range(ROUNDS):
            for case, status in expected:
                got = self.send(case).status
                if got != status:
                    return f"{case.method} {case.host} {case.target!r}: {got}, not {status}"
        return None


def await_true(wrong: Callable[[], str | None], bound: float) -> None:
    """Asks until nothing is wrong any more. Fails with what is wrong after `bound` seconds."""
    until = time.monotonic() + bound
    while (what := wrong()) is not None:
        assert time.monotonic() < until, f"after {bound:g} s still: {what}"
        time.sleep(0.1)
