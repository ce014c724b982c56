"""Provisions identity providers, a module for each kind: its component, and its function
`provision`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from .issuer import Issuer, Provisioning


def _of(module: str) -> Callable[[Provisioning], Issuer]:
    """The function of a module, which is loaded when a stack has a provider of its kind: to load a
    product's SDK takes a tenth of a second, in every run."""

    def provision(given: Provisioning) -> Issuer:
        issuer: Issuer = import_module(f"{__name__}.{module}").provision(given)
        return issuer

    return provision


PROVISIONERS: Mapping[str, Callable[[Provisioning], Issuer]] = {
    kind: _of(kind) for kind in ("entra", "keycloak", "oidc", "okta")
}
"""The provisioning functions by the `type` that settings name, as kong_oam.identity.kinds.KINDS."""


def provision(given: Provisioning) -> Issuer:
    """Provisions the provider's resources: issuer, scopes, one app per client, and what each may be
    issued."""
    return PROVISIONERS[given.settings.type](given)
