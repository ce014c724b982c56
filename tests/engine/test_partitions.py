"""One estate as several stacks: its base, and partitions of its namespaces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from kong_oam.engine.known_stacks import Contents, shared
from kong_oam.engine.stacks import GATES_STAY, KEEP_GRANTS
from sandbox.demo.table import ask, estate_of
from sandbox.local import STACK
from tests.support.documentation import page
from tests.support.engine.deployment import Deployment, Empty, named, operations
from tests.support.engine.partitions import changes, kong_oam, output, partition, place, run, stack_of

pytestmark = pytest.mark.engine

PLACES = {name: name for name in ("orders", "shop", "reports")}
PARTITIONS = {"sales": ["orders", "shop"], "rest": ["*"]}
ALL = (None, "sales", "rest")


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_an_estate_goes_up_as_its_base_and_partitions(empty: Empty) -> None:
    """By the literal CLI, base first: a partition says so. A second run of each changes nothing."""
    deployment = empty()
    place(deployment.folder, PLACES)
    partition(deployment.folder, PARTITIONS)
    for name in ("sales", "rest"):
        deployment.pulumi("stack", "init", stack_of(name))
    refused = run(deployment, "up", "sales", check=False)
    assert refused.returncode != 0
    assert f"run `pulumi up -s {STACK}` first" in refused.stdout + refused.stderr
    for name in ALL:
        run(deployment, "up", name)
    for name in ALL:
        assert changes(deployment, "up", name) == {}
        assert changes(deployment, "preview", name) == {}


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_an_estate_of_one_stack_grows_to_partitions(empty: Empty) -> None:
    """One command; then each stack's run changes tags alone, and runs what a change touches, and nothing else."""
    deployment = empty()
    place(deployment.folder, PLACES)
    deployment.run("up")
    partition(deployment.folder, PARTITIONS)
    listed = kong_oam(deployment, "move", "-s", STACK)
    assert listed.returncode == 1, listed.stderr
    assert f"orders/api: {STACK} -> {STACK}-sales" in listed.stdout
    refused = run(deployment, "up", None, check=False)
    assert refused.returncode != 0
    assert f"python -m kong_oam move -s {STACK}" in refused.stdout + refused.stderr
    moved = kong_oam(deployment, "move", "-s", STACK, "--yes")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert kong_oam(deployment, "move", "-s", STACK).stdout.startswith("every component")
    first = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert first.returncode == 0, first.stdout + first.stderr
    assert kong_oam(deployment, "up", "-s", STACK).stdout.startswith("nothing to be run")
    for name in ALL:
        assert changes(deployment, "preview", name) == {}
    deployment.edit("applications/orders.yaml", "methods: [GET], scopes", "methods: [GET, OPTIONS], scopes")
    touched = kong_oam(deployment, "up", "-s", STACK)
    assert (touched.returncode, touched.stdout.splitlines()[0]) == (1, f"1 of 3 stacks: {STACK}-sales")
    planned = kong_oam(deployment, "up", "-s", STACK, "--plan", status=1)
    assert planned.stdout == f"1 of 3 stacks: {STACK}-sales\n 1  {STACK}-sales\n"
    listed = kong_oam(deployment, "preview", "-s", STACK, "--list", status=0)
    assert listed.stdout == f'["{STACK}-sales"]\n'
    shown = listed.stdout.replace(stack_of("sales"), "prod-payments")
    assert f"$ python -m kong_oam preview -s prod --list\n{shown}" in page("how-to/deploy-in-partitions.md")
    done = kong_oam(deployment, "up", "-s", STACK, "--yes", "--policy-pack", "policies", status=0)
    assert "kong-oam@v0.0.1" in done.stdout
    verified = kong_oam(deployment, "verify", "--stack", STACK, "--only", "gateway")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    gone = kong_oam(deployment, "destroy", "-s", STACK, "--yes")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    for name in ALL:
        exported = json.loads(deployment.pulumi("stack", "export", "-s", stack_of(name)).stdout)
        assert not exported["deployment"].get("resources")


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_grant_that_moves_with_its_rule_is_added_first(empty: Empty) -> None:
    """In another partition: what the client had stays until the gate there asks for the new one; the base keeps a scope
    for as long as a partition uses it. Policies judge a component that is new as ever."""
    deployment = empty()
    place(deployment.folder, PLACES)
    partition(deployment.folder, {"apis": ["orders"], "rest": ["*"]})
    previewed = kong_oam(deployment, "preview", "-s", STACK)
    assert f"[{STACK}-apis] there is no such stack yet" in previewed.stdout, previewed.stderr
    listed = kong_oam(deployment, "preview", "-s", STACK, "--list", status=0)
    assert listed.stdout == f'["{STACK}"]\n' and f"{STACK}-apis: there is no such stack yet: `up`" in listed.stderr
    assert kong_oam(deployment, "up", "-s", STACK, "--yes").returncode == 0
    orders = deployment.folder / "applications" / "orders.yaml"
    orders.write_text(orders.read_text("utf-8").replace("orders.read", "orders.view"), "utf-8")
    shop = deployment.folder / "applications" / "shop.yaml"
    shop.write_text(shop.read_text("utf-8").replace("orders.read", "orders.view"), "utf-8")
    hello = (deployment.folder / "applications" / "hello.yaml").read_text("utf-8")
    (deployment.folder / "applications" / "news.yaml").write_text(hello.replace("hello", "news"), "utf-8")
    done = kong_oam(deployment, "up", "-s", STACK, "--yes", "--policy-pack", "policies")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scope orders.read of orders/api went from the Applications" in done.stdout
    runs = done.stdout.splitlines()[-1]
    base, added, *both, last = runs.removeprefix("5 run: ").split(", ")
    assert (base, added, {*both}, last) == (STACK, f"{STACK}-rest", {f"{STACK}-apis", f"{STACK}-rest"}, STACK), runs
    for name in (None, "apis", "rest"):
        assert changes(deployment, "up", name) == {}


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_clients_that_move_go_on_calling_another_partition(empty: Empty) -> None:
    """To a partition that is there, in the change that gives them another scope: its run that only adds grants keeps
    what they had."""
    deployment = empty()
    place(deployment.folder, PLACES)
    partition(deployment.folder, {"shops": ["shop"], "apis": ["orders"], "rest": ["*"]})
    assert kong_oam(deployment, "up", "-s", STACK, "--yes").returncode == 0
    partition(deployment.folder, {"shops": ["nothing"], "apis": ["orders"], "rest": ["*"]})
    moved = kong_oam(deployment, "move", "-s", STACK, "--yes")
    assert f"shop/checkout: {STACK}-shops -> {STACK}-rest" in moved.stdout, moved.stderr
    for file in (deployment.folder / "applications").glob("*.yaml"):
        file.write_text(file.read_text("utf-8").replace("orders.read", "orders.view"), "utf-8")
    run(deployment, "up", None)
    deployment.local.env[KEEP_GRANTS] = GATES_STAY
    run(deployment, "up", "rest")
    del deployment.local.env[KEEP_GRANTS]
    assert _rule(deployment, "shop/checkout") == ["orders.read", "orders.view"]
    done = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    shops, apis, rest = map(stack_of, ("shops", "apis", "rest"))
    base, *runs = done.stdout.splitlines()[-1].removeprefix("7 run: ").split(", ")
    assert (base, {*runs[:2]}, {*runs[2:4]}, runs[4:]) == (STACK, {shops, rest}, {apis, rest}, [rest, STACK]), runs
    assert kong_oam(deployment, "up", "-s", STACK).stdout.startswith("nothing to be run")
    assert ask(deployment.local, estate_of(deployment.folder)).wrong == ()


def _rule(deployment: Deployment, component: str) -> list[str]:
    """The scopes that the client of a component of `rest` may ask for, by the stack's state."""
    state = json.loads(deployment.pulumi("stack", "export", "-s", stack_of("rest")).stdout)
    (rule,) = (one for one in state["deployment"]["resources"] if one["urn"].endswith(f"::okta-rule-{component}"))
    found: list[str] = rule["outputs"]["scopeWhitelists"]
    return found


KINDS = ("services", "routes", "plugins", "upstreams", "consumers")


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_run_that_adds_grants_leaves_the_gateway_as_it_is(empty: Empty) -> None:
    """Whatever else the same change does there: a path goes to a component that is new, images and rules change, an
    Application and a client go."""
    deployment = empty()
    place(deployment.folder, PLACES)
    partition(deployment.folder, {"apis": ["orders"], "rest": ["*"]})
    assert kong_oam(deployment, "up", "-s", STACK, "--yes").returncode == 0
    applications = deployment.folder / "applications"
    for name in ("orders", "shop"):
        file = applications / f"{name}.yaml"
        file.write_text(file.read_text("utf-8").replace("orders.read", "orders.view"), "utf-8")
    (applications / "hello.yaml").unlink()
    _split(applications / "reports.yaml")
    run(deployment, "up", None)
    entities = {kind: deployment.local.kong.entities(kind) for kind in KINDS}
    exported = {name: output(deployment, "rest", name) for name in ("access", "enforced", "credentials", "upstreams")}
    with shared({stack_of("rest"): Contents(None)}) as known:
        told = {KEEP_GRANTS: GATES_STAY, **known}
        deployment.local.env |= told
        done = named(operations(run(deployment, "up", "rest", "--exclude", "**kong:index/**", "--json").stdout))
        for name in told:
            del deployment.local.env[name]
    assert {kind: deployment.local.kong.entities(kind) for kind in KINDS} == entities
    assert {name: output(deployment, "rest", name) for name in exported} == exported
    changed = {name for name, operation in done.items() if operation == "update"}
    assert changed == {
        "okta-rule-shop/checkout",
        "okta-rule-shop/web",
        *(f"shop/{client}-{what}" for client in ("checkout", "web") for what in ("client", "deployment")),
    }
    assert _rule(deployment, "shop/checkout") == ["orders.read", "orders.view"]
    run(deployment, "up", "apis", "--exclude", "**::orders/api-8080-gate")  # which asks for the scope of before
    assert "orders.read" in output(deployment, "apis", "uses")["orders/api at okta"]["scopes"]
    assert kong_oam(deployment, "up", "-s", STACK, "--yes").returncode == 0
    for name in (None, "apis", "rest"):
        assert changes(deployment, "preview", name) == {}
    assert ask(deployment.local, estate_of(deployment.folder)).wrong == ()


def _split(file: Path) -> None:
    """Has the documentation be another component's, without whom nobody publishes."""
    application = yaml.safe_load(file.read_text("utf-8"))
    library, renderer, _ = application["spec"]["components"]
    library["properties"]["image"] += ".1"
    gateway, access = (trait["properties"] for trait in library["traits"])
    gateway["http"] = {"/reports": 8000}
    access["rules"] = [rule for rule in access["rules"] if not rule["paths"][0].startswith("/docs")]
    access["roles"] = {
        "reader": {"scopes": ["reports.read"], "components": ["reports/renderer"]},
        "auditor": access["roles"]["auditor"],
    }
    public = {"reason": "documentation of the API", "until": "2027-12-31"}
    docs = {
        "name": "docs",
        "type": "webservice",
        "properties": {"image": "registry.example.com/docs:1", "ports": [{"port": 8000}]},
        "traits": [
            {"type": "gateway", "properties": {**gateway, "http": {"/docs": 8000}}},
            {"type": "access", "properties": {"owner": "team", "rules": [{"paths": ["/docs"], "public": public}]}},
        ],
    }
    application["spec"]["components"] = [library, renderer, docs]
    file.write_text(yaml.safe_dump(application, sort_keys=False), "utf-8")


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_partition_gets_another_name_and_a_base_is_made_anew(empty: Empty) -> None:
    """Its stack is then none of the settings': no run makes a second time what it has, and `move` finds it. What a
    base that was destroyed first took along, a refresh takes from the partitions' states."""
    deployment = empty()
    place(deployment.folder, PLACES)
    partition(deployment.folder, PARTITIONS)
    stacks = deployment.folder / "stacks"
    for name in ("sales", "rest"):
        (stacks / f"Pulumi.{stack_of(name)}.yaml").unlink()
    deployment.pulumi("config", "set", "--secret", "aws:token", "hidden", "-s", STACK)
    made = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert made.returncode == 0, made.stdout + made.stderr
    assert deployment.pulumi("config", "get", "aws:token", "-s", stack_of("rest")).stdout == "hidden\n"
    assert "hidden" not in (stacks / f"Pulumi.{stack_of('rest')}.yaml").read_text("utf-8")
    partition(deployment.folder, {"orders": ["orders"], "rest": ["*"]})
    deployment.pulumi("stack", "init", stack_of("orders"))
    refused = {name: run(deployment, "up", name, check=False) for name in (None, "orders", "rest")}
    assert all(one.returncode for one in refused.values())
    said = {name: one.stdout + one.stderr for name, one in refused.items()}
    assert f"its stack '{STACK}-sales' still has orders/api, shop/checkout, shop/web" in said[None]
    assert f"python -m kong_oam move -s {STACK}" in said["orders"] and f"move -s {STACK}" in said["rest"]
    before = deployment.pulumi("stack", "export", "-s", stack_of("sales")).stdout
    moved = kong_oam(deployment, "move", "-s", STACK, "--yes")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert f"orders/api: {STACK}-sales -> {STACK}-orders" in moved.stdout
    assert f"shop/web: {STACK}-sales -> {STACK}-rest" in moved.stdout
    # One that was killed between its two writes has left all of it in both.
    (deployment.folder / "before.json").write_text(before, "utf-8")
    deployment.pulumi("stack", "import", "-s", stack_of("sales"), "--file", "before.json")
    again = kong_oam(deployment, "move", "-s", STACK, "--yes")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"orders/api: {STACK}-sales -> {STACK}-orders (a move of it was cut off)" in again.stdout
    # A scope changes as well, so that the base's next generation is not its first.
    for file in ("orders", "shop"):
        path = deployment.folder / "applications" / f"{file}.yaml"
        path.write_text(path.read_text("utf-8").replace("orders.write", "orders.put"), "utf-8")
    done = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    run(deployment, "destroy", None)
    refreshed = kong_oam(deployment, "refresh", "-s", STACK, "--yes")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    anew = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert anew.returncode == 0, anew.stdout + anew.stderr
    verified = kong_oam(deployment, "verify", "--stack", STACK, "--only", "gateway")
    assert verified.returncode == 0, verified.stdout + verified.stderr
