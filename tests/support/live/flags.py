"""Two Applications with a caller each, their later forms, and the CLI on them with any flags, on a
live Kong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from types import TracebackType

import httpx

from sandbox import caller
from tests.support.gateway_cases import Case
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway
from tests.support.live.hammer import Hammer
from tests.support.live.run import Target, bind_address, issuer
from tests.support.live.upstream import Upstream
from tests.support.local_servers import Listening

_APPLICATION = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: %(name)s, namespace: %(name)s}
spec:
  components:
    - name: %(component)s
      type: webservice
      properties: {image: registry.example.com/%(name)s:1, ports: [{port: %(port)d}]}
      traits:
        - type: gateway
          properties: {domain: %(host)s, http: {/: %(port)d}}
        - type: access
          properties:
            owner: team-%(name)s
            scopes: {%(scope)s: Read}
            rules:
              - {methods: [GET], scopes: [%(scope)s]}
              - {paths: [/health], methods: [GET], public: {reason: probes}}
            roles:
              reader: {scopes: [%(scope)s], components: [%(callers)s]}
"""
_CALLER = """
    - name: %(name)s
      type: worker
      properties: {image: registry.example.com/%(name)s:1}
      traits:
        - type: client
          properties: {kind: service, calls: [%(calls)s]}
"""


@dataclass(frozen=True, slots=True)
class Api:
    """An Application `name` of one component that answers GET for `scope`, and of the clients with
    this scope."""

    name: str
    scope: str
    port: int
    component: str = "api"
    callers: tuple[str, ...] = ("reader",)

    @property
    def key(self) -> str:
        return f"{self.name}/{self.component}"

    def text(self, host: str, calls: Mapping[str, Sequence[Api]]) -> str:
        """Return the API's YAML. `calls` maps clients of this Application to the APIs that they
        call, this API among others."""
        granted = [
            key
            for key, called in calls.items()
            if self.key in [api.key for api in called]
        ]
        fields = {
            "name": self.name,
            "component": self.component,
            "port": self.port,
            "host": host,
            "scope": self.scope,
        }
        text = _APPLICATION % {**fields, "callers": ", ".join(granted)}
        for name in self.callers:
            asked = [
                f"{{component: {api.key}, scopes: [{api.scope}]}}"
                for api in calls[f"{self.name}/{name}"]
            ]
            text += _CALLER.removeprefix("\n") % {
                "name": name,
                "calls": ", ".join(asked),
            }
        return text


class Between(Listening):
    """A proxy before Kong's Admin API that answers 500 to requests that `meet` rejects. A context
    manager.

    `meet` gets method, path and body of each writing request.
    """

    def __init__(self, target: Target) -> None:
        self.meet: Callable[[str, str, bytes], bool] = _anything
        handler = type("Handler", (_Handler,), {"between": self})
        self._admin = target.admin()
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        super().__init__(server)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> httpx.Response:
        if method != "GET" and not self.meet(method, path, body):
            return httpx.Response(500, json={"message": "refused by the test"})
        kept = {
            name: value
            for name, value in headers.items()
            if name.lower() in ("content-type", "kong-admin-token")
        }
        return self._admin.request(method, path, headers=kept, content=body)

    def __exit__(
        self, *ended: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        super().__exit__(*ended)
        self._admin.close()


def _anything(*_: object) -> bool:
    return True


class _Handler(BaseHTTPRequestHandler):
    between: Between
    protocol_version = "HTTP/1.1"

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.between.answer(
            self.command, self.path, dict(self.headers), body
        )
        self.send_response(answer.status_code)
        self.send_header(
            "Content-Type",
            answer.headers.get("Content-Type", "application/json"),
        )
        if answer.status_code != 204:
            self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _hand_on

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Log no request."""


@dataclass(slots=True)
class Flags:
    """The project with its stack, on which `run` runs the CLI, and the callers that hammer on it
    meanwhile.

    `apis` are the Applications in the folder; `before` are the initial Applications.
    """

    engine: Engine
    between: Between
    workloads: tuple[Upstream, ...]
    before: tuple[Api, ...]
    apis: tuple[Api, ...] = ()
    tokens: dict[str, str] = field(default_factory=dict)
    hammer: Hammer | None = None

    @property
    def live(self) -> LiveGateway:
        return self.engine.live

    def host(self, name: str) -> str:
        return f"{name}.{self.engine.stack}.example.com"

    def write(self, *apis: Api, former: Sequence[Api] = ()) -> None:
        """Write these Applications and no others into the folder; the client a/former calls some,
        each reader its own API."""
        calls: dict[str, Sequence[Api]] = {
            f"{api.name}/reader": [api]
            for api in apis
            if "reader" in api.callers
        }
        if former:
            calls["a/former"] = former
        folder = self.engine.folder / "applications"
        for file in folder.iterdir():
            file.unlink()
        for api in apis:
            extended = (
                replace(api, callers=(*api.callers, "former"))
                if former and api.name == "a"
                else api
            )
            (folder / f"{api.name}.yaml").write_text(
                extended.text(self.host(api.name), calls), "utf-8"
            )
        self.apis = apis

    def run(self, *arguments: str, check: bool = True) -> CompletedProcess[str]:
        """Run the CLI once without questions. Raises CalledProcessError when `check` and it failed."""
        verb, *flags = arguments
        return self.engine.pulumi(
            verb,
            "-s",
            self.engine.stack,
            "--yes",
            "--skip-preview",
            *flags,
            check=check,
        )

    def fails(self, *arguments: str) -> None:
        """Run the CLI, which must fail. Raises AssertionError otherwise."""
        done = self.run(*arguments, check=False)
        assert done.returncode, f"{arguments}: {done.stdout}"

    def urn(self, name: str) -> str:
        """Return the URN of the only resource with this logical name."""
        shown = self.engine.pulumi(
            "stack", "-s", self.engine.stack, "--show-urns"
        ).stdout
        (found,) = {
            word
            for word in shown.split()
            if word.startswith("urn:") and word.endswith(f"::{name}")
        }
        return found

    def token(self, application: str, component: str) -> str:
        """Return a token of the client, with the credential from its own Secret."""
        environment = caller.environment(
            self.engine.local.cluster.url, application, component
        )
        return caller.token(environment)[0]

    def case(
        self,
        method: str,
        application: str,
        path: str = "/",
        who: str | None = None,
    ) -> Case:
        """Return an anonymous request, or a request with the stored token `who`."""
        authorization = (f"Bearer {self.tokens[who]}",) if who else ()
        return Case(
            method, self.host(application), path.encode(), authorization
        )

    def callers(self) -> Mapping[str, Sequence[Case]]:
        """Return callers that no estate of this file allows. Their tokens list scopes that the
        other Application's API requires at some time, or all of them, but their clients have no
        grants there."""
        everywhere = ("a", "b", "c")
        ends = [
            self.case("GET", name, who=who)
            for name in ("b", "c")
            for who in ("a/reader", "a/reader, swapped")
        ]
        return {
            "nobody": [
                *(self.case("GET", name) for name in everywhere),
                *(self.case("POST", name, "/health") for name in everywhere),
            ],
            "with a stranger's key": [
                self.case("GET", name, who="stranger") for name in everywhere
            ],
            "the reader of a elsewhere": [
                *ends,
                self.case("POST", "a", who="a/reader"),
            ],
            "the reader of b elsewhere": [
                self.case("GET", name, who=who)
                for name in ("a", "c")
                for who in ("b/reader", "b/reader, swapped")
            ],
            "with an old token": [
                self.case("GET", name, who="a/former") for name in everywhere
            ],
        }

    def welcome(self) -> Mapping[str, Sequence[Case]]:
        """Return the callers that the initial estate allows."""
        return {
            READER: [self.case("GET", "a", who="a/reader")],
            EVERYBODY: [self.case("GET", "a", "/health")],
        }

    def back(self) -> None:
        """Deploy the initial estate again, and wait until every worker sees it."""
        self.write(*self.before)
        self.run("up")
        expected = []
        for name, elsewhere in (
            ("a", "b"),
            ("b", "a"),
        ):  # The ids of its clients may have changed since.
            authorization = (f"Bearer {self.token(name, 'reader')}",)
            expected += [
                (
                    replace(
                        self.case("GET", name), authorization=authorization
                    ),
                    200,
                ),
                (
                    replace(
                        self.case("GET", elsewhere), authorization=authorization
                    ),
                    403,
                ),
                (self.case("GET", name), 401),
                (self.case("GET", name, "/health"), 200),
            ]
        self.live.await_steady(
            [*expected, (self.case("GET", "c"), 404)], self.engine.bound
        )


READER, EVERYBODY = "the reader of a", "everybody to the health check of a"


@contextmanager
def flags(live: LiveGateway, folder: Path) -> Iterator[Flags]:
    """Yield the two Applications in their initial form, deployed, with tokens of the initial
    clients, and callers that hammer."""
    bind = bind_address()
    with ExitStack() as started:
        workloads = tuple(
            started.enter_context(Upstream(bind)) for _ in range(3)
        )
        between = started.enter_context(Between(live.target))
        made = started.enter_context(engine(live, folder, "flags"))
        made.local.env["KONG_ADMIN_ADDR"] = between.url
        ports = [workload.port for workload in workloads]
        found = Flags(
            made,
            between,
            workloads,
            before=(
                Api("a", "data.read", ports[0]),
                Api("b", "other.read", ports[1]),
            ),
        )
        swapped = swap(found.before)
        found.write(*swapped, former=swapped)
        found.run("up")
        for key in ("a/reader", "b/reader"):
            found.tokens[f"{key}, swapped"] = found.token(*key.split("/"))
        found.tokens["a/former"] = found.token("a", "former")
        found.tokens["stranger"] = issuer().service(["data.read", "other.read"])
        found.write(*found.before)
        found.run("up")
        for key in ("a/reader", "b/reader"):
            found.tokens[key] = found.token(*key.split("/"))
        found.back()
        time.sleep(
            made.settle
        )  # requests in turn may never meet each worker of each node
        found.hammer = started.enter_context(
            Hammer(live, found.callers(), found.welcome(), workloads)
        )
        yield found


def swap(apis: tuple[Api, ...]) -> tuple[Api, ...]:
    """Return two Applications that each require the scope of the other."""
    first, second = apis
    return replace(first, scope=second.scope), replace(
        second, scope=first.scope
    )


@dataclass(slots=True)
class Attack:
    """The stages of a test under hammering."""

    flags: Flags
    hammer: Hammer
    stages: list[str] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def __call__(self, stage: str) -> None:
        """Begin the next stage."""
        if self.stages:
            self.hammer.await_answers()
        self.stages.append(stage)
        self.hammer.stage(stage)

    def kept_out(self, caller: str) -> dict[int, float]:
        """Return the seconds for which a welcome caller got another answer, by status, since the
        attack began."""
        return self.hammer.kept_out(caller, self.since)


@contextmanager
def attack(flags: Flags, report: Callable[[str], None]) -> Iterator[Attack]:
    """Hammer from the initial estate, through the test's stages, and back. No caller may be
    allowed."""
    assert flags.hammer
    made = Attack(flags, flags.hammer)
    name = ""
    try:
        yield made
        name = made.stages[0]
        made(f"back from: {name}")
        flags.between.meet = _anything
        flags.back()
        flags.hammer.await_answers()
    finally:
        flags.between.meet = _anything
        lines = flags.hammer.lines(*made.stages) if name else []
        let_through = flags.hammer.let_through(*made.stages)
        for caller in (READER, EVERYBODY) if name else ():
            lost = made.kept_out(caller)
            text = (
                ", ".join(
                    f"{seconds} s {status}" for status, seconds in lost.items()
                )
                or "never"
            )
            lines.append(
                f"from '{made.stages[0]}' and back, {caller} was kept out: {text}"
            )
        for line in lines:
            report(line)
        print("let through:", let_through, *lines, sep="\n  ")
    assert let_through == {}
