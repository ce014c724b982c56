"""Runs of the real engine on the stand-ins, recorded for the checker: one stack that goes from estate to estate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from access.compile import compile_estate
from access.model import Estate
from access.stack import Settings, read_file
from access.tokens import Key, KeyRing
from components.identity import describe
from components.identity._discovery import discover
from oam.application import read_files
from sandbox.kong import Lags
from sandbox.kong.http import Request, Response
from sandbox.kong.store import Snapshot
from sandbox.local import ROOT, STACK, Local
from tests.checker.check import Caller, Meaning
from tests.checker.estates import GROUPS, UIDS
from tests.checker.history import Replay, replay
from tests.engine.deployment import project
from tests.faults.stacks import Stack

LAG = 0.02
"""Seconds. What the stand-in says its workers take, so that a settle step is short. It shows every change at once: how
late views are is for the checker to vary."""
PROVIDER = "okta"


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run (or several in a row), and what held before and after it. `callers` have tokens of the keys of
    either."""

    name: str
    replay: Replay
    old: Meaning
    new: Meaning
    callers: tuple[Caller, ...]


@dataclass(slots=True)
class Recorder:
    """A stack of a copy of this project, on stand-ins of its own. `meaning` is what holds after the last run."""

    stack: Stack
    settings: Settings
    meaning: Meaning
    keys: dict[str, Key]
    callers: dict[str, tuple[Caller, ...]]
    """By the key that their tokens are signed with."""

    @staticmethod
    def on(local: Local, folder: Path, *edits: tuple[str, str, str]) -> Recorder:
        """An empty stack; `local` comes from `sandbox()`. Each edit is (file, old text, new text): a fault to be found."""
        folder.mkdir()
        project(folder, *sorted({file.split("/", 1)[0] for file, _, _ in edits}))
        for file in (folder / "applications").iterdir():
            file.unlink()
        local.pulumi("stack", "init", STACK, cwd=folder)
        stack = Stack(local, folder)
        for edit in edits:
            stack.edit(*edit)
        settings = read_file(ROOT / "stacks/Pulumi.local.yaml", describe)
        return Recorder(stack, settings, Meaning(Estate(settings.stack, ()), {}, {}), {}, {})

    def up(self, name: str, application: str) -> Run:
        """Deploys the Application ("" for none) and records what that took."""
        self._write(application)
        return self._recorded(name, lambda: self.stack.run("up", "--json"))

    def failing(self, name: str, application: str, nth: int) -> Run:
        """The same, but Kong answers the `nth` request that would change it with a 500 and does nothing; then once more,
        with no pause in between. Gives both runs as one."""
        self._write(application)
        old, counted = self.meaning, 0

        def refuse(request: Request, answer: Callable[[], Response]) -> Response | None:
            nonlocal counted
            counted += request.method != "GET"
            return Response(500, (), b"{}") if counted == nth and request.method != "GET" else answer()

        self.stack.local.kong.faults = refuse
        try:
            first = self._recorded(name, lambda: self._must_fail(self.stack.run("up", "--json", check=False)))
        finally:
            self.stack.local.kong.faults = None
        second = self._recorded(name, lambda: self.stack.run("up", "--json"))
        return replace(second, name=f"{name}, failing at {nth}", replay=first.replay.then(second.replay), old=old)

    def rotate(self) -> None:
        """Lets the issuer sign with another key from now on; it publishes the old one, too."""
        (server,) = self.stack.local.okta.objects("authorizationServers")
        self.stack.local.okta.rotate(server["id"])

    @staticmethod
    def _must_fail(done: CompletedProcess[str]) -> CompletedProcess[str]:
        assert done.returncode, "the run was to fail, and did not"
        return done

    def _write(self, application: str) -> None:
        file = self.stack.folder / "applications/app.yaml"
        file.unlink(missing_ok=True)
        if application:
            file.write_text(application, "utf-8")

    def _recorded(self, name: str, run: Callable[[], CompletedProcess[str]]) -> Run:
        old, before, since = self.meaning, self.stack.state(), len(self._past())
        printed = run().stdout
        past = self._past()[since - 1 :]
        done = replay(printed, before, self.stack.state(), past, LAG)
        self._look()
        return Run(name, done, old, self.meaning, tuple(c for known in self.callers.values() for c in known))

    def _past(self) -> Sequence[Snapshot]:
        return self.stack.local.kong.past()

    def _look(self) -> None:
        """What is meant now: the model of the Applications that are there, and every key that the issuer published so
        far (none of their tokens is past its lifetime)."""
        local = self.stack.local
        compiled = compile_estate(read_files([self.stack.folder / "applications"]), self.settings.stack)
        assert compiled.estate is not None, compiled.diagnostics
        provider = self.settings.stack.providers[PROVIDER]
        issuer = ""
        for server in local.okta.objects("authorizationServers"):
            issuer = f"{local.okta.url}/oauth2/{server['id']}"
            keys = discover(issuer).keys
            self.keys |= {key.kid: Key(key.kid, load_pem_public_key(key.pem.encode())) for key in keys}  # type: ignore[arg-type]
            kid = server["credentials"]["signing"]["kid"]
            if kid not in self.callers:
                self.callers[kid] = tuple(_callers(local, server["id"], issuer, kid, provider.audience))
        workloads = {one["name"]: (one["host"], one["port"]) for one in local.kong.entities("services")}
        self.meaning = Meaning(compiled.estate, {PROVIDER: KeyRing(provider, issuer, dict(self.keys))}, workloads)


def sandbox() -> Local:
    """Stand-ins whose Kong shows every change at once and says that it takes `LAG`."""
    configuration = {"worker_state_update_frequency": LAG, "db_update_frequency": 0.0}
    return Local(lags=Lags(), configuration=configuration)


def _callers(local: Local, server: str, issuer: str, kid: str, audience: str) -> Iterable[Caller]:
    """Services with every choice of one component's scopes, users of every choice of groups, and nobody in particular."""
    now = int(time.time())
    common = {"iss": issuer, "aud": audience, "iat": now, "exp": now + 24 * 3600, "jti": "AT.checker", "cid": "client"}

    def signed(name: str, **claims: Any) -> Caller:
        return Caller(f"{name} (key {kid[:6]})", local.okta.sign(server, {**common, **claims}), kid)

    yield Caller("nobody", kid=kid)
    yield Caller("somebody with no token in the header", "a.b.c", kid)
    yield signed("a service without scopes", sub="client", scp=[])
    for uid in UIDS:
        read, write = f"{uid}.read", f"{uid}.write"
        for scopes in ([read], [write], [read, write]):
            yield signed(f"a service with {' '.join(scopes)}", sub="client", scp=scopes)
    everything = [f"{uid}.{what}" for uid in UIDS for what in ("read", "write")]
    for groups in ([], [GROUPS[0]], [GROUPS[1]], list(GROUPS)):
        yield signed(f"a user in {' '.join(groups) or 'no group'}", sub="u", uid="u", scp=everything, groups=groups)
