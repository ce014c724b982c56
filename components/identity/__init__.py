"""Provisions identity providers, a module for each kind: its component, and its function `provision`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import entra, keycloak, oidc, okta
from .issuer import Issuer, Provisioning

PROVISIONERS: Mapping[str, Callable[[Provisioning], Issuer]] = {
    "entra": entra.provision,
    "keycloak": keycloak.provision,
    "oidc": oidc.provision,
    "okta": okta.provision,
}
"""The provisioning functions by the `type` that settings name, as kong_oam.identity.kinds.KINDS."""


def provision(given: Provisioning) -> Issuer:
    """Provisions the provider's resources: issuer, scopes, one app per client, and what each may be issued."""
    return PROVISIONERS[given.settings.type](given)
