"""An estate that the commit before a change deployed: this program changes only resources of the
change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.demo.existing import hand_out, provider_entry, set_up
from sandbox.demo.table import estate_of
from sandbox.issuer import Issuer
from sandbox.local import USERS
from sandbox.project import set_providers
from tests.support.engine.deployment import Deployment, Empty
from tests.support.engine.earlier_project import (
    assert_only_known_changes,
    earlier_project,
)
from tests.support.engine.tenant import tenant_stack


@pytest.fixture(
    params=[
        "okta",
        *(
            pytest.param(kind, marks=pytest.mark.deep)
            for kind in ("entra", "oidc")
        ),
    ]
)
def before(
    request: pytest.FixtureRequest, empty: Empty, tmp_path: Path
) -> Iterator[Deployment]:
    """An empty stack of the sample Applications at each kind of provider; Keycloak is in tests/keycloak."""
    if request.param == "entra":
        folder = tmp_path / "tenant"
        folder.mkdir()
        with tenant_stack(folder) as (deployment, _):
            yield deployment
    elif request.param == "oidc":
        deployment = empty()
        with Issuer(
            "api://sandbox", users={user.login: user.groups for user in USERS}
        ) as issuer:
            estate = estate_of(deployment.folder)
            set_up(issuer, estate)
            hand_out(issuer, estate, deployment.local.cluster)
            set_providers(deployment.folder, [provider_entry(issuer, estate)])
            yield deployment
    else:
        yield empty()


@pytest.mark.deep
def test_a_run_makes_only_known_changes(
    before: Deployment, tmp_path: Path
) -> None:
    """Logical names, types, every other property and the outputs stay."""
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    assert_only_known_changes(before, earlier_project(earlier))
