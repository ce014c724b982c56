"""Never more open than the looser end, while it happens: callers hammer through create, change, move and destroy.

Once with the entities by themselves, as the program would change them, once with the literal program, and once in an order
that is wrong on purpose: if the hammer saw nothing then, the other two would say nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from access.model import Component, Estate
from components.gateway import names
from tests.estates import api, estate
from tests.gateway_cases import Case
from tests.kong_entities import Entities
from tests.live.live_engine import Engine, engine
from tests.live.live_gateway import LiveGateway, await_true
from tests.live.live_hammer import LEAST, Hammer
from tests.live.live_run import HAMMER_DOMAIN, RUN, issuer, stack, upstream_host

STACK = f"{RUN}-hammer"
WRONG = f"{RUN}-wrong"
HOST, OTHER_HOST = f"orders.{HAMMER_DOMAIN}", f"moved.{HAMMER_DOMAIN}"
WRONG_HOST = f"wrong.{HAMMER_DOMAIN}"
Report = Callable[[str], None]


def _estate(
    name: str = STACK, owner: str = "orders", host: str = HOST, port: int = 8080, scope: str = "read"
) -> Estate:
    """One component that lets GET through for `scope`, and everybody to its health check; a service for each port."""
    access = (
        "{owner: t, scopes: {read: r, write: w}, rules: "
        f"[{{methods: [GET], scopes: [{scope}]}}, {{paths: [/orders/health], methods: [GET], public: {{reason: h}}}}]}}"
    )
    return estate(api(owner, domain=host, http=f"{{/orders: {port}}}", access=access), stack=stack(name))


def _component(estate: Estate) -> Component:
    (component,) = estate.exposed
    return component


def _callers(name: str, *hosts: str) -> Mapping[str, Sequence[Case]]:
    """Those whom neither what was nor what comes lets in: on a protected path, and with a method that is not public."""
    by = issuer(name)
    tokens = {
        "nobody": None,
        "without the scope": by.service(["other"]),
        "in no group": by.user(["read", "write"], []),
        "with a stranger's key": by.signed(by.payload(["read", "write"]), by.stray),
    }
    return {caller: [case for host in hosts for case in _asked(host, token)] for caller, token in tokens.items()}


def _asked(host: str, token: str | None) -> list[Case]:
    authorization = (f"Bearer {token}",) if token else ()
    return [
        Case("GET", host, b"/orders/7", authorization),
        Case("POST", host, b"/orders/health", authorization),
    ]


@dataclass(frozen=True, slots=True)
class Changing:
    """The entities of one component as they change; after each change it waits until every worker shows it."""

    live: LiveGateway
    entities: Entities

    def settle(self) -> None:
        """The pause that the program makes: as long as the Admin API's settings amount to."""
        time.sleep(self.entities.facts.settle)

    def guard(self, estate: Estate) -> None:
        """The component's gated service."""
        self.entities.guard(estate, _component(estate), upstream_host(), self.live.upstream.port)

    def rule(self, estate: Estate) -> None:
        """The gate's table becomes the estate's."""
        component = _component(estate)
        (port,) = component.ports
        gate = self._gates(estate)
        self.entities.change(gate, {"config": self.entities.configs(estate, component, port)["post-function"]})

    def _gates(self, estate: Estate) -> str:
        component = _component(estate)
        (port,) = component.ports
        (service,) = self.entities.paths("/services", name=names.service(estate.stack.name, component, port))
        scope = {"id": service.rpartition("/")[2]}
        (gate,) = self.entities.paths("/plugins", name="post-function", service=scope)
        return gate

    def retarget(self, estate: Estate) -> None:
        """Every route leads to the estate's service, which is there already."""
        component = _component(estate)
        (port,) = component.ports
        (service,) = self.entities.paths("/services", name=names.service(estate.stack.name, component, port))
        for route in self.entities.paths("/routes"):
            self.entities.change(route, {"service": {"id": service.rpartition("/")[2]}})

    def shown(self, *, scope: str, host: str = HOST, other: str | None = None) -> None:
        """Waits until a token with `scope` is let in at `host`, one without is not, and nothing is at `other`."""
        expected = [(Case("GET", host, b"/orders/health"), 200)]
        for one in ("read", "write"):
            authorization = (f"Bearer {issuer(STACK).service([one])}",)
            expected.append((Case("GET", host, b"/orders/7", authorization), 200 if one == scope else 403))
            if other:
                expected.append((Case("GET", other, b"/orders/7", authorization), 404))
        self.live.await_steady(expected, bound=self.bound)

    def gone(self, *hosts: str) -> None:
        """Waits until nothing is at these hosts."""
        self.live.await_steady([(Case("GET", host, b"/orders/health"), 404) for host in hosts], bound=self.bound)

    @property
    def bound(self) -> float:
        return 2 * self.entities.facts.settle + 15


STAGES = ("nothing is there", "made", "another rule", "another port", "another host", "another component", "taken away", "gone")  # fmt: skip


@pytest.mark.timeout(900)
def test_nobody_is_let_through_while_a_component_is_made_changed_moved_and_destroyed(
    live: LiveGateway, report: Report
) -> None:
    """Not one request of thousands reaches the upstream that neither what was nor what comes would let in."""
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
        now()
        changing.guard(old)
        changing.settle()
        entities.lead(old, _component(old))
        changing.shown(scope="read")

        now()
        changing.rule(ruled)
        changing.shown(scope="write")

        now()
        guards = [*entities.paths("/services"), *_of_services(entities)]
        changing.guard(moved)
        changing.settle()
        changing.retarget(moved)
        changing.settle()
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
        changing.settle()
        changing.retarget(handed)
        changing.settle()
        entities.remove(guards)
        changing.shown(scope="read", host=OTHER_HOST, other=HOST)

        now()
        on_routes = [path for path in entities.paths("/plugins") if path not in _of_services(entities)]
        entities.remove([*entities.paths("/routes"), *on_routes])
        changing.settle()
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
    return [path for path in entities.paths("/plugins") if "service" in entities.made[path]]


@pytest.mark.timeout(900)
def test_the_hammer_sees_what_the_wrong_order_lets_through(live: LiveGateway, report: Report) -> None:
    """A control: a route before what guards it, and a guard that goes before its route. Then all four callers are let in,
    and none in between. It is a host of this test's own, and leads to the tier's upstream alone."""
    made = _estate(WRONG, host=WRONG_HOST)
    component = _component(made)
    stages = {"the route comes first": True, "guarded": False, "the guards go first": True}
    with (
        Entities(live.target.admin_url, live.target.token) as entities,
        Hammer(live, _callers(WRONG, WRONG_HOST)) as hammer,
    ):
        changing = Changing(live, entities)

        def seen(stage: str) -> str | None:
            missing = [caller for caller in _callers(WRONG) if hammer.arrived(stage, caller) < LEAST]
            return f"{missing} not let through while '{stage}'" if missing else None

        entities.rings(made, {"main": {issuer(WRONG).kid: issuer(WRONG).pem}})
        entities.serve(made, component, upstream_host(), live.upstream.port)
        hammer.stage("the route comes first")
        entities.lead(made, component)
        await_true(lambda: seen("the route comes first"), changing.bound)
        entities.protect(made, component)
        live.await_steady([(case, 401) for case in _callers(WRONG, WRONG_HOST)["nobody"]], changing.bound)
        hammer.stage("guarded")
        hammer.await_answers()
        hammer.stage("the guards go first")
        entities.remove(_of_services(entities))
        await_true(lambda: seen("the guards go first"), changing.bound)
    for line in hammer.lines(*stages):
        report(f"control, {line}")
    assert {stage for stage, _ in hammer.let_through()} == {stage for stage, open_ in stages.items() if open_}


def _engine_callers(deployed: Engine, *hosts: str) -> Mapping[str, Sequence[Case]]:
    """Nobody, one with a token that is none, and once there is an issuer components that lack what they ask for."""
    found = {"nobody": [], "with a token that is none": []}
    if deployed.has_issuer:
        found |= {"report, which may only read": [], "import, which may only write": []}
    for host in hosts:
        found["nobody"] += [Case("GET", host, b"/orders"), Case("POST", host, b"/orders/health")]
        found["with a token that is none"].append(
            Case("GET", host, b"/orders", (f"Bearer {issuer().service(['read'])}",))
        )
        if deployed.has_issuer:
            report, importer = deployed.case("POST", "/orders", "report"), deployed.case("GET", "/orders", "import")
            found["report, which may only read"].append(Case("POST", host, b"/orders", report.authorization))
            found["import, which may only write"].append(Case("GET", host, b"/orders", importer.authorization))
    return found


@pytest.mark.timeout(900)
def test_nobody_is_let_through_while_the_program_runs(live: LiveGateway, tmp_path: Path, report: Report) -> None:
    """The literal `pulumi`: up; another rule and another host; another component in the old one's place; destroy."""
    with engine(live, tmp_path, "program") as made:
        other = made.host.replace("orders.", "moved.")
        with Hammer(live, _engine_callers(made, made.host, other)) as first:
            first.stage("pulumi up")
            made.up()
            live.await_steady([(Case("GET", made.host, b"/orders/health"), 200)], made.bound)
        with Hammer(live, _engine_callers(made, made.host, other)) as later:
            later.await_answers()
            later.stage("pulumi up, another rule and host")
            made.edit("[POST, PUT]", "[POST, PUT, DELETE]")
            made.edit(f"domain: {made.host}", f"domain: {other}")
            made.up()
            live.await_steady([(Case("GET", other, b"/orders/health"), 200)], made.bound)
            later.stage("pulumi up, another component")
            made.hand_over("api", "heir")
            made.up()
            live.await_steady([(Case("GET", other, b"/orders/health"), 200)], made.bound)
            later.stage("pulumi destroy")
            made.destroy()
            live.await_steady([(Case("GET", other, b"/orders/health"), 404)], made.bound)
    lines = [
        *first.lines("pulumi up"),
        *later.lines("pulumi up, another rule and host", "pulumi up, another component", "pulumi destroy"),
    ]
    for line in lines:
        report(line)
    print("let through:", first.let_through(), later.let_through(), *lines, sep="\n  ")
    assert (first.let_through(), later.let_through()) == ({}, {})
