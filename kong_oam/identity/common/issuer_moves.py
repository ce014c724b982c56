"""Refuses a provider whose issuer is another than the one whose tokens count, unless the stack says
that it is meant.

The gate, Kong's key ring and every client follow the issuer. Where it changes by mistake, such as
by a realm that was renamed or a stack's file that was copied, everybody is locked out at once.
"""

from __future__ import annotations

from kong_oam.access.data import Texts
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic, Findings


def issuer_moves(
    settings: ProviderSettings, estate: Estate, issuers: Texts
) -> Findings:
    """Report the provider's issuer where it is known and not the one in `issuers` (by provider),
    which count now.

    An issuer that comes into being with the stack itself changes only with the resource that makes
    it.
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
        f"the issuer of {settings.name} was {before} and would be {now}. No token of before would "
        "count any more, all clients would need a client there, and all users would sign in anew. "
        f"If that is meant, write `movedFrom: {before}` beside the issuer in "
        f"stacks/Pulumi.{estate.stack.name}.yaml",
    )
