"""Provisions identity providers, a module for each kind: its component, and `provision(settings, estate, rotation)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings

from ..credentials import Rotation
from . import entra, keycloak, oidc, okta
from .issuer import Issuer

PROVISIONERS: Mapping[str, Callable[[ProviderSettings, Estate, Rotation], Issuer]] = {
    "entra": entra.provision,
    "keycloak": keycloak.provision,
    "oidc": oidc.provision,
    "okta": okta.provision,
}
"""The provisioning functions by the `type` that settings name, as kong_oam.identity.kinds.KINDS."""


def provision(settings: ProviderSettings, estate: Estate, rotation: Rotation) -> Issuer:
    """Provisions the provider's resources: issuer, scopes, one app per client, and what each may be issued."""
    return PROVISIONERS[settings.type](settings, estate, rotation)
