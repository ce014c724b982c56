"""An estate that the program before the rooms deployed: this program changes its scripts, and no other resource."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.demo.existing import hand_out, provider_entry, set_up
from sandbox.demo.table import ask, estate_of
from sandbox.issuer import Issuer
from sandbox.local import ROOT, STACK, USERS
from sandbox.project import set_providers
from tests.support.engine.deployment import Deployment, Empty
from tests.support.engine.earlier import assert_only_scripts_change, earlier_project, run_by
from tests.support.engine.partitions import changes, kong_oam, partition, place, run
from tests.support.engine.tenant import tenant_stack

pytestmark = pytest.mark.engine


@pytest.fixture(params=["okta", *(pytest.param(kind, marks=pytest.mark.deep) for kind in ("entra", "oidc"))])
def before(request: pytest.FixtureRequest, empty: Empty, tmp_path: Path) -> Iterator[Deployment]:
    """An empty stack of the sample Applications at each kind of provider; Keycloak is in tests/keycloak."""
    if request.param == "entra":
        folder = tmp_path / "tenant"
        folder.mkdir()
        with tenant_stack(folder) as (deployment, _):
            yield deployment
    elif request.param == "oidc":
        deployment = empty()
        with Issuer("api://sandbox", users={user.login: user.groups for user in USERS}) as issuer:
            estate = estate_of(deployment.folder)
            set_up(issuer, estate)
            hand_out(issuer, estate, deployment.local.cluster)
            set_providers(deployment.folder, [provider_entry(issuer, estate)])
            yield deployment
    else:
        yield empty()


def test_a_run_changes_its_scripts_alone(before: Deployment, tmp_path: Path) -> None:
    """Logical names, types and every other property are as they were, and so are the outputs, but for those named."""
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    assert_only_scripts_change(before, earlier_project(earlier))


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_it_goes_over_to_partitions_once_this_version_was_run(empty: Empty, tmp_path: Path) -> None:
    """Not before: it had clients beside their components, and `move` would leave them to be deleted. Then previews show
    tags, once the base has been run as one, and the two components that hold others."""
    deployment, earlier = empty(), tmp_path / "earlier"
    earlier.mkdir()
    place(deployment.folder, {"shop": "shop"})
    run_by(deployment, earlier_project(earlier))
    deployment.run("up")
    run_by(deployment, ROOT)
    settings = deployment.folder / "stacks" / f"Pulumi.{STACK}.yaml"
    alone = settings.read_text("utf-8")
    partition(deployment.folder, {"shops": ["shop"], "rest": ["*"]})
    refused = kong_oam(deployment, "move", "-s", STACK, "--yes", status=2)
    assert f"a version before this one wrote the state of '{STACK}': okta-app-reports/console" in refused.stderr
    assert f"run `pulumi up -s {STACK}`, and then move" in refused.stderr
    assert run(deployment, "up", None, check=False).returncode
    parted = settings.read_text("utf-8")
    settings.write_text(alone, "utf-8")
    deployment.run("up")
    settings.write_text(parted, "utf-8")
    kong_oam(deployment, "move", "-s", STACK, "--yes", status=0)
    assert changes(deployment, "preview", None) == {}
    run(deployment, "up", None)
    shown = {
        name: operation for one in ("shops", "rest") for name, operation in changes(deployment, "preview", one).items()
    }
    assert {*shown.values()} <= {"update", "create"}
    assert {name for name, operation in shown.items() if operation == "create"} == {"okta", "gateway"}
    kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
    assert kong_oam(deployment, "up", "-s", STACK).stdout.startswith("nothing to be run")
    assert ask(deployment.local, estate_of(deployment.folder)).wrong == ()
