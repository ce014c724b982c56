"""Callers that ask without pause while entities change, and their answers."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tests.support.gateway_cases import Case
from tests.support.live.gateway import LiveGateway, ask
from tests.support.live.run import RUN
from tests.support.live.threads import Calling
from tests.support.live.upstream import MARK, Upstream

_PAUSE = 0.006
"""Seconds between two requests of a caller: some 100 requests a second leave ports and processors
for the gateway."""

LEAST = 10
"""The least answers of each caller in a valid stage."""

_numbers = itertools.count(1)


class Hammer(Calling):
    """A thread per caller, which repeats its requests in turn until the end. A context manager.

    `callers` must never be allowed; `welcome` callers are allowed for some of the time. Requests
    must not reach `workloads` (default: the tier's own). `stage(name)` begins a stage. Answers are
    counted by stage, caller and status (0 is a connection without an answer), and so are requests
    that reached a workload.
    """

    def __init__(
        self,
        live: LiveGateway,
        callers: Mapping[str, Sequence[Case]],
        welcome: Mapping[str, Sequence[Case]] | None = None,
        workloads: Sequence[Upstream] = (),
    ) -> None:
        super().__init__()
        self._live = live
        self._workloads = workloads or (live.upstream,)
        self._name = f"{RUN}-hammer-{next(_numbers)}"
        self._counts: dict[tuple[str, str], Counter[int]] = {}
        self._answers: dict[str, list[tuple[float, int]]] = {
            name: [] for name in welcome or ()
        }
        self._callers = tuple(callers)
        self._threads = [
            threading.Thread(
                target=self._ask,
                args=(name, cases),
                name=f"hammer-{name}",
                daemon=True,
            )
            for name, cases in {**callers, **(welcome or {})}.items()
        ]

    def arrived(self, stage: str, caller: str) -> int:
        """Return the number of a caller's requests that reached a workload."""
        return sum(
            len(workload.arrived(self._mark(stage, caller)))
            for workload in self._workloads
        )

    def let_through(self, *stages: str) -> dict[tuple[str, str], int]:
        """Return the counts of `callers` that reached a workload, or got its status, by stage
        (default: all) and caller. Zero counts are left out."""
        found = {
            key: max(
                self.arrived(*key),
                sum(
                    count
                    for status, count in counts.items()
                    if 0 < status < 400
                ),
            )
            for key, counts in self._counts.copy().items()
            if key[1] in self._callers and (not stages or key[0] in stages)
        }
        return {key: count for key, count in found.items() if count}

    def asked(self, stage: str) -> int:
        """Return the number of answers that `callers` got in a stage."""
        counts = self._counts.copy()
        of_callers = [
            counts.get((stage, caller), Counter()) for caller in self._callers
        ]
        return sum(count.total() - count[0] for count in of_callers)

    def allowed(self, caller: str) -> int:
        """Return how often a welcome caller got 200."""
        answers = self._answers[caller].copy()
        return sum(status == 200 for _, status in answers)

    def kept_out(self, caller: str, since: float) -> dict[int, float]:
        """Return for how many seconds a welcome caller got which other answer than 200, from a time
        of `time.monotonic`."""
        seconds: dict[int, float] = {}
        for (sent, status), (next_sent, _) in pairwise(
            self._answers[caller].copy()
        ):
            if sent >= since and status != 200:
                seconds[status] = seconds.get(status, 0) + next_sent - sent
        return {
            status: round(lost, 1) for status, lost in sorted(seconds.items())
        }

    def lines(self, *stages: str) -> list[str]:
        """Return a line for each of the stages, with all answers of all callers. Fails where a
        caller did not ask."""
        lines = []
        for stage in stages:
            answers: Counter[int] = Counter()
            for caller in self._callers:
                counts = self._counts.get((stage, caller), Counter())
                answered = sum(
                    count for status, count in counts.items() if status
                )
                assert answered >= LEAST, (
                    f"{caller} had {answered} answers while '{stage}'"
                )
                answers += counts
            text = ", ".join(
                f"{status}: {count}"
                for status, count in sorted(answers.items())
            )
            lines.append(
                f"{stage}: {answers.total()} requests of {len(self._callers)} callers, by status {text}"
            )
        return lines

    def await_answers(self) -> None:
        """Wait until every caller has enough answers in this stage. Fails after 30 seconds."""
        until = time.monotonic() + 30
        while any(
            self._counts.get((self._stage, caller), Counter()).total()
            < 2 * LEAST
            for caller in self._callers
        ):
            assert time.monotonic() < until, (
                f"the callers get no answers while '{self._stage}'"
            )
            time.sleep(0.05)

    def _mark(self, stage: str, caller: str) -> str:
        return f"{self._name}-{stage}-{caller}".replace(" ", "-")

    def _ask(self, name: str, cases: Sequence[Case]) -> None:
        for case in itertools.cycle(cases):
            if self._stop.is_set():
                return
            stage, sent = self._stage, time.monotonic()
            raw = case.raw(
                MARK + b": " + self._mark(stage, name).encode(),
                b"Connection: close",
            )
            try:
                status = ask(self._live.target.proxy, raw, case.method)
            except (OSError, http.client.HTTPException):
                status = 0
            self._counts.setdefault((stage, name), Counter())[status] += 1
            if name in self._answers:
                self._answers[name].append((sent, status))
            time.sleep(_PAUSE)
