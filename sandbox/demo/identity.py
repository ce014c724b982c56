"""The identity provider of the sandbox: the Okta stand-in, or another kind, set up for a project.

    with identity_provider("oidc", local, folder) as provider:
        local.pulumi("up", "-s", STACK, "--yes", cwd=folder)

Each kind writes the project's stack settings and creates everything that must exist before the
stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kong_oam.access.model import Estate, Stack
from sandbox.demo import existing
from sandbox.demo.table import estate_of
from sandbox.entra import Entra
from sandbox.issuer import Issuer
from sandbox.keycloak import VERSION, Keycloak
from sandbox.local import GROUPS, USERS, Local
from sandbox.project import set_providers

_REALM = "sandbox"
ENTRA_LAG = 2.0
"""Seconds that a new role takes until it can be assigned: more than a run without a pause would."""
ENTRA_SETTINGS: Mapping[str, float] = {
    "accessTokenMinutes": 90,
    "settleSeconds": ENTRA_LAG + 0.1,
}


@dataclass(frozen=True, slots=True)
class SandboxProvider:
    """A running provider: its name, and whether it is the real product."""

    name: str
    real: bool = False

    def __str__(self) -> str:
        return self.name if self.real else f"the {self.name} stand-in"


@contextmanager
def _okta(local: Local, folder: Path) -> Iterator[SandboxProvider]:  # noqa: ARG001
    # The stack's settings name the provider already.
    yield SandboxProvider("Okta")


@contextmanager
def _oidc(local: Local, folder: Path) -> Iterator[SandboxProvider]:
    with Issuer(
        "api://sandbox", users={user.login: user.groups for user in USERS}
    ) as issuer:
        estate = _guarded_by(existing.PROVIDER, folder)
        existing.set_up(issuer, estate)
        existing.hand_out(issuer, estate, local.cluster)
        set_providers(folder, [existing.provider_entry(issuer, estate)])
        yield SandboxProvider("issuer")


@contextmanager
def _keycloak(local: Local, folder: Path) -> Iterator[SandboxProvider]:
    with Keycloak() as server:
        server.realm(
            _REALM, GROUPS, {user.login: user.groups for user in USERS}
        )
        local.env |= server.environment(_REALM)
        entry = {
            "name": "keycloak",
            "type": "keycloak",
            "issuer": server.issuer(_REALM),
        }
        set_providers(folder, [{**entry, "audience": "api://sandbox"}])
        yield SandboxProvider(f"Keycloak {VERSION}", real=True)


@contextmanager
def _entra(local: Local, folder: Path) -> Iterator[SandboxProvider]:
    with Entra(
        GROUPS, {user.login: user.groups for user in USERS}, lag=ENTRA_LAG
    ) as tenant:
        local.env |= tenant.environment
        entry = {
            "name": "entra",
            "type": "entra",
            "issuer": tenant.issuer,
            **ENTRA_SETTINGS,
        }
        set_providers(folder, [entry])
        yield SandboxProvider("Entra")


def _guarded_by(name: str, folder: Path) -> Estate:
    """Return the project's estate with one provider of this name, before anything else is known
    about it."""

    def on(stack: Stack) -> Stack:
        return replace(
            stack, providers={name: replace(stack.default_provider, name=name)}
        )

    return estate_of(folder, on)


KINDS: Mapping[
    str, Callable[[Local, Path], AbstractContextManager[SandboxProvider]]
] = {
    "okta": _okta,
    "keycloak": _keycloak,
    "entra": _entra,
    "oidc": _oidc,
}


def identity_provider(
    kind: str, local: Local, folder: Path
) -> AbstractContextManager[SandboxProvider]:
    """Set up the provider for the project in `folder`, and yield it. Raises KeyError for another
    kind."""
    return KINDS[kind](local, folder)
