"""A real Keycloak for this folder's tests, and the sample estate deployed with it; skipped, with the reason, without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sandbox.keycloak import Keycloak, UnavailableError
from sandbox.local import GROUPS, USERS, Local
from sandbox.project import set_providers
from tests.engine.conftest import AT_ONCE, sample  # noqa: F401 - the same estate with Okta, to compare with
from tests.support.engine.deployment import Deployment, project, start

REALM = "sandbox"


@dataclass(frozen=True, slots=True)
class WithKeycloak:
    """The sample estate on a real Keycloak, and a sandbox for all else."""

    server: Keycloak
    deployment: Deployment

    @property
    def local(self) -> Local:
        return self.deployment.local


@pytest.fixture(scope="session")
def server() -> Iterator[Keycloak]:
    """One server for all tests; each realm is of one of them."""
    try:
        with Keycloak() as made:
            yield made
    except UnavailableError as error:
        pytest.skip(str(error))


def on(server: Keycloak, deployment: Deployment, realm: str) -> Deployment:
    """The deployment with a realm of its own as its only identity provider, before the first `up`."""
    server.realm(realm, GROUPS, {user.login: user.groups for user in USERS})
    deployment.local.env.update(server.environment(realm))
    entry = {"name": "keycloak", "type": "keycloak", "issuer": server.issuer(realm), "audience": "api://sandbox"}
    set_providers(deployment.folder, [entry])
    return deployment


@pytest.fixture(scope="session")
def keycloak(server: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WithKeycloak]:
    """After its first `up`. The tests of one file follow each other on it."""
    with Local(lags=AT_ONCE) as local:
        deployment = on(server, start(local, project(tmp_path_factory.mktemp("project"))), REALM)
        deployment.run("up")
        yield WithKeycloak(server, deployment)
