"""One estate as several stacks: its base, and partitions of its namespaces."""

from __future__ import annotations

import json

import pytest

from sandbox.demo.table import ask, estate_of
from sandbox.local import STACK
from tests.support.documentation import page
from tests.support.engine.deployment import Empty
from tests.support.engine.partitions import (
    changes,
    kong_oam,
    partition,
    position,
    run,
    stack_of,
)

PLACES = {name: name for name in ("orders", "shop", "reports")}
PARTITIONS = {"sales": ["orders", "shop"], "rest": ["*"]}
ALL = (None, "sales", "rest")


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_an_estate_goes_up_as_its_base_and_partitions(empty: Empty) -> None:
    """By the real CLI, base first: a partition's error says so. A second run of each changes
    nothing."""
    deployment = empty()
    position(deployment.folder, PLACES)
    partition(deployment.folder, PARTITIONS)
    for name in ("sales", "rest"):
        deployment.pulumi("stack", "init", stack_of(name))
    refused = run(deployment, "up", "sales", check=False)
    assert refused.returncode != 0
    assert (
        f"run `pulumi up -s {STACK}` first" in refused.stdout + refused.stderr
    )
    for name in ALL:
        run(deployment, "up", name)
    for name in ALL:
        assert changes(deployment, "up", name) == {}
        assert changes(deployment, "preview", name) == {}


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_an_estate_of_one_stack_grows_to_partitions(empty: Empty) -> None:
    """By one command. Then each stack's run changes only tags, and the command runs only stacks of
    a change."""
    deployment = empty()
    position(deployment.folder, PLACES)
    deployment.run("up")
    partition(deployment.folder, PARTITIONS)
    listed = kong_oam(deployment, "move", "-s", STACK)
    assert listed.returncode == 1, listed.stderr
    assert f"orders/api: {STACK} -> {STACK}-sales" in listed.stdout
    refused = run(deployment, "up", None, check=False)
    assert refused.returncode != 0
    assert (
        f"python -m kong_oam move -s {STACK}" in refused.stdout + refused.stderr
    )
    moved = kong_oam(deployment, "move", "-s", STACK, "--yes")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert kong_oam(deployment, "move", "-s", STACK).stdout.startswith(
        "every component"
    )
    first = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert first.returncode == 0, first.stdout + first.stderr
    assert kong_oam(deployment, "up", "-s", STACK).stdout.startswith(
        "nothing to run"
    )
    for name in ALL:
        assert changes(deployment, "preview", name) == {}
    deployment.edit(
        "applications/orders.yaml",
        "methods: [GET], scopes",
        "methods: [GET, OPTIONS], scopes",
    )
    touched = kong_oam(deployment, "up", "-s", STACK)
    assert (touched.returncode, touched.stdout.splitlines()[0]) == (
        1,
        f"1 of 3 stacks: {STACK}-sales",
    )
    planned = kong_oam(deployment, "up", "-s", STACK, "--plan", status=1)
    assert (
        planned.stdout == f"1 of 3 stacks: {STACK}-sales\n 1  {STACK}-sales\n"
    )
    listed = kong_oam(deployment, "preview", "-s", STACK, "--list", status=0)
    assert listed.stdout == f'["{STACK}-sales"]\n'
    shown = listed.stdout.replace(stack_of("sales"), "prod-payments")
    assert (
        f"$ .venv/bin/python -m kong_oam preview -s prod --list\n{shown}"
        in page("how-to/deploy-in-partitions.md")
    )
    done = kong_oam(
        deployment,
        "up",
        "-s",
        STACK,
        "--yes",
        "--policy-pack",
        "policies",
        status=0,
    )
    assert "kong-oam@v0.0.1" in done.stdout
    verified = kong_oam(
        deployment, "verify", "--stack", STACK, "--only", "gateway"
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    gone = kong_oam(deployment, "destroy", "-s", STACK, "--yes")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    for name in ALL:
        exported = json.loads(
            deployment.pulumi("stack", "export", "-s", stack_of(name)).stdout
        )
        assert not exported["deployment"].get("resources")


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_grant_comes_before_the_rule_of_another_partition_and_goes_after_it(
    empty: Empty,
) -> None:
    """A change that exchanges scopes is rejected before anything runs. Two changes work: the base
    keeps a scope as long as a partition uses it."""
    deployment = empty()
    position(deployment.folder, PLACES)
    partition(deployment.folder, {"apis": ["orders"], "rest": ["*"]})
    previewed = kong_oam(deployment, "preview", "-s", STACK)
    assert (
        f"[{STACK}-apis] skipped: the stack does not exist yet"
        in previewed.stdout
    ), previewed.stderr
    listed = kong_oam(deployment, "preview", "-s", STACK, "--list", status=0)
    assert (
        listed.stdout == f'["{STACK}"]\n'
        and f"{STACK}-apis: the stack does not exist yet; `up`" in listed.stderr
    )
    kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
    files = [
        deployment.folder / "applications" / name
        for name in ("orders.yaml", "shop.yaml")
    ]
    before = {file: file.read_text("utf-8") for file in files}
    for file in files:
        file.write_text(
            before[file].replace("orders.read", "orders.view"), "utf-8"
        )
    refused = kong_oam(deployment, "up", "-s", STACK, "--yes", status=2)
    assert (
        "gives shop/checkout at okta orders.view of orders/api, and takes orders.read of orders/api"
        in refused.stderr
    )
    assert "first give the new scopes, then take the others" in refused.stderr
    both = "scopes: [orders.read, orders.view"
    for file in files:
        text = before[file].replace(
            "orders.read: Read orders",
            "orders.read: Read orders\n              orders.view: View",
        )
        granted = text.replace("scopes: [orders.read", both)
        file.write_text(
            granted.replace(f"[GET], {both}]", "[GET], scopes: [orders.read]"),
            "utf-8",
        )
    added = kong_oam(
        deployment,
        "up",
        "-s",
        STACK,
        "--yes",
        "--policy-pack",
        "policies",
        status=0,
    )
    base, *runs = (
        added.stdout.splitlines()[-1].removeprefix("3 run: ").split(", ")
    )
    assert (base, {*runs}) == (STACK, {f"{STACK}-apis", f"{STACK}-rest"}), runs
    for file in files:
        file.write_text(
            before[file].replace("orders.read", "orders.view"), "utf-8"
        )
    taken = kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
    assert (
        "scope orders.read of orders/api left the Applications" in taken.stdout
    )
    runs = taken.stdout.splitlines()[-1].removeprefix("4 run: ").split(", ")
    assert runs == [STACK, f"{STACK}-apis", f"{STACK}-rest", STACK]
    for name in (None, "apis", "rest"):
        assert changes(deployment, "up", name) == {}
    assert ask(deployment.local, estate_of(deployment.folder)).wrong == ()


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_partition_gets_another_name_and_a_base_is_made_anew(
    empty: Empty,
) -> None:
    """The settings no longer list its stack: no run creates its resources twice, and `move` finds
    them. If a base was destroyed first, `refresh` removes its resources from the partitions'
    states."""
    deployment = empty()
    position(deployment.folder, PLACES)
    partition(deployment.folder, PARTITIONS)
    stacks = deployment.folder / "stacks"
    for name in ("sales", "rest"):
        (stacks / f"Pulumi.{stack_of(name)}.yaml").unlink()
    deployment.pulumi(
        "config", "set", "--secret", "aws:token", "hidden", "-s", STACK
    )
    made = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert made.returncode == 0, made.stdout + made.stderr
    assert (
        deployment.pulumi(
            "config", "get", "aws:token", "-s", stack_of("rest")
        ).stdout
        == "hidden\n"
    )
    assert "hidden" not in (
        stacks / f"Pulumi.{stack_of('rest')}.yaml"
    ).read_text("utf-8")
    partition(deployment.folder, {"orders": ["orders"], "rest": ["*"]})
    deployment.pulumi("stack", "init", stack_of("orders"))
    refused = {
        name: run(deployment, "up", name, check=False)
        for name in (None, "orders", "rest")
    }
    assert all(item.returncode for item in refused.values())
    output = {name: item.stdout + item.stderr for name, item in refused.items()}
    assert (
        f"its stack '{STACK}-sales' still has orders/api, shop/checkout, shop/web"
        in output[None]
    )
    assert (
        f"python -m kong_oam move -s {STACK}" in output["orders"]
        and f"move -s {STACK}" in output["rest"]
    )
    before = deployment.pulumi(
        "stack", "export", "-s", stack_of("sales")
    ).stdout
    moved = kong_oam(deployment, "move", "-s", STACK, "--yes")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert f"orders/api: {STACK}-sales -> {STACK}-orders" in moved.stdout
    assert f"shop/web: {STACK}-sales -> {STACK}-rest" in moved.stdout
    # A run that was killed between its two writes has left all resources in both stacks.
    (deployment.folder / "before.json").write_text(before, "utf-8")
    deployment.pulumi(
        "stack", "import", "-s", stack_of("sales"), "--file", "before.json"
    )
    again = kong_oam(deployment, "move", "-s", STACK, "--yes")
    assert again.returncode == 0, again.stdout + again.stderr
    assert (
        f"orders/api: {STACK}-sales -> {STACK}-orders (an earlier move was interrupted)"
        in again.stdout
    )
    # A scope changes as well, so that the base's next generation is not its first.
    path = deployment.folder / "applications" / "orders.yaml"
    more = "orders.export: Export\n              orders.write: Place"
    path.write_text(
        path.read_text("utf-8").replace("orders.write: Place", more), "utf-8"
    )
    done = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    run(deployment, "destroy", None)
    refreshed = kong_oam(deployment, "refresh", "-s", STACK, "--yes")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    anew = kong_oam(deployment, "up", "-s", STACK, "--yes")
    assert anew.returncode == 0, anew.stdout + anew.stderr
    verified = kong_oam(
        deployment, "verify", "--stack", STACK, "--only", "gateway"
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
