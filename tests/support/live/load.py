"""Callers that send requests on lasting connections, and the counts of their answers."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping

from tests.support.gateway_cases import Case
from tests.support.live.threads import Calling

# The callers start at different requests, so that requests of all kinds meet at the gateway.
_CALLERS = 16


class Load(Calling):
    """Threads that repeat named requests until the end. A context manager.

    `answers`: how often each request got each status. `failed` has the errors of callers that ended
    early.
    """

    def __init__(
        self, proxy: tuple[str, int], requests: Mapping[str, Case]
    ) -> None:
        super().__init__()
        self._proxy = proxy
        self._requests = list(requests.items())
        self._counts: list[Counter[tuple[str, int]]] = []
        self.failed: list[Exception] = []
        for number in range(_CALLERS):
            counts: Counter[tuple[str, int]] = Counter()
            self._counts.append(counts)
            self._threads.append(
                threading.Thread(
                    target=self._run, args=(number, counts), daemon=True
                )
            )

    @property
    def answers(self) -> Counter[tuple[str, int]]:
        """The count of each request with its status; complete after the end."""
        total: Counter[tuple[str, int]] = Counter()
        for counts in self._counts:
            total += Counter(counts.copy())
        return total

    def await_answers(self, count: int) -> None:
        """Wait for so many answers. Fails where a caller ended early."""
        while self.answers.total() < count:
            assert self.failed == []
            time.sleep(0.2)

    def _run(self, number: int, counts: Counter[tuple[str, int]]) -> None:
        try:
            self._ask(number, counts)
        except (OSError, http.client.HTTPException) as error:
            self.failed.append(error)

    def _ask(self, number: int, counts: Counter[tuple[str, int]]) -> None:
        connection: socket.socket | None = None
        turns = itertools.cycle(self._requests)
        for name, case in itertools.islice(turns, number, None):
            if self._stop.is_set():
                break
            if connection is None:
                connection = socket.create_connection(self._proxy, 30)
            connection.sendall(case.raw())
            with http.client.HTTPResponse(
                connection, method=case.method
            ) as answer:
                answer.begin()
                answer.read()
                counts[name, answer.status] += 1
                is_last = answer.will_close
            if is_last:
                connection.close()
                connection = None
        if connection:
            connection.close()
