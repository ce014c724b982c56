"""Runs of the real engine on the stand-ins, recorded for the checker: one stack that goes from estate to estate."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import yaml

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import Settings
from kong_oam.identity.kinds import describe
from kong_oam.oam.application import join_readings, read_bytes
from sandbox import browser, caller
from sandbox.kong import Lags
from sandbox.kong.http import Request, Response
from sandbox.local import STACK, USERS, Local
from tests.support.checker.check import (
    PROVIDER,
    Caller,
    Meaning,
    Report,
    SourcePosition,
    check,
)
from tests.support.checker.data_plane import Address
from tests.support.checker.estates import REDIRECT, UIDS, Shape, application
from tests.support.checker.history import (
    Images,
    Moment,
    Replay,
    replay,
    watched,
)
from tests.support.engine.calls import part
from tests.support.engine.deployment import project, remove_applications
from tests.support.estates import STACK as OF_TESTS
from tests.support.estates import compiled
from tests.support.faults.stacks import Stack, trust
from tests.support.json_object import JsonObject

SETTINGS = "stacks/Pulumi.local.yaml"
EVERYTHING = tuple(
    f"{uid}.{verb}" for uid in UIDS for verb in ("read", "write")
)
APP = "applications/app.yaml"
Edit = tuple[str, str, str]
"""File, old text, new text."""


def compiles(text: str) -> bool:
    """Return whether an Application compiles on a stack whose workloads may speak https."""
    return (
        compiled(text, stack=replace(OF_TESTS, upstream_tls="tls")).estate
        is not None
    )


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run, or several in a row: the models before, between and after them, all callers
    and the addresses of workloads. `ordered`: only the engine wrote, so its order is known."""

    name: str
    replay: Replay
    models: tuple[Meaning, ...]
    callers: tuple[Caller, ...]
    workloads: Mapping[Address, SourcePosition]
    ordered: bool = True

    def then(self, other: Run) -> Run:
        """Return both runs in a row; no view has seen the first before the second begins."""
        models = (
            *self.models,
            *(model for model in other.models if model not in self.models),
        )
        join_readings = self.replay.then(other.replay)
        known = {**self.workloads, **other.workloads}
        return Run(
            other.name,
            join_readings,
            models,
            other.callers,
            known,
            self.ordered and other.ordered,
        )

    def report(self) -> Report:
        """Return the checker's findings."""
        return check(
            self.replay,
            self.models,
            self.callers,
            self.workloads,
            ordered=self.ordered,
        )


@dataclass(slots=True)
class Recorder:
    """A stack of a copy of this project, on its own stand-ins. `behind` are the models whose
    entities may still exist: the model of the last completed run, and later models."""

    stack: Stack
    settings: Settings
    document: JsonObject
    behind: tuple[Meaning, ...]
    shape: Shape = field(default_factory=Shape)
    callers: dict[tuple[object, ...], Caller] = field(default_factory=dict)
    workloads: dict[Address, SourcePosition] = field(default_factory=dict)
    rollouts: list[tuple[int, Images]] = field(default_factory=list)
    """The images that ran, by number of Kong's changes."""
    output: str = ""
    """The output of the engine's last run."""

    @staticmethod
    def on(local: Local, folder: Path, *edits: Edit) -> Recorder:
        """Return an empty stack; `local` comes from `sandbox()`. Each edit is a fault that the
        checker must find."""
        folder.mkdir()
        project(
            folder, *sorted({file.split("/", 1)[0] for file, _, _ in edits})
        )
        remove_applications(folder)
        local.pulumi("stack", "init", STACK, cwd=folder)
        stack = Stack(local, folder)
        for edit in edits:
            stack.edit(*edit)
        trust(stack)
        file = folder / SETTINGS
        settings, document = (
            read_file(file, describe),
            yaml.safe_load(file.read_text("utf-8")),
        )
        nothing = Meaning((), document, Estate(settings.stack, ()), "", {})
        made = Recorder(stack, settings, document, (nothing,))
        local.cluster.changed = lambda: made.rollouts.append(
            (len(local.kong.past()), made._images())
        )
        return made

    def up(
        self, name: str, shape: Shape, *flags: str, fails: bool = False
    ) -> Run:
        """Deploy the Application and record the run. With flags, some resources may stay unchanged."""
        self.write(shape)
        fails = fails or bool(shape.unpullable)
        return self.engine(
            name,
            "up",
            *flags,
            fails=fails or bool(flags),
            whole=not (flags or fails),
        )

    def destroy(self, name: str, *flags: str) -> Run:
        """Destroy the stack, or the resources that flags name."""
        if not flags:
            self.write(Shape())
        return self.engine(
            name, "destroy", *flags, fails=bool(flags), whole=not flags
        )

    def engine(
        self,
        name: str,
        verb: str,
        *flags: str,
        fails: bool = False,
        whole: bool = False,
    ) -> Run:
        """Run the CLI once with the current Applications. `fails`: the run may fail; `whole`: no
        older entity is left."""
        before = self.stack.state()

        def replayed(
            done: CompletedProcess[str], moments: list[Moment]
        ) -> Replay:
            self.output = done.stdout + done.stderr
            # Flags change dependencies: `--continue-on-error` deletes a resource although an
            # earlier step has failed.
            return (
                watched(moments)
                if flags
                else replay(done.stdout, before, self.stack.state(), moments)
            )

        run = self._recorded(
            name,
            lambda: self.stack.run(verb, "--json", *flags, check=not fails),
            replayed,
            whole=whole,
        )
        return replace(run, ordered=not flags)

    def happens(
        self, name: str, action: Callable[[], object], *passed: Shape
    ) -> Run:
        """Record an action as the changes in their order. `passed` are other Applications that
        somebody deploys meanwhile, beside the final Applications."""
        run = self._recorded(name, action, lambda _, moments: watched(moments))
        *older, last = self.behind
        self.behind = (
            *older,
            *(self._meaning(shape) for shape in passed),
            last,
        )
        return replace(run, models=self.behind, ordered=False)

    def failing(self, name: str, shape: Shape, nth: int) -> Run:
        """Deploy while Kong answers the `nth` writing request with a 500 and changes nothing; then
        deploy again at once. Return both runs as one."""
        counted = 0

        def refuse(
            request: Request, answer: Callable[[], Response]
        ) -> Response | None:
            nonlocal counted
            counted += request.method != "GET"
            return (
                Response(500, (), b"{}")
                if counted == nth and request.method != "GET"
                else answer()
            )

        self.stack.local.kong.faults = refuse
        try:
            first = self.up(name, shape, fails=True)
        finally:
            self.stack.local.kong.faults = None
        if counted < nth:
            return first
        return replace(
            first.then(self.up(name, shape)), name=f"{name}, failing at {nth}"
        )

    def rotate(self) -> None:
        """Let the issuer sign with a new key from now on; it publishes the old key too."""
        (server,) = self.stack.local.okta.objects("authorizationServers")
        self.stack.local.okta.rotate(server["id"])

    def write(self, shape: Shape) -> None:
        """Write the Application, and its images that cannot be pulled."""
        self.shape = shape
        file = self.stack.folder / APP
        file.unlink(missing_ok=True)
        if text := application(shape):
            file.write_text(text, "utf-8")
        self.stack.local.cluster.unpullable = set(shape.unpullable)

    def _recorded(
        self,
        name: str,
        action: Callable[[], Any],
        replayed: Callable[[Any, list[Moment]], Replay],
        *,
        whole: bool = False,
    ) -> Run:
        since, ran = len(self.stack.local.kong.past()), self._images()
        self.rollouts.clear()
        self._find_workloads()
        done = action()
        moments = list(self._moments(since - 1, ran))
        models = self.behind
        self._look()
        new = self._meaning(self.shape)
        run = Run(
            name,
            replayed(done, moments),
            (*models, new),
            tuple(self.callers.values()),
            dict(self.workloads),
        )
        self.behind = (new,) if whole else (*models, new)
        return run

    def _moments(self, since: int, images: Images) -> Iterator[Moment]:
        for number, snapshot in enumerate(
            self.stack.local.kong.past()[since:], since + 1
        ):
            yield Moment(snapshot, images)
            for count, after in self.rollouts:
                if count == number and after != images:
                    images = after
                    yield Moment(snapshot, images)

    def _images(self) -> Images:
        cluster = self.stack.local.cluster
        names = [
            deployment["metadata"]["name"]
            for deployment in cluster.objects("Deployment")
        ]
        running = {
            f"app/{name}": cluster.running("default", name) for name in names
        }
        return {key: image for key, image in running.items() if image}

    def _find_workloads(self) -> None:
        for service in self.stack.local.cluster.objects("Service"):
            host = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local"
            component = (
                f"app/{service['spec']['selector']['app.oam.dev/component']}"
            )
            for port in service["spec"]["ports"]:
                self.workloads[host, port["port"]] = component, port["port"]

    def _meaning(self, shape: Shape) -> Meaning:
        """Return the meaning of an Application and its clients at the provider."""
        local, text = self.stack.local, application(shape)
        compiled = compile_estate(
            join_readings([read_bytes(APP, text.encode())] if text else []),
            self.settings.stack,
        )
        assert compiled.estate is not None, compiled.diagnostics
        documents = (json.loads(text),) if text else ()
        issuers = [
            f"{local.okta.url}/oauth2/{server['id']}"
            for server in local.okta.objects("authorizationServers")
        ]
        return Meaning(
            documents,
            self.document,
            compiled.estate,
            (*issuers, "")[0],
            self._clients(),
        )

    def _clients(self) -> dict[str, str]:
        label = f"kong-oam {STACK} "
        apps = [
            app
            for app in self.stack.local.okta.objects("apps")
            if app["label"].startswith(label)
        ]
        return {
            app["credentials"]["oauthClient"]["client_id"]: app[
                "label"
            ].removeprefix(label)
            for app in apps
        }

    def _look(self) -> None:
        """Find the workloads and current tokens of all callers. No token expires before the end."""
        self._find_workloads()
        for server in self.stack.local.okta.objects("authorizationServers"):
            for found in self._callers(
                server["id"], server["credentials"]["signing"]["kid"]
            ):
                known = (
                    found.issuer,
                    found.kid,
                    found.client,
                    found.user,
                    found.scopes,
                    found.groups,
                    bool(found.token),
                )
                self.callers.setdefault(known, found)

    def _callers(self, server: str, kid: str) -> Iterator[Caller]:
        """Yield clients with their tokens and with tokens that list every scope, strangers, and an
        anonymous caller."""
        okta = self.stack.local.okta
        issuer, now = f"{okta.url}/oauth2/{server}", int(time.time())
        common = {
            "iss": issuer,
            "aud": self._audience,
            "iat": now,
            "exp": now + 24 * 3600,
            "jti": "AT.checker",
        }

        def signed(name: str, **claims: Any) -> Caller:
            return _caller(
                name,
                okta.sign(
                    server, {**common, "scp": list(EVERYTHING), **claims}
                ),
                issuer,
            )

        stranger = signed(
            "a stranger with every scope", cid="stranger", sub="stranger"
        )
        yield Caller("nobody", kid=kid)
        yield stranger
        yield Caller(
            "somebody who signs for themselves",
            stranger.token[:-8] + "AAAAAAAA",
            kid,
        )
        for client, component in self._clients().items():
            name = component.removeprefix("app/")
            users = name == "site"
            for user in USERS if users else (None,):
                if token := self._token(
                    client, name, issuer, user.login if user else None
                ):
                    yield _caller(
                        f"{name}{f' for {user.login}' if user else ''}",
                        token,
                        issuer,
                    )
            if not users:
                yield signed(f"{name} with every scope", cid=client, sub=client)
            for user in USERS if users else ():
                whose = {
                    "cid": client,
                    "sub": user.login,
                    "uid": user.login,
                    "groups": list(user.groups),
                }
                yield signed(
                    f"{name} for {user.login} with every scope", **whose
                )

    @property
    def _audience(self) -> str:
        return self.settings.stack.providers[PROVIDER].audience

    def _token(
        self, client: str, name: str, issuer: str, user: str | None
    ) -> str | None:
        """Return a client's token; None where the issuer or the client's workload gives none."""
        try:
            if user is None:
                return caller.token(
                    caller.environment(
                        self.stack.local.cluster.url, "default", name
                    )
                )[0]
            endpoints = browser.Endpoints(
                f"{issuer}/v1/authorize", f"{issuer}/v1/token"
            )
            answer = browser.login(
                endpoints,
                client,
                None,
                REDIRECT,
                ["openid", *self._asked(name)],
                user,
            )
            return str(answer["access_token"])
        except (browser.IssuerError, LookupError):
            return None

    def _asked(self, name: str) -> list[str]:
        asked = (
            client.asks(part)
            for client in self.shape.clients
            for part in self.shape.parts
            if client.name == name
        )
        return sorted({scope for scopes in asked for scope in scopes})


def sandbox() -> Local:
    """Return stand-ins whose Kong shows every change at once: the checker varies the lag of views."""
    return Local(lags=Lags())


def _caller(name: str, token: str, issuer: str) -> Caller:
    claims = part(token, 1)
    return Caller(
        f"{name}, {' '.join(claims.get('scp', ())) or 'no scope'}",
        token,
        part(token, 0)["kid"],
        issuer,
        claims["cid"],
        "uid" in claims,
        tuple(claims.get("scp", ())),
        tuple(claims.get("groups", ())),
    )
