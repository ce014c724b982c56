"""Pods that call without a pause, while keys change under them."""

from __future__ import annotations

import datetime
import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import caller
from sandbox.browser import IssuerError
from sandbox.local import STACK, Local
from tests.support.engine.calls import call, credential
from tests.support.engine.deployment import Deployment

FIRST = datetime.date(2026, 11, 25)
CLIENTS: Mapping[str, str | None] = {"checkout": None, "web": "user-sales"}
"""Clients of the sample estate that may read orders, each with its user."""


@dataclass
class Pods:
    """The pods of each of `clients`, with the credential that they started with; `ask` returns the
    answer to a call with their token.

    `slow` pods keep their credential until after the run.
    """

    local: Local
    ask: Callable[[str], int] | None = None
    clients: Mapping[str, str | None] = field(default_factory=lambda: CLIENTS)
    statuses: Counter[str] = field(default_factory=Counter)
    quick: dict[str, dict[str, str]] = field(default_factory=dict)
    slow: dict[str, dict[str, str]] = field(default_factory=dict)

    def start(self) -> None:
        """Restart all pods with the current Secrets."""
        self.quick = {
            name: credential(self.local, name) for name in self.clients
        }
        self.slow = self.slow or self.quick

    def roll_the_last(self) -> None:
        self.slow = self.quick

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Start the pods, which call until the end."""
        self.start()
        end = threading.Event()
        thread = threading.Thread(
            target=self._call_until, args=(end,), daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(30)

    def go_on(self, answers: int) -> None:
        """Wait for more answers. Fails after 60 seconds."""
        had, until = self.statuses.total(), time.monotonic() + 60
        while self.statuses.total() < had + answers:
            assert time.monotonic() < until, (
                f"{self.statuses.total() - had} answers in 60 s"
            )
            time.sleep(0.05)

    def _call_until(self, end: threading.Event) -> None:
        held: list[str] = []
        while not end.is_set():
            for name, user in self.clients.items():
                for pods in (self.quick, self.slow):
                    self._call(pods[name], user, held)

    def _call(
        self, settings: dict[str, str], user: str | None, held: list[str]
    ) -> None:
        try:
            token = caller.token(settings, user)[0]
        except IssuerError as refused:
            self.statuses[f"no token: {refused}"] += 1
            return
        held.append(token)
        for used in (
            token,
            held[0],
        ):  # a new token, and an earlier token
            self.statuses[self._answer(used)] += 1
        del held[:-20]

    def _answer(self, token: str) -> str:
        try:
            if self.ask is not None:
                return str(self.ask(token))
            return str(
                call(
                    self.local, "GET", "orders.example.com", "/orders", token
                ).status
            )
        except (OSError, http.client.HTTPException) as error:
            return f"no answer: {error!r}"


def on(deployment: Deployment, day: int) -> None:
    """Set the sample estate's `asOf`."""
    set_day(deployment.folder / f"stacks/Pulumi.{STACK}.yaml", day)


def set_day(stack_file: Path, day: int) -> None:
    """Set `asOf` to the day after FIRST by this number, as the scheduled workflow does."""
    text = stack_file.read_text("utf-8")
    then = FIRST + datetime.timedelta(days=day)
    changed, count = re.subn(
        r"kong-oam:asOf: (['\"]).*?\1", f'kong-oam:asOf: "{then}"', text
    )
    assert count == 1
    stack_file.write_text(changed, "utf-8")
