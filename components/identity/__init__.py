"""Provisions identity providers, a module for each kind: its component, and its function `provision`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.identity.common.looked_up import LookedUp

from ..base import Record
from ..credentials import Rotation
from . import entra, keycloak, oidc, okta
from .issuer import Homes, Issuer

PROVISIONERS: Mapping[str, Callable[[ProviderSettings, Estate, Rotation, Homes, LookedUp, Record | None], Issuer]] = {
    "entra": entra.provision,
    "keycloak": keycloak.provision,
    "oidc": oidc.provision,
    "okta": okta.provision,
}
"""The provisioning functions by the `type` that settings name, as kong_oam.identity.kinds.KINDS."""


def provision(
    settings: ProviderSettings,
    estate: Estate,
    rotation: Rotation,
    homes: Homes,
    looked_up: LookedUp,
    base: Record | None,
) -> Issuer:
    """Provisions the provider's resources: issuer, scopes, one app per client, and what each may be issued.

    Groups that roles name were looked up before. In a partition of an estate only what is its clients' is made: `base`
    has what the estate's base made.
    """
    return PROVISIONERS[settings.type](settings, estate, rotation, homes, looked_up, base)
