"""No caller is allowed that all estates deny, with any flags of the CLI and after any end of a run.
Old tokens are covered, and two Applications that exchange their scopes.

Callers hammer all the time: some are denied by the estates before and after, some are allowed by
both. The output lists the denials of allowed callers. Each test begins with the same two
Applications and returns to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.support.faults.blackout import recover
from tests.support.faults.stacks import Stack
from tests.support.live.flags import (
    EVERYBODY,
    READER,
    Api,
    Flags,
    attack,
    flags,
    swap,
)
from tests.support.live.gateway import LiveGateway
from tests.support.live.hammer import LEAST

pytestmark = pytest.mark.timeout(600)
Report = Callable[[str], None]


@pytest.fixture(scope="module")
def estate(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flags]:
    """Yield the two Applications, deployed, under hammering from here to the end of the last test."""
    with flags(live, tmp_path_factory.mktemp("flags")) as made:
        yield made


def _new(estate: Flags) -> Api:
    """Return a new Application: no client has its scope."""
    return Api("c", "third.read", estate.workloads[2].port, callers=())


def _guard(api: Api, role: str) -> str:
    """Return the pattern of a resource of the Application's gated service, such as `gate`."""
    return f"**::{api.key}-{api.port}-{role}"


def test_single_resources_of_a_new_application(
    estate: Flags, report: Report
) -> None:
    """`--target` of the gate, or of routes, or of a service and its dependents, fails because their
    dependencies are missing."""
    new = _new(estate)
    with attack(estate, report) as stage:
        estate.write(*estate.before, new)
        stage("--target of a new gate")
        estate.fails("up", "--target", _guard(new, "gate"))
        stage("--target of new routes")
        estate.fails("up", "--target", f"**::{new.key}-p*")
        stage("--target of a new service, with what depends on it")
        estate.fails(
            "up", "--target", _guard(new, "service"), "--target-dependents"
        )
        stage("--target of all of a new Application")
        estate.run(
            "up",
            "--target",
            f"**::{new.name}/**",
            "--target",
            f"**::{new.name}",
        )
        shown = [
            (estate.case("GET", new.name, "/health"), 200),
            (estate.case("GET", new.name), 401),
        ]
        estate.live.await_steady(shown, estate.engine.bound)
        assert stage.kept_out(READER) == stage.kept_out(EVERYBODY) == {}


@pytest.mark.parametrize("role", ["admission", "jwt", "gate"])
def test_a_new_application_without_one_guard(
    estate: Flags, report: Report, role: str
) -> None:
    """`--exclude` of a guard creates entities that do not depend on it, and no route. If then the
    guard's creation fails, the rest continues (`--continue-on-error`)."""
    new = _new(estate)
    kind = {
        "admission": b'"pre-function"',
        "jwt": b'"jwt"',
        "gate": b'"post-function"',
    }[role]
    with attack(estate, report) as stage:
        estate.write(*estate.before, new)
        stage(f"--exclude of a new {role}")
        estate.run("up", "--exclude", _guard(new, role), "--exclude-dependents")
        assert _service_of(estate, new)
        stage(f"--continue-on-error and a new {role} fails")
        estate.between.meet = lambda method, path, body: (
            not (path.startswith("/plugins") and kind in body)
        )
        estate.fails("up", "--continue-on-error")
        assert _service_of(estate, new)


def test_two_applications_exchange_their_scopes(
    estate: Flags, report: Report
) -> None:
    """One table changes before the other, in both directions: earlier tokens are denied at the
    other API."""
    first, second = estate.before
    with attack(estate, report) as stage:
        estate.write(*swap(estate.before))
        stage("--target of one gate in an exchange of scopes")
        assert (
            "~ 1 updated"
            in estate.run("up", "--target", _guard(second, "gate")).stdout
        )
        stage("--target of the other admission")
        assert (
            "~ 1 updated"
            in estate.run("up", "--target", _guard(first, "admission")).stdout
        )
        stage("--exclude of the other gate")
        estate.run(
            "up", "--exclude", _guard(first, "gate"), "--exclude-dependents"
        )
        stage("--target-dependents of the other service")
        assert (
            "~ 1 updated"
            in estate.run(
                "up",
                "--target",
                _guard(first, "service"),
                "--target-dependents",
            ).stdout
        )
        estate.run("up")
        swapped = [
            (estate.case("GET", name, who=f"{name}/reader, swapped"), 200)
            for name in ("a", "b")
        ]
        estate.live.await_steady(swapped, estate.engine.bound)
        stage("an exchange of scopes in one run")
        estate.write(*estate.before)
        estate.run("up")
        assert stage.kept_out(EVERYBODY) == {}


def test_guards_that_are_replaced(estate: Flags, report: Report) -> None:
    """Kong allows no second entity with the same name, so `--replace` fails, and all entities stay
    unchanged."""
    first, _ = estate.before
    with attack(estate, report) as stage:
        for role in ("gate", "admission", "jwt", "service"):
            stage(f"--replace of the {role}")
            estate.fails("up", "--replace", _guard(first, role))
        assert stage.kept_out(READER) == stage.kept_out(EVERYBODY) == {}


def test_a_gate_that_somebody_deleted(estate: Flags, report: Report) -> None:
    """All requests are denied until `--refresh` finds the missing gate and creates it."""
    first, _ = estate.before
    with attack(estate, report) as stage:
        stage("a gate is taken away by hand")
        with estate.live.target.admin() as admin:
            admin.delete(
                _plugin_of(estate, first, "post-function")
            ).raise_for_status()
        estate.live.await_steady(
            [(estate.case("GET", "a", who="a/reader"), 503)],
            estate.engine.bound,
        )
        stage("up --refresh makes a gate again")
        assert "+ 1 created" in estate.run("up", "--refresh").stdout


@pytest.mark.parametrize("move", ["another name", "another port"])
def test_a_component_moves(estate: Flags, report: Report, move: str) -> None:
    """Host, rules and callers stay the same: callers that both estates allow are denied for a short
    time at most (printed)."""
    first, second = estate.before
    moved = (
        replace(first, component="heir")
        if move == "another name"
        else replace(first, port=_new(estate).port)
    )
    with attack(estate, report) as stage:
        stage(f"a component moves to {move}")
        estate.write(moved, second)
        estate.run("up")
        estate.live.await_steady(
            [(estate.case("GET", "a", who="a/reader"), 200)],
            estate.engine.bound,
        )
        assert estate.hammer
        assert all(
            estate.hammer.arrived(stage.stages[0], who) >= LEAST
            for who in (READER, EVERYBODY)
        )


def test_runs_that_are_killed(estate: Flags, report: Report) -> None:
    """In the middle of an exchange of scopes, and of a removal: no caller is allowed until the
    documented recovery."""
    stack = Stack(
        estate.engine.local, estate.engine.folder, estate.engine.stack
    )
    with attack(estate, report) as stage:
        stage("killed at the first gate of an exchange of scopes")
        estate.write(*swap(estate.before))
        _killed(
            estate,
            lambda method, path, body: (
                method == "PATCH" and b"local UPSTREAM" in body
            ),
        )
        stage("the way back after a kill")
        recover(stack)
        stage("killed at the first service of a removal")
        estate.write(estate.before[0])
        _killed(
            estate,
            lambda method, path, body: (
                method == "DELETE" and path.startswith("/services")
            ),
        )
        stage("the way back after another kill")
        recover(stack)


def test_a_component_is_destroyed_by_target(
    estate: Flags, report: Report
) -> None:
    """All of its resources go at once; then an Application leaves the folder, and returns."""
    first, _ = estate.before
    with attack(estate, report) as stage:
        stage("destroy --target of one component")
        estate.run(
            "destroy", "--target", f"**::{first.key}**", "--target-dependents"
        )
        stage("up after destroy --target")
        estate.run("up")
        stage("an Application goes")
        estate.write(first)
        estate.run("up")


@pytest.mark.parametrize("role", ["routes", "gate"])
def test_resources_deleted_from_the_state(
    estate: Flags, report: Report, role: str
) -> None:
    """`state delete` of routes or of a gate, and then `destroy`: entities that stay in Kong have no
    address."""
    first, _ = estate.before
    stack = estate.engine.stack
    with attack(estate, report) as stage:
        stage(f"state delete of {role}")
        name = (
            f"{first.key}-protected-0-{first.port}"
            if role == "routes"
            else f"{first.key}-{first.port}-gate"
        )
        estate.engine.pulumi(
            "state",
            "delete",
            estate.urn(name),
            "-s",
            stack,
            "--yes",
            "--target-dependents",
        )
        stage(f"destroy after state delete of {role}")
        estate.fails("destroy")
        assert _service_of(estate, first)
        estate.live.target.remove_all_of(stack)
        estate.run("refresh")


def _service_of(estate: Flags, api: Api) -> str:
    """Return the id of the Application's service in Kong."""
    (found,) = (
        item["id"]
        for path, item in estate.live.target.entities().items()
        if path.startswith("/services/")
        and item["name"].endswith(f".{api.name}.{api.component}.{api.port}")
    )
    return str(found)


def _plugin_of(estate: Flags, api: Api, kind: str) -> str:
    """Return the Admin API's path of a plugin of the Application's service."""
    service = _service_of(estate, api)
    (found,) = (
        path
        for path, item in estate.live.target.entities().items()
        if item.get("name") == kind
        and (item["service"] or {}).get("id") == service
    )
    return found


def _killed(estate: Flags, moment: Callable[[str, str, bytes], bool]) -> None:
    """Run `up`, and kill it before such a request; its later requests do not arrive."""
    ended: list[str] = []

    def meet(method: str, path: str, body: bytes) -> bool:
        if not ended and moment(method, path, body):
            ended.append(path)
            estate.engine.local.kill()
        return not ended

    estate.between.meet = meet
    with suppress(AssertionError):
        estate.run("up", check=False)
    assert ended
    estate.between.meet = lambda *_: True
