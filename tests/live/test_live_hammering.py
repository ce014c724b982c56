"""Never more open than the more open estate, at any time: callers call during create, change, move
and destroy.

This runs with the entities alone, as the program would change them, with the real program, and in
every wrong order. A control shows that the callers notice a service with the workload's address.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kong_oam.access.model import Component, Estate
from kong_oam.kong import names
from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import with_callers
from tests.support.kong_deployment import Entities
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway, await_true
from tests.support.live.hammer import LEAST, Hammer
from tests.support.live.run import (
    HAMMER_DOMAIN,
    RUN,
    issuer,
    stack,
    upstream_host,
)

STACK = f"{RUN}-hammer"
WRONG = f"{RUN}-wrong"
HOST, OTHER_HOST = f"orders.{HAMMER_DOMAIN}", f"moved.{HAMMER_DOMAIN}"
WRONG_HOST = f"wrong.{HAMMER_DOMAIN}"
Report = Callable[[str], None]


def _estate(
    name: str = STACK,
    owner: str = "orders",
    host: str = HOST,
    port: int = 8080,
    scope: str = "read",
) -> Estate:
    """Return a component that allows GET for `scope`, and its health check for everybody; a service
    for each port."""
    access = (
        "{owner: t, scopes: {read: r, write: w}, rules: "
        f"[{{methods: [GET], scopes: [{scope}]}}, {{paths: [/orders/health], methods: [GET], public: {{reason: h}}}}]}}"
    )
    return with_callers(
        estate(
            api(owner, domain=host, http=f"{{/orders: {port}}}", access=access),
            stack=stack(name),
        )
    )


def _component(estate: Estate) -> Component:
    (component,) = estate.exposed
    return component


def _callers(name: str, *hosts: str) -> Mapping[str, Sequence[Case]]:
    """Callers that the estates before and after both deny: on a protected path, and with a method
    that is not public."""
    by = issuer(name)
    tokens = {
        "nobody": None,
        "without the scope": by.service(["other"]),
        "in no group": by.user(["read", "write"], []),
        "with a stranger's key": by.signed(
            by.payload(["read", "write"]), by.stray
        ),
    }
    return {
        caller: [case for host in hosts for case in _asked(host, token)]
        for caller, token in tokens.items()
    }


def _asked(host: str, token: str | None) -> list[Case]:
    authorization = (f"Bearer {token}",) if token else ()
    return [
        Case("GET", host, b"/orders/7", authorization),
        Case("POST", host, b"/orders/health", authorization),
    ]


@dataclass(frozen=True, slots=True)
class Changing:
    """The entities of one component as they change, one after the other and without a pause."""

    live: LiveGateway
    entities: Entities

    def guard(self, estate: Estate) -> None:
        """The component's gated service."""
        self.entities.guard(
            estate, _component(estate), upstream_host(), self.live.upstream.port
        )

    def rule(self, estate: Estate) -> None:
        """The table of admission and gate becomes the estate's."""
        component = _component(estate)
        (backend,) = component.backends
        (service,) = self.entities.paths(
            "/services",
            name=names.service(estate.stack.name, component, backend),
        )
        scope = {"id": service.rpartition("/")[2]}
        configs = self.entities.configs(
            estate, component, backend, upstream_host(), self.live.upstream.port
        )
        for kind in ("pre-function", "post-function"):
            (plugin,) = self.entities.paths(
                "/plugins", name=kind, service=scope
            )
            self.entities.change(plugin, {"config": configs[kind]})

    def retarget(self, estate: Estate) -> None:
        """Point every route at the estate's service, which exists already."""
        component = _component(estate)
        (backend,) = component.backends
        (service,) = self.entities.paths(
            "/services",
            name=names.service(estate.stack.name, component, backend),
        )
        for route in self.entities.paths("/routes"):
            self.entities.change(
                route, {"service": {"id": service.rpartition("/")[2]}}
            )

    def shown(
        self, *, scope: str, host: str = HOST, other: str | None = None
    ) -> None:
        """Wait until `host` allows a token with `scope` and denies a token without, and `other`
        answers 404."""
        expected = [(Case("GET", host, b"/orders/health"), 200)]
        for text in ("read", "write"):
            authorization = (f"Bearer {issuer(STACK).service([text])}",)
            expected.append(
                (
                    Case("GET", host, b"/orders/7", authorization),
                    200 if text == scope else 403,
                )
            )
            if other:
                expected.append(
                    (Case("GET", other, b"/orders/7", authorization), 404)
                )
        self.live.await_steady(expected, bound=self.bound)

    def gone(self, *hosts: str) -> None:
        """Wait until nothing is at these hosts."""
        self.live.await_steady(
            [(Case("GET", host, b"/orders/health"), 404) for host in hosts],
            bound=self.bound,
        )

    @property
    def bound(self) -> float:
        return 2 * self.entities.facts.settle + 15


STAGES = ("nothing is there", "made", "another rule", "another port", "another host", "another component", "taken away", "gone")  # fmt: skip


@pytest.mark.timeout(900)
def test_no_wrong_call_is_allowed_during_the_life_of_a_component(
    live: LiveGateway, report: Report
) -> None:
    """No request of thousands reaches the upstream that the estates before and after both deny."""
    old = _estate()
    ruled, moved = _estate(scope="write"), _estate(port=9090, scope="write")
    elsewhere = _estate(host=OTHER_HOST, port=9090, scope="write")
    handed = _estate(owner="heirs", host=OTHER_HOST, port=9090)
    with (
        Entities(live.target.admin_url, live.target.token) as entities,
        Hammer(live, _callers(STACK, HOST, OTHER_HOST)) as hammer,
    ):
        changing = Changing(live, entities)
        stage = iter(STAGES)

        def now() -> None:
            hammer.await_answers()
            hammer.stage(next(stage))

        now()
        entities.rings(old, {"main": {issuer(STACK).kid: issuer(STACK).pem}})
        entities.nowhere(old)
        now()
        changing.guard(old)
        entities.lead(old, _component(old))
        changing.shown(scope="read")

        now()
        changing.rule(ruled)
        changing.shown(scope="write")

        now()
        guards = [*entities.paths("/services"), *_of_services(entities)]
        changing.guard(moved)
        changing.retarget(moved)
        entities.remove(guards)
        changing.shown(scope="write")

        now()
        changing.rule(elsewhere)
        for route in entities.paths("/routes"):
            entities.change(route, {"hosts": [OTHER_HOST]})
        changing.shown(scope="write", host=OTHER_HOST, other=HOST)

        now()
        guards = [*entities.paths("/services"), *_of_services(entities)]
        changing.guard(handed)
        changing.retarget(handed)
        entities.remove(guards)
        changing.shown(scope="read", host=OTHER_HOST, other=HOST)

        now()
        on_routes = [
            path
            for path in entities.paths("/plugins")
            if path not in _of_services(entities)
        ]
        entities.remove([*entities.paths("/routes"), *on_routes])
        entities.remove(list(entities.made))
        now()
        changing.gone(HOST, OTHER_HOST)
        hammer.await_answers()
    lines = hammer.lines(*STAGES)
    for line in lines:
        report(line)
    print("let through:", hammer.let_through(), *lines, sep="\n  ")
    assert hammer.let_through() == {}


def _of_services(entities: Entities) -> list[str]:
    return [
        path
        for path in entities.paths("/plugins")
        if "service" in entities.made[path]
    ]


GUARDS = ("pre-function", "jwt", "post-function")
WRONG_ORDERS: Mapping[str, Sequence[str]] = {
    "the route comes before all guards": (),
    "the gate alone": ("post-function",),
    "authentication alone": ("jwt",),
    "admission alone": ("pre-function",),
    "without admission": ("jwt", "post-function"),
    "without authentication": ("pre-function", "post-function"),
    "without the gate": ("pre-function", "jwt"),
    "with all guards": GUARDS,
    "all guards go before the route": (),
}
"""Yield the plugin sets of a service whose route always exists, one after the other."""
GONE, TARGET, LEADS = (
    "and the Upstream is gone",
    "the Upstream has a Target",
    "the service leads to the workload",
)


@pytest.mark.timeout(900)
def test_no_order_lets_anybody_through_and_the_hammer_would_see_it(
    live: LiveGateway, report: Report
) -> None:
    """A route with some or no guards forwards no call: each missing guard denies, and so does a
    missing Upstream.

    A control: all four callers are allowed once somebody gives the Upstream a Target, or the
    service the workload's address, without a gate. The host belongs to this test, and forwards to
    the tier's upstream only.
    """
    made = _estate(WRONG, host=WRONG_HOST)
    component = _component(made)
    with (
        Entities(live.target.admin_url, live.target.token) as entities,
        Hammer(live, _callers(WRONG, WRONG_HOST)) as hammer,
    ):
        changing = Changing(live, entities)
        entities.rings(made, {"main": {issuer(WRONG).kid: issuer(WRONG).pem}})
        entities.nowhere(made)
        entities.serve(made, component)
        (service,), (upstream,) = (
            entities.paths("/services"),
            entities.paths("/upstreams"),
        )
        for stage, guards in WRONG_ORDERS.items():
            hammer.stage(stage)
            _only(changing, made, guards)
            if not entities.paths("/routes"):
                entities.lead(made, component)
            _shown_to_every_worker(changing, hammer)
            if guards == GUARDS:
                allowed = issuer(WRONG).service(["read"])
                live.await_steady(
                    [
                        (
                            Case(
                                "GET",
                                WRONG_HOST,
                                b"/orders/7",
                                (f"Bearer {allowed}",),
                            ),
                            200,
                        )
                    ],
                    changing.bound,
                )
        hammer.stage(GONE)
        entities.remove([upstream])
        _shown_to_every_worker(changing, hammer)
        entities.nowhere(made)
        (upstream,) = entities.paths("/upstreams")
        where = {"host": upstream_host(), "port": live.upstream.port}

        def seen(stage: str) -> str | None:
            missing = [
                caller
                for caller in _callers(WRONG)
                if hammer.arrived(stage, caller) < LEAST
            ]
            return (
                f"{missing} not let through while '{stage}'"
                if missing
                else None
            )

        hammer.stage(TARGET)
        hammer.await_answers()  # to earlier requests, and may wait for a name that does not exist yet
        entities.make(
            f"{upstream}/targets", {"target": "{host}:{port}".format_map(where)}
        )
        await_true(lambda: seen(TARGET), changing.bound)
        hammer.stage(LEADS)
        hammer.await_answers()
        entities.change(service, where)
        entities.remove([upstream])
        await_true(lambda: seen(LEADS), changing.bound)
    for line in hammer.lines(*WRONG_ORDERS, GONE, TARGET, LEADS):
        report(f"control, {line}")
    assert {stage for stage, _ in hammer.let_through()} == {TARGET, LEADS}


def _only(changing: Changing, estate: Estate, guards: Sequence[str]) -> None:
    """Check that only these of the component's guards exist."""
    made, component = changing.entities, _component(estate)
    there = {made.made[path]["name"]: path for path in _of_services(made)}
    made.remove([path for kind, path in there.items() if kind not in guards])
    made.protect(
        estate,
        component,
        upstream_host(),
        changing.live.upstream.port,
        kinds=[kind for kind in guards if kind not in there],
    )


def _shown_to_every_worker(changing: Changing, hammer: Hammer) -> None:
    """Callers go on for as long as a worker may take to see a change."""
    hammer.await_answers()
    time.sleep(changing.entities.facts.settle)
    hammer.await_answers()


def _engine_callers(
    deployed: Engine, *hosts: str
) -> Mapping[str, Sequence[Case]]:
    """Callers without a token, with an invalid token, and, once an issuer exists, components
    without the needed scope."""
    found: dict[str, list[Case]] = {
        "nobody": [],
        "with a token that is none": [],
    }
    if deployed.has_issuer:
        found |= {
            "report, which may only read": [],
            "import, which may only write": [],
        }
    for host in hosts:
        found["nobody"] += [
            Case("GET", host, b"/orders"),
            Case("POST", host, b"/orders/health"),
        ]
        found["with a token that is none"].append(
            Case(
                "GET",
                host,
                b"/orders",
                (f"Bearer {issuer().service(['read'])}",),
            )
        )
        if deployed.has_issuer:
            report, importer = (
                deployed.case("POST", "/orders", "report"),
                deployed.case("GET", "/orders", "import"),
            )
            found["report, which may only read"].append(
                Case("POST", host, b"/orders", report.authorization)
            )
            found["import, which may only write"].append(
                Case("GET", host, b"/orders", importer.authorization)
            )
    return found


@pytest.mark.timeout(900)
def test_no_wrong_call_is_allowed_while_the_program_runs(
    live: LiveGateway, tmp_path: Path, report: Report
) -> None:
    """The real `pulumi`: up; another rule and another host; another component in the old
    component's place; destroy."""
    with engine(live, tmp_path, "program") as made:
        other = made.host.replace("orders.", "moved.")
        with Hammer(live, _engine_callers(made, made.host, other)) as first:
            first.stage("pulumi up")
            made.up()
            live.await_steady(
                [(Case("GET", made.host, b"/orders/health"), 200)], made.bound
            )
        with Hammer(live, _engine_callers(made, made.host, other)) as later:
            later.await_answers()
            later.stage("pulumi up, another rule and host")
            made.edit("[POST, PUT]", "[POST, PUT, DELETE]")
            made.edit(f"domain: {made.host}", f"domain: {other}")
            made.up()
            live.await_steady(
                [(Case("GET", other, b"/orders/health"), 200)], made.bound
            )
            later.stage("pulumi up, another component")
            made.hand_over("api", "heir")
            made.up()
            live.await_steady(
                [(Case("GET", other, b"/orders/health"), 200)], made.bound
            )
            later.stage("pulumi destroy")
            made.destroy()
            live.await_steady(
                [(Case("GET", other, b"/orders/health"), 404)], made.bound
            )
    lines = [
        *first.lines("pulumi up"),
        *later.lines(
            "pulumi up, another rule and host",
            "pulumi up, another component",
            "pulumi destroy",
        ),
    ]
    for line in lines:
        report(line)
    print(
        "let through:",
        first.let_through(),
        later.let_through(),
        *lines,
        sep="\n  ",
    )
    assert (first.let_through(), later.let_through()) == ({}, {})
