"""Find old credentials that are over, and places where the gateway would not find or hide a key."""

from __future__ import annotations

from kong_oam.access.before import Acceptance
from kong_oam.access.lint.upkeep import is_over
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.traits.kong_plugin.findings import is_gate_header


def findings(settings: Settings, estate: Estate) -> Findings:
    """Yield old credentials whose last day is over by the stack's `asOf`, and wrong places of
    keys."""
    today = settings.as_of
    for component in estate.own.values():
        identity = component.identity
        for side in (identity.before, identity.accept_before):
            if side and is_over(side.until, today):
                message = (
                    f"old credentials counted until {side.until}, and today is {today} (asOf); "
                    "remove this, and let callers use tokens"
                )
                where = side.position.at("until")
                yield Diagnostic("ACC282", message, where)
        if accepted := identity.accept_before:
            yield from _wrong_places(settings, accepted)


def _wrong_places(settings: Settings, accepted: Acceptance) -> Findings:
    if accepted.by != "key-auth":
        return
    stripped = settings.gateway.strip_headers
    records = settings.stack.records
    recorded = records.query if records else ()
    for index, name in enumerate(accepted.names):
        where = accepted.position.at("names", index)
        in_header = "header" in accepted.places
        if in_header and is_gate_header(name, stripped):
            message = (
                f"the gateway sets or removes header '{name}', so no key arrives in it; choose "
                "another name"
            )
            yield Diagnostic("ACC285", message, where)
        if "query" in accepted.places and name in recorded:
            message = (
                f"the gateway's records keep argument '{name}', which holds keys here; remove it "
                "from gateway.logs.query, or accept keys only in a header"
            )
            yield Diagnostic("ENV425", message, where)
