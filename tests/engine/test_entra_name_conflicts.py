"""A tenant that has our names already, by hand or by a run that was killed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.entra import Entra
from sandbox.local import STACK
from tests.support.engine.deployment import Deployment
from tests.support.engine.tenant import tenant_stack
from tests.support.faults.blackout import lost, recover
from tests.support.faults.stacks import Stack
from tests.support.json_object import JsonObject
from tests.support.tiers import deep_after

CLUSTER = {"clusterIssuer": "https://cluster.example.com"}
CHECKOUT = "kong-oam local shop/checkout"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[tuple[Deployment, Entra]]:
    with tenant_stack(tmp_path, **CLUSTER) as made:
        yield made


def _directory(tenant: Entra) -> JsonObject:
    """Return the ids of all objects in the tenant, and all assignments and consents."""
    directory = tenant.directory
    return {
        "applications": {
            application["displayName"]: application["id"]
            for application in directory.applications.values()
        },
        "principals": sorted(directory.principals),
        "assignments": sorted(directory.assignments),
        "grants": {
            grant["id"]: grant["scope"] for grant in directory.grants.values()
        },
        "federated": {
            app: sorted(item) for app, item in directory.federated.items()
        },
    }


@pytest.mark.deep
def test_nothing_is_created_beside_a_foreign_application(
    stack: tuple[Deployment, Entra],
) -> None:
    """Any user of a tenant may be allowed to register an application, and owns it. A preview and an
    up both fail until it is deleted."""
    deployment, tenant = stack
    app = tenant.directory.create_application({"displayName": CHECKOUT})
    refused = [
        deployment.pulumi("preview", "-s", STACK, check=False),
        deployment.run("up", check=False),
    ]
    assert all(
        item.returncode
        and f"Application '{CHECKOUT}', {app['id']}" in item.stdout
        for item in refused
    )
    assert list(tenant.directory.applications) == [app["id"]]
    del tenant.directory.applications[app["id"]]
    deployment.run("up")
    deployment.assert_unchanged()


_KILLS = {
    "application": (
        "PATCH",
        "/v1.0/applications/[^/]+",
        1,
        "Application kong-oam local ",
    ),
    "service principal": (
        "PATCH",
        "/v1.0/servicePrincipals/[^/]+",
        1,
        "ServicePrincipal kong-oam local ",
    ),
    "assignment": (
        "GET",
        "/v1.0/servicePrincipals/[^/]+/appRoleAssignedTo/.+",
        1,
        "AppRoleAssignment ",
    ),
    "consent": (
        "GET",
        "/v1.0/oauth2PermissionGrants/.+",
        1,
        "ServicePrincipalDelegatedPermissionGrant ",
    ),
    "trust": (
        "GET",
        "/v1.0/applications/[^/]+/federatedIdentityCredentials/.+",
        1,
        "Credential kubernetes ",
    ),
}


@pytest.mark.parametrize(
    ("method", "path", "nth", "named"),
    deep_after(0, _KILLS.values()),
    ids=_KILLS,
)
def test_objects_of_a_killed_run_are_found_and_removed(
    stack: tuple[Deployment, Entra],
    method: str,
    path: str,
    nth: int,
    named: str,
) -> None:
    """The engine dies after the creation, when the plugin looks whether it has arrived. It is listed first; once it is
    removed, the next run makes everything, once."""
    deployment, tenant = stack
    seen: dict[str, int] = {}

    def power(asked: str, target: str) -> Any:
        if (asked, bool(re.fullmatch(path, target))) == (method, True):
            seen[target] = seen.get(target, 0) + 1
        if nth in seen.values():
            deployment.local.kill()
            return 503, {"error": {"code": "x", "message": "dark"}}, {}
        return None

    tenant.faults = power
    deployment.run("up", check=False)
    assert nth in seen.values()
    time.sleep(
        1.0
    )  # a plugin checks its parent every half second, and its later requests fail
    tenant.faults = None
    deployment.pulumi("cancel", "-s", STACK, "--yes")
    before = _directory(tenant)
    ours = Stack(deployment.local, deployment.folder)
    listed = lost(ours, status=1).stdout
    assert (
        f"Entra, {tenant.issuer}: " in listed
        and named in listed
        and "kept:" not in listed
    )
    assert _directory(tenant) == before
    removed = recover(ours)
    assert tenant.secret not in listed + removed
    deployment.assert_unchanged()
    names = [
        application["displayName"]
        for application in tenant.directory.applications.values()
    ]
    assert len(names) == len(set(names))
