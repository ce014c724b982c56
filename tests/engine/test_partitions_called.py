"""An estate in partitions as its callers see it, with interruptions, and commands in the wrong
order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from sandbox.demo.identity import ENTRA_LAG, ENTRA_SETTINGS
from sandbox.demo.table import ask, estate_of, send
from sandbox.entra import Entra
from sandbox.local import GROUPS, STACK, USERS, Local
from sandbox.project import set_providers
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start
from tests.support.engine.partitions import (
    changes,
    kong_oam,
    partition,
    position,
    run,
    stack_of,
)
from tests.support.tiers import deep_after

PLACES = {name: name for name in ("orders", "shop", "reports")}
PARTITIONS = {"shops": ["shop"], "apis": ["orders"], "rest": ["*"]}
ALL = (None, *PARTITIONS)


def _partitioned(local: Local, folder: Path) -> Deployment:
    """Return the sample estate, with only its base's stack."""
    deployment = start(local, project(folder, "policies"))
    position(folder, PLACES)
    partition(folder, PARTITIONS)
    for name in PARTITIONS:
        deployment.pulumi("stack", "init", stack_of(name))
    return deployment


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The estate, deployed once as a whole; tests that change it say so."""
    with Local(lags=AT_ONCE) as local:
        deployment = _partitioned(local, tmp_path_factory.mktemp("project"))
        kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
        yield deployment


@pytest.mark.timeout(600)
def test_every_caller_gets_the_models_answer(deployed: Deployment) -> None:
    """Every call of every caller, through the gateway's stand-in, also from one partition to another."""
    table = ask(deployed.local, estate_of(deployed.folder))
    assert table.wrong == ()
    assert {200, 401, 403} <= {
        answer for row in table.rows.values() for answer in row
    }


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", deep_after(1, ALL, ["shops"]), ids=str)
def test_the_policy_pack_finds_nothing(
    deployed: Deployment, name: str | None
) -> None:
    """In the base and in each partition; no rule is left out for an unknown value."""
    done = deployed.pulumi(
        "preview", "-s", stack_of(name), "--policy-pack", "policies"
    )
    assert "kong-oam@v0.0.1" in done.stdout
    for word in ("[mandatory]", "[advisory]", "can't run policy"):
        assert word not in done.stdout, done.stdout


@pytest.mark.timeout(600)
def test_verify_finds_the_estate_as_it_is_meant(deployed: Deployment) -> None:
    """All that it compares, on all of the stacks."""
    kong_oam(deployed, "verify", "--stack", STACK, status=0)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_recover_of_a_partition_never_touches_anothers(
    deployed: Deployment,
) -> None:
    """An entity outside of all states belongs to the partition of its tag, and without a tag to the
    base."""
    kong = deployed.local.kong
    of_estate = ["kong-oam", f"kong-oam-stack:{STACK}"]
    for name, tags in {
        "lost-of-shops": [*of_estate, "kong-oam-partition:shops"],
        "lost-of-apis": [*of_estate, "kong-oam-partition:apis"],
        "lost-of-base": of_estate,
    }.items():
        httpx.post(
            f"{kong.admin_url}/services",
            headers={
                "Kong-Admin-Token": deployed.local.env["KONG_ADMIN_TOKEN"]
            },
            json={"name": name, "host": "x.example.com", "tags": tags},
        ).raise_for_status()

    def standing() -> set[str]:
        return {str(entity["name"]) for entity in kong.entities("services")}

    before = standing()
    for item, lost in (
        (stack_of("shops"), "lost-of-shops"),
        (STACK, "lost-of-base"),
    ):
        listed = kong_oam(deployed, "recover", "-s", item, status=1)
        assert lost in listed.stdout
        assert listed.stdout.count("lost-of-") == 1
        removed = kong_oam(
            deployed, "recover", "-s", item, "--remove", status=0
        )
        assert "1 of 1 removed" in removed.stdout
        before -= {lost}
        assert standing() == before
    assert "lost-of-apis" in standing()
    kong_oam(deployed, "recover", "-s", stack_of("apis"), "--remove", status=0)
    for which in ALL:
        assert (
            "0 created"
            in kong_oam(
                deployed, "recover", "-s", stack_of(which), status=0
            ).stdout
        )


def _ids(deployment: Deployment, kind: str) -> set[str]:
    return {
        str(entity["id"]) for entity in deployment.local.kong.entities(kind)
    }


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_move_interrupted_between_its_two_writes_continues(
    deployed: Deployment,
) -> None:
    """The target's state was written and the source's was not: the command again, and nothing is made anew."""
    saved, folder = deployed.local.save(), deployed.folder
    files = {file: file.read_bytes() for file in (folder / "stacks").iterdir()}
    try:
        before = deployed.pulumi(
            "stack", "export", "-s", stack_of("apis")
        ).stdout
        entities = {
            kind: _ids(deployed, kind)
            for kind in ("services", "routes", "plugins")
        }
        partition(
            folder,
            {"shops": ["shop", "orders"], "apis": ["nothing"], "rest": ["*"]},
        )
        kong_oam(deployed, "move", "-s", STACK, "--yes", status=0)
        file = deployed.local.folder / "before.json"
        file.write_text(before, "utf-8")
        deployed.pulumi(
            "stack", "import", "-s", stack_of("apis"), "--file", str(file)
        )
        refused = run(deployed, "up", "apis", check=False)
        assert refused.returncode != 0
        assert (
            f"python -m kong_oam move -s {STACK}"
            in refused.stdout + refused.stderr
        )
        listed = kong_oam(deployed, "move", "-s", STACK, status=1)
        assert (
            f"orders/api: {STACK}-apis -> {STACK}-shops (an earlier move was interrupted)"
            in listed.stdout
        )
        kong_oam(deployed, "move", "-s", STACK, "--yes", status=0)
        assert kong_oam(
            deployed, "move", "-s", STACK, status=0
        ).stdout.startswith("every component")
        kong_oam(deployed, "up", "-s", STACK, "--yes", status=0)
        for name in ALL:
            assert changes(deployed, "preview", name) == {}
        assert {kind: _ids(deployed, kind) for kind in entities} == entities
        assert ask(deployed.local, estate_of(folder)).wrong == ()
    finally:
        for path, text in files.items():
            path.write_bytes(text)
        deployed.local.restore(saved)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_partitions_are_renamed_and_become_one_stack_again(
    deployed: Deployment,
) -> None:
    """By the same command, while the files of the earlier stacks exist: nothing is recreated."""
    saved, folder = deployed.local.save(), deployed.folder
    files = {file: file.read_bytes() for file in (folder / "stacks").iterdir()}
    entities = {
        kind: _ids(deployed, kind) for kind in ("services", "routes", "plugins")
    }
    try:
        partition(folder, {"retail": ["shop"], "rest": ["*"]})
        listed = kong_oam(deployed, "move", "-s", STACK, status=1).stdout
        assert f"shop/web: {STACK}-shops -> {STACK}-retail" in listed
        assert f"orders/api: {STACK}-apis -> {STACK}-rest" in listed
        kong_oam(deployed, "move", "-s", STACK, "--yes", status=0)
        kong_oam(deployed, "up", "-s", STACK, "--yes", status=0)
        for name in (None, "retail", "rest"):
            assert changes(deployed, "preview", name) == {}
        settings = folder / "stacks" / f"Pulumi.{STACK}.yaml"
        data = yaml.safe_load(settings.read_text("utf-8"))
        del data["config"]["kong-oam:partitions"]
        settings.write_text(yaml.safe_dump(data), "utf-8")
        kong_oam(deployed, "move", "-s", STACK, "--yes", status=0)
        run(deployed, "up", None)
        assert changes(deployed, "preview", None) == {}
        assert {kind: _ids(deployed, kind) for kind in entities} == entities
        assert ask(deployed.local, estate_of(folder)).wrong == ()
    finally:
        for path in (folder / "stacks").iterdir():
            if path not in files:
                path.unlink()
        for path, text in files.items():
            path.write_bytes(text)
        deployed.local.restore(saved)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_base_that_is_destroyed_first_leaves_gates_that_refuse(
    deployed: Deployment,
) -> None:
    """No caller gains access. After `refresh` removes missing resources from their states, the
    stacks can be deployed again or destroyed."""
    saved = deployed.local.save()
    try:
        before = ask(deployed.local, estate_of(deployed.folder))
        gateway = urlsplit(deployed.local.kong.proxy_url).netloc
        run(deployed, "destroy", None)
        for asked, row in before.rows.items():
            for item, was in zip(before.callers, row, strict=True):
                got, _ = send(gateway, asked, item)
                assert got == was or got in (401, 403, 500, 503), (
                    f"{asked} as {item.name}: {was}, then {got}"
                )
                assert got != 200 or before.rows[asked][0] == 200, (
                    f"{asked} as {item.name}"
                )
        refused = kong_oam(
            deployed, "up", "-s", STACK, "--yes", "--all", status=2
        )
        assert "the base of this estate was destroyed" in refused.stderr
        kong_oam(deployed, "refresh", "-s", STACK, "--yes", status=0)
        kong_oam(deployed, "up", "-s", STACK, "--yes", status=0)
        assert ask(deployed.local, estate_of(deployed.folder)).wrong == ()
        assert kong_oam(
            deployed, "up", "-s", STACK, status=0
        ).stdout.startswith("nothing to run")
        run(deployed, "destroy", None)
        kong_oam(deployed, "refresh", "-s", STACK, "--yes", status=0)
        gone = kong_oam(deployed, "destroy", "-s", STACK, "--yes", status=0)
        assert f"{STACK}-apis" in gone.stdout
        for name in ALL:
            exported = json.loads(
                deployed.pulumi("stack", "export", "-s", stack_of(name)).stdout
            )
            assert not exported["deployment"].get("resources")
        assert _ids(deployed, "services") == set()
    finally:
        deployed.local.restore(saved)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_ids_that_a_tenant_makes_up_reach_the_gates_of_other_partitions(
    tmp_path: Path,
) -> None:
    """One command: the stacks of those who are called are run once more when their callers' ids are known."""
    with (
        Entra(
            GROUPS, {user.login: user.groups for user in USERS}, lag=ENTRA_LAG
        ) as tenant,
        Local(lags=AT_ONCE) as local,
    ):
        local.env |= tenant.environment
        folder = tmp_path / "project"
        folder.mkdir()
        deployment = _partitioned(local, folder)
        set_providers(
            folder,
            [
                {
                    "name": "entra",
                    "type": "entra",
                    "issuer": tenant.issuer,
                    **ENTRA_SETTINGS,
                }
            ],
        )
        done = kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
        runs = done.stdout.splitlines()[-1].partition("run: ")[2].split(", ")
        assert runs[0] == STACK
        assert sorted(runs[1:4]) == sorted(
            stack_of(name) for name in PARTITIONS
        )
        assert runs[4:] == [stack_of("apis")]
        assert ask(local, estate_of(folder)).wrong == ()
        assert kong_oam(
            deployment, "up", "-s", STACK, status=0
        ).stdout.startswith("nothing to run")
        for name in ALL:
            assert changes(deployment, "preview", name) == {}
