"""Describes an OpenID Connect issuer as a value. Sources: OpenID Connect Discovery 1.0; RFC 9068
for defaults."""

from __future__ import annotations

from kong_oam.access.providers import Provider
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.identity.common.settings import check


def describe(settings: ProviderSettings) -> Provider:
    """Describe the provider from its settings. Raises access.settings.values.StackError."""
    check(
        settings, needs=("issuer", "spelling"), takes=("clients", "moved_from")
    )
    assert settings.spelling is not None
    return Provider(
        settings.name,
        settings.audience,
        settings.spelling,
        issuer=settings.issuer,
        groups=settings.groups,
    )
