"""No moment is more open than both ends: callers hammer through create, change, move and destroy.

First with the entities alone, as the program would change them, then with the literal program, and
then in every wrong order. A control shows that the hammer finds a service that leads to the
workload.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kong_oam.access.model import Component, Estate
from kong_oam.kong import names
from tests.support.gateway_cases import Case
from tests.support.kong_deployment import Entities
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway, await_true
from tests.support.live.hammer import LEAST, Hammer
from tests.support.live.orders import denied_callers, orders
from tests.support.live.run import HAMMER_DOMAIN, RUN, issuer, upstream_host

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
    return orders(name, owner, host, port, scope)


def _component(estate: Estate) -> Component:
    (component,) = estate.exposed
    return component


@dataclass(frozen=True, slots=True)
class Changing:
    """The entities of one component during changes, in turn and without a pause."""

    live: LiveGateway
    entities: Entities

    def guard(self, estate: Estate) -> None:
        """Create the component's gated service."""
        self.entities.guard(
            estate, _component(estate), upstream_host(), self.live.upstream.port
        )

    def rule(self, estate: Estate) -> None:
        """Give admission and gate the estate's table."""
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
        """Let every route lead to the estate's existing service."""
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
        """Wait until a token with `scope` is allowed at `host`, a token without it is denied, and
        `other` gets 404."""
        expected = [(Case("GET", host, b"/orders/health"), 200)]
        for granted in ("read", "write"):
            authorization = (f"Bearer {issuer(STACK).service([granted])}",)
            expected.append(
                (
                    Case("GET", host, b"/orders/7", authorization),
                    200 if granted == scope else 403,
                )
            )
            if other:
                expected.append(
                    (Case("GET", other, b"/orders/7", authorization), 404)
                )
        self.live.await_steady(expected, bound=self.bound)

    def gone(self, *hosts: str) -> None:
        """Wait until these hosts get 404."""
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
    """The hammer sends thousands of requests that both estates deny; none reaches the upstream."""
    old = _estate()
    ruled, moved = _estate(scope="write"), _estate(port=9090, scope="write")
    elsewhere = _estate(host=OTHER_HOST, port=9090, scope="write")
    handed = _estate(owner="heirs", host=OTHER_HOST, port=9090)
    with (
        live.target.deploying() as entities,
        Hammer(live, denied_callers(STACK, HOST, OTHER_HOST)) as hammer,
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
"""Steps in the entities of a service whose route exists all the time."""
GONE, TARGET, LEADS = (
    "and the Upstream is gone",
    "the Upstream has a Target",
    "the service leads to the workload",
)


@pytest.mark.timeout(900)
def test_no_order_lets_anybody_through_and_the_hammer_would_see_it(
    live: LiveGateway, report: Report
) -> None:
    """A route without guards, or with some, has no address: a missing part denies, and so does a
    missing Upstream.

    A control: an Upstream with a Target, or a service with the workload's address, lets all four
    callers through if no gate exists. It is a separate host of this test, and leads only to the
    tier's upstream.
    """
    made = _estate(WRONG, host=WRONG_HOST)
    component = _component(made)
    with (
        live.target.deploying() as entities,
        Hammer(live, denied_callers(WRONG, WRONG_HOST)) as hammer,
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
                for caller in denied_callers(WRONG)
                if hammer.arrived(stage, caller) < LEAST
            ]
            return (
                f"{missing} not let through while '{stage}'"
                if missing
                else None
            )

        hammer.stage(TARGET)
        hammer.await_answers()  # Answers to earlier requests, which may wait for a name that does not resolve yet.
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
    """Leave these guards on the component's service and no others."""
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
    """Let callers continue until every worker has seen a change."""
    hammer.await_answers()
    time.sleep(changing.entities.facts.settle)
    hammer.await_answers()


def _engine_callers(
    deployed: Engine, *hosts: str
) -> Mapping[str, Sequence[Case]]:
    """Return callers: without a token, with an invalid token, and once an issuer exists, with
    tokens that lack the scopes."""
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
    """The literal `pulumi`: up; another rule and another host; another component in place of the
    old component; destroy."""
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
