"""Callers who ask without pause while an estate appears, disappears and breaks: without a token,
and with a token that lacks scopes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.faults.stacks import Stack
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC


def poor_token(stack: Stack) -> str | None:
    """Return a valid token without scopes from the stack's own issuer for its own audience; None
    without an issuer."""
    local = stack.local
    servers = [
        server
        for server in local.okta.objects("authorizationServers")
        if server["name"] == f"kong-oam {stack.name}"
    ]
    if not servers:
        return None
    now = int(time.time())
    claims = {
        "iss": f"{local.okta.url}/oauth2/{servers[0]['id']}",
        "aud": f"api://kong-oam/{stack.name}",
        "iat": now,
        "exp": now + 600,
        "jti": "AT.watch",
        "cid": "watch",
        "sub": "watch",
        "scp": [],
    }
    return local.okta.sign(servers[0]["id"], claims)


@dataclass(slots=True)
class Watch:
    """A thread that asks for each of `protected` (host, path) about every 10 ms until the end;
    `let_in` lists the callers who were allowed."""

    stack: Stack
    protected: tuple[tuple[str, str], ...]
    asked: int = 0
    let_in: set[tuple[str, str, int]] = field(default_factory=set)
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread:
            self._thread.join(10)

    def _run(self) -> None:
        token = None
        while not self._done.is_set():
            token = token or poor_token(self.stack)
            for host, path in self.protected:
                for with_token in (None, token):
                    answer = self.stack.answer("GET", host, path, with_token)
                    self.asked += 1
                    if answer.upstream:
                        who = (
                            "a token without scopes"
                            if with_token
                            else "no token"
                        )
                        self.let_in.add((host + path, who, answer.status))
            self._done.wait(0.01)


class Caller:
    """An allowed caller that asks for both paths about every 10 ms, and counts the answers."""

    def __init__(self, stack: Stack, token: str) -> None:
        self._stack, self._token = stack, token
        self.answers: Counter[int] = Counter()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._done.wait(0.01):
            for path, token in ((PROTECTED, self._token), (PUBLIC, None)):
                self.answers[self._stack.status("GET", HOST, path, token)] += 1
