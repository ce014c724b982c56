"""The proof of a recorded caller, as `decide` reads it."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.before import OldCredential
from kong_oam.access.data import Names
from kong_oam.access.decide import Proof
from kong_oam.access.model import Component, Estate
from kong_oam.access.tokens import Claims, Refusal


@dataclass(frozen=True, slots=True)
class RecordedCaller:
    """The caller of a record. `is_verified`: the record has a client.

    `at`: the time of the call in seconds since 1970, or None for a time before every last day.
    """

    code: str
    is_verified: bool
    caller: str = ""
    by: str | None = None
    user: bool = False
    scopes: Names = ()
    groups: Names = ()
    subject: str = ""
    at: float | None = None


def recorded_proof(
    estate: Estate, component: Component | None, recorded: RecordedCaller
) -> Proof | None:
    """Return the claims of a recorded caller with the recorded scopes, or why it has none."""
    code = recorded.code
    if component is None:
        return None
    if not recorded.is_verified:
        is_refused = code.startswith(("token-", "credential-", "several-"))
        if code == "token-needed" or not is_refused:
            return None
        return Refusal("the token was invalid", code)
    if recorded.by:
        return _old_credential(component, recorded)
    provider = estate.provider_of(component)
    audience = provider.audience_of(component.key) if provider.per_api else None
    return Claims(
        component.identity.provider,
        recorded.caller,
        recorded.subject,
        recorded.user,
        recorded.scopes,
        tuple(map(provider.listed, recorded.groups)),
        "" if code == "other-api" else audience,
    )


def _old_credential(
    component: Component, recorded: RecordedCaller
) -> OldCredential | None:
    """Return the old credential of the caller, if the component still accepts it."""
    for caller in component.identity.old_callers:
        if (caller.client, caller.by) == (recorded.caller, recorded.by):
            return OldCredential(caller.consumer, caller.by, recorded.at)
    return None
