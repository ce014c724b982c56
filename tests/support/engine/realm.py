"""A stack with a realm of a real Keycloak as its identity provider, and a sandbox for all other
products."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.keycloak import Keycloak
from sandbox.local import GROUPS, USERS, Local
from sandbox.project import set_providers
from tests.support.engine.deployment import Deployment

REALM = "sandbox"
"""The realm of the sample estate."""


@dataclass(frozen=True, slots=True)
class WithKeycloak:
    """The sample estate on a real Keycloak, and a sandbox for all other products."""

    server: Keycloak
    deployment: Deployment

    @property
    def local(self) -> Local:
        return self.deployment.local


def on(server: Keycloak, deployment: Deployment, realm: str) -> Deployment:
    """Return the deployment with a separate realm as its only identity provider, before the first
    `up`."""
    server.realm(realm, GROUPS, {user.login: user.groups for user in USERS})
    deployment.local.env.update(server.environment(realm))
    entry = {
        "name": "keycloak",
        "type": "keycloak",
        "issuer": server.issuer(realm),
        "audience": "api://sandbox",
    }
    set_providers(deployment.folder, [entry])
    return deployment
