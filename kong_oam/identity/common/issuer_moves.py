"""Rejects a provider whose issuer changes, unless the stack confirms the change.

The gate, Kong's key ring and every client follow the issuer. An accidental change, for example by a
renamed realm or a copied stack file, would lock out everybody at once.
"""

from __future__ import annotations

from kong_oam.access.data import Texts
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic, Findings


def issuer_moves(
    settings: ProviderSettings, estate: Estate, issuers: Texts
) -> Findings:
    """Report the provider's issuer if it is known and differs from the current issuer in `issuers`
    (by provider).

    The issuer of a provider that the stack makes changes only with the resource that makes it.
    """
    before = issuers.get(settings.name)
    now = estate.stack.providers[settings.name].issuer
    if (
        before is None
        or now is None
        or before == now
        or settings.moved_from == before
    ):
        return
    yield Diagnostic(
        "ENV407",
        f"the issuer of {settings.name} changes from {before} to {now}. Kong would deny all "
        "tokens, and clients and users would have to register anew. To confirm, write "
        f"`movedFrom: {before}` beside the issuer in stacks/Pulumi.{estate.stack.name}.yaml",
    )
