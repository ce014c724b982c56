"""Checks of a provider's settings for all kinds."""

from __future__ import annotations

from urllib.parse import urlsplit

from kong_oam.access.data import Names
from kong_oam.access.settings.identity_providers import OF_SOME_KINDS
from kong_oam.access.settings.values import ProviderSettings, StackError
from kong_oam.diagnostics import some
from kong_oam.http.addresses import is_confidential, without_secrets


def check(
    settings: ProviderSettings,
    *,
    needs: Names = (),
    takes: Names = (),
) -> None:
    """Check that the settings have the kind's required settings, and none that it ignores. Raises
    StackError."""
    problems = []
    for name in needs:
        if not getattr(settings, name):
            problems.append(f"needs '{OF_SOME_KINDS[name]}'")
    # Reject a setting that the kind ignores: its author relies on it.
    for name, written in OF_SOME_KINDS.items():
        if name not in (*needs, *takes) and getattr(settings, name):
            problems.append(f"ignores '{written}'; remove it")
    for name in ("issuer", "cluster_issuer"):
        issuer = getattr(settings, name)
        problem = _unsafe(issuer) if issuer else None
        if problem:
            problems.append(
                f"{OF_SOME_KINDS[name]} {without_secrets(issuer)}: {problem}"
            )
    if problems:
        raise StackError(
            f"identity provider '{settings.name}' (type {settings.type}): {some(problems, '; ')}"
        )


def _unsafe(issuer: str) -> str | None:
    parts = urlsplit(issuer)
    if not parts.hostname or parts.username is not None:
        return "it is not an address"
    if not is_confidential(issuer):
        return "it is not https, so an attacker on the network could replace its keys"
    return None
