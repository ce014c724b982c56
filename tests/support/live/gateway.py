"""Send raw requests to the gateway's proxy, each on its own connection, and read the requests that
arrived."""

from __future__ import annotations

import http.client
import itertools
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.support.gateway_cases import Case
from tests.support.live.run import Target, bind_address, upstream_host
from tests.support.live.upstream import MARK, Upstream

_numbers = itertools.count(1)

_ROUNDS = 20
"""How often in a row an answer must be right, for each worker. Each worker has its own view, and a
connection meets any of them (`proxy_listen` has `reuseport` by default). With two workers, 40
connections miss a given worker once in 10^11 times."""


def ask(
    proxy: tuple[str, int],
    raw: bytes,
    method: str = "GET",
    timeout: float = 15,
    source: str | None = None,
) -> int:
    """Return the status for the bytes of one request, sent from this machine's address `source`.
    Raises OSError or http.client.HTTPException without an answer."""
    with socket.create_connection(
        proxy, timeout, (source, 0) if source else None
    ) as connection:
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
    """The gateway's status, and the bytes that reached the upstream (None: none)."""

    status: int
    arrived: bytes | None

    def identity_headers(self) -> dict[str, str]:
        """Return the identity headers that arrived, by name as CGI folds names. Fails for a header
        that arrived twice."""
        pairs = [
            (name.replace("_", "-").replace(".", "-"), value)
            for name, value in self._headers()
        ]
        identity = [
            (name, value) for name, value in pairs if name.startswith("x-auth-")
        ]
        assert len(identity) == len(dict(identity)), "a header arrived twice"
        return dict(identity)

    def credentials(self) -> list[str]:
        """Return the nonempty values of Authorization that arrived."""
        return [
            value
            for name, value in self._headers()
            if name == "authorization" and value
        ]

    def _headers(self) -> list[tuple[str, str]]:
        """Return the headers that arrived, by name in small letters."""
        assert self.arrived is not None
        lines = (
            self.arrived.decode("latin-1")
            .split("\r\n\r\n", 1)[0]
            .split("\r\n")[1:]
        )
        return [(name.lower(), value) for name, _, value in map(_parted, lines)]


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(": ")


@dataclass(frozen=True, slots=True)
class LiveGateway:
    """A gateway and the upstream behind it."""

    target: Target
    upstream: Upstream

    def send(self, case: Case, *headers: bytes) -> Outcome:
        """Send one request with more header lines; it may arrive at most once."""
        mark = f"request-{next(_numbers)}"
        raw = case.raw(
            *headers, MARK + b": " + mark.encode(), b"Connection: close"
        )
        return self.outcome(raw, case.method, mark, case.address)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the URL of /metrics of each node that answers: LIVE_METRICS_URL, or the Admin
        API's own node.

        None where another node, or a balancer before several, has the proxy's port and no setting
        names the nodes.
        """
        if self.target.metrics:
            return self.target.metrics
        listeners = self.target.get("/").json()["configuration"][
            "proxy_listeners"
        ]
        is_own = self.target.proxy[1] in {
            listener["port"] for listener in listeners
        }
        return (f"{self.target.admin_url}/metrics",) if is_own else ()

    @property
    def alone(self) -> bool:
        """Return whether one node answers all calls."""
        return len(self.metrics) == 1

    def outcome(
        self, raw: bytes, method: str, mark: str, source: str | None = None
    ) -> Outcome:
        """Send the bytes of a request, which already have `mark`."""
        status = ask(self.target.proxy, raw, method, source=source)
        arrived = self.upstream.arrived(mark)
        assert len(arrived) <= 1, f"{mark} arrived {len(arrived)} times"
        return Outcome(status, arrived[0] if arrived else None)

    @contextmanager
    def beside(self) -> Iterator[LiveGateway]:
        """Yield the same gateway with another workload behind it: `verify` names each path to a
        workload of its stack."""
        bind = bind_address()
        with Upstream(bind) as upstream:
            yield replace(self, upstream=upstream)

    def await_steady(
        self, expected: Sequence[tuple[Case, int]], bound: float
    ) -> None:
        """Wait until every case gets its status from every worker. Fails after `bound` seconds."""
        rounds = _ROUNDS * max(self.target.workers, 2)
        await_true(lambda: self._steady(expected, rounds), bound)

    def _steady(
        self, expected: Sequence[tuple[Case, int]], rounds: int
    ) -> str | None:
        for _ in range(rounds):
            for case, status in expected:
                try:
                    got = self.send(case).status
                except (OSError, http.client.HTTPException) as error:
                    return f"{_shown(case)}: no answer ({type(error).__name__}), not {status}{self._unreached}"
                if got != status:
                    hint = self._unreached if got in _NO_UPSTREAM else ""
                    return f"{_shown(case)}: {got}, not {status}{hint}"
        return None

    @property
    def _unreached(self) -> str:
        return (
            f". Does Kong reach the tier's upstream at {upstream_host()}:{self.upstream.port}? "
            "LIVE_UPSTREAM_HOST says how it reaches this machine, as from a container"
        )


_NO_UPSTREAM = (502, 503, 504)


def _shown(case: Case) -> str:
    return f"{case.method} {case.host} {case.target!r}"


def await_true(wrong: Callable[[], str | None], bound: float) -> None:
    """Wait until `wrong` finds nothing. Fails with its finding after `bound` seconds."""
    until = time.monotonic() + bound
    while (finding := wrong()) is not None:
        assert time.monotonic() < until, f"after {bound:g} s still: {finding}"
        time.sleep(0.1)
