"""An estate in two partitions on a live Kong, with a base: up, one changed rule, an Application that moves, destroy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from subprocess import CompletedProcess

import pytest

from sandbox import caller
from sandbox.demo.table import ask, estate_of
from tests.support.engine.deployment import Deployment, named
from tests.support.engine.partitions import kong_oam
from tests.support.gateway_cases import Case
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway

pytestmark = pytest.mark.timeout(900)

PARTITIONS: Mapping[str, Sequence[str]] = {"apis": ["orders"], "jobs": ["*"]}
CALLERS = "    - name: report\n"


@pytest.fixture(scope="module")
def deployed(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The estate after one `up`, which makes the partitions' stacks. Okta and cluster are stand-ins."""
    with (
        live.beside() as gateway,
        engine(gateway, tmp_path_factory.mktemp("parts"), "parts") as made,
    ):
        file = made.folder / "applications/orders.yaml"
        api, found, callers = file.read_text("utf-8").partition(CALLERS)
        head = api.partition("    - name: api\n")[0].replace(
            "{name: orders, namespace: orders}", "{name: jobs, namespace: jobs}"
        )
        file.write_text(
            api.replace("orders/report", "jobs/report").replace(
                "orders/import", "jobs/import"
            ),
            "utf-8",
        )
        made.add("jobs", head + found + callers)
        settings = made.stack_file.read_text("utf-8")
        made.stack_file.write_text(
            settings.replace("config:\n", f"config:\n{_rule(PARTITIONS)}", 1),
            "utf-8",
        )
        try:
            run(made, "up", "--yes", status=0)
            yield made
        finally:
            run(made, "destroy", "--yes")


def _rule(partitions: Mapping[str, Sequence[str]]) -> str:
    return f"  kong-oam:partitions: {json.dumps(partitions)}\n"


def run(
    made: Engine, verb: str, *arguments: str, status: int | None = None
) -> CompletedProcess[str]:
    """Run a verb over the stacks of the estate."""
    return kong_oam(
        Deployment(made.local, made.folder),
        verb,
        "--stack",
        made.stack,
        *arguments,
        status=status,
    )


def own(made: Engine) -> dict[str, Mapping[str, object]]:
    """Return the estate's entities at Kong, by their paths, which have their ids."""
    tag = f"kong-oam-stack:{made.stack}"
    return {
        path: item
        for path, item in made.live.target.entities().items()
        if tag in (item["tags"] or ())
    }


def case(made: Engine, method: str, component: str) -> Case:
    """Return a call with the token of the component's own Secret."""
    token, _ = caller.token(
        caller.environment(made.local.cluster.url, "jobs", component)
    )
    return Case(method, made.host, b"/orders/7", (f"Bearer {token}",))


def decides_as_meant(made: Engine) -> None:
    """Check that every call of every caller gets the answer of `decide`, from every worker. Raises
    AssertionError."""
    host, port = made.live.target.proxy
    estate = estate_of(made.folder, name=made.stack)
    for _ in range(4 * max(made.live.target.workers, 2)):
        table = ask(made.local, estate, f"http://{host}:{port}")
        assert table.wrong == ()
    assert {200, 401, 403} <= {
        answer for row in table.rows.values() for answer in row
    }


def test_every_caller_has_the_access_of_the_applications(
    deployed: Engine,
) -> None:
    """Calls go from one partition to the other. A second `up` runs no stack, and each preview is
    empty."""
    steady = [
        (case(deployed, "GET", "report"), 200),
        (case(deployed, "POST", "report"), 403),
    ]
    deployed.live.await_steady(steady, deployed.bound)
    decides_as_meant(deployed)
    assert run(deployed, "up", status=0).stdout.startswith("nothing to run")
    assert _previews(deployed) == [{}, {}, {}]
    run(deployed, "verify", "--only", "gateway", status=0)


def test_one_changed_rule_runs_one_partition(deployed: Engine) -> None:
    """The other partition is not even read."""
    deployed.edit("[POST, PUT]", "[POST, PUT, DELETE]")
    listed = run(deployed, "up", status=1)
    assert (
        listed.stdout.splitlines()[0] == f"1 of 3 stacks: {deployed.stack}-apis"
    )
    run(deployed, "up", "--yes", status=0)
    steady = [
        (case(deployed, "DELETE", "import"), 200),
        (case(deployed, "DELETE", "report"), 403),
    ]
    deployed.live.await_steady(steady, deployed.bound)
    decides_as_meant(deployed)


def test_a_scope_gets_another_name_in_two_changes(deployed: Engine) -> None:
    """One partition grants the scope, a gate in the other requires it: the base keeps it until both
    have the new name."""
    before = {
        file: file.read_text("utf-8")
        for file in (deployed.folder / "applications").glob("*.yaml")
    }
    for file, text in before.items():
        file.write_text(text.replace("orders.read", "orders.view"), "utf-8")
    refused = run(deployed, "up", "--yes", status=2)
    assert "first give the new scopes, then take the others" in refused.stderr
    for file, text in before.items():
        granted = text.replace(
            "{scopes: [orders.read]", "{scopes: [orders.read, orders.view]"
        )
        granted = granted.replace(
            "api, scopes: [orders.read]",
            "api, scopes: [orders.read, orders.view]",
        )
        granted = granted.replace(
            "{orders.read: Read", "{orders.view: View, orders.read: Read"
        )
        file.write_text(granted, "utf-8")
    run(deployed, "up", "--yes", status=0)
    decides_as_meant(deployed)
    for file, text in before.items():
        file.write_text(text.replace("orders.read", "orders.view"), "utf-8")
    done = run(deployed, "up", "--yes", status=0)
    assert (
        "scope orders.read of orders/api left the Applications" in done.stdout
    )
    assert run(deployed, "up", status=0).stdout.startswith("nothing to run")
    decides_as_meant(deployed)


def test_an_application_that_moves_keeps_its_entities(deployed: Engine) -> None:
    """Kong has the same ids, with another partition's tag; calls work meanwhile."""
    before = own(deployed)
    moved = {"apis": ["nothing"], "jobs": ["*"]}
    settings = deployed.stack_file.read_text("utf-8")
    assert settings.count(_rule(PARTITIONS)) == 1
    deployed.stack_file.write_text(
        settings.replace(_rule(PARTITIONS), _rule(moved)), "utf-8"
    )
    assert (
        f"orders/api: {deployed.stack}-apis -> {deployed.stack}-jobs"
        in run(deployed, "move", status=1).stdout
    )
    run(deployed, "move", "--yes", status=0)
    assert own(deployed) == before
    decides_as_meant(deployed)
    run(deployed, "up", "--yes", status=0)
    after = own(deployed)
    assert after.keys() == before.keys()
    tags = {
        tag
        for entity in after.values()
        for tag in entity["tags"]
        if tag.startswith("kong-oam-partition:")
    }  # type: ignore[attr-defined]
    assert tags == {"kong-oam-partition:jobs"}
    decides_as_meant(deployed)
    assert _previews(deployed) == [{}, {}, {}]


def test_destroy_leaves_nothing_of_any_partition(deployed: Engine) -> None:
    """The base goes last; no path is exposed any more."""
    assert own(deployed)
    run(deployed, "destroy", "--yes", status=0)
    assert deployed.stack not in str(deployed.live.target.entities())
    deployed.live.await_steady(
        [(deployed.case("GET", "/orders"), 404)], deployed.bound
    )


def _previews(made: Engine) -> list[dict[str, str]]:
    """Return the changes in a preview of each stack."""
    found = []
    for name in (made.stack, f"{made.stack}-apis", f"{made.stack}-jobs"):
        steps = json.loads(made.pulumi("preview", "-s", name, "--json").stdout)[
            "steps"
        ]
        found.append(named({step["urn"]: step["op"] for step in steps}))
    return found
