"""An existing issuer as a kind of identity provider: the program makes nothing there."""

from __future__ import annotations

from kong_oam.access.settings.values import ProviderSettings
from kong_oam.identity.common.kind import Kind
from kong_oam.identity.oidc.description import describe
from kong_oam.identity.oidc.preflight import inspect


def _known_id(settings: ProviderSettings, _: str, component: str) -> str | None:
    client = settings.clients.get(component)
    return client.id if client else None


OIDC = Kind("oidc", describe, inspect, client_id=_known_id)
