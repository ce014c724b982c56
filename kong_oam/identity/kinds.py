"""The kinds of identity providers: what is known of each without making anything at it.

Nothing outside this folder knows which kind it deals with. What a kind has as resources is in components/identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from kong_oam.access.model import Estate
from kong_oam.access.providers import Provider
from kong_oam.access.settings.stack import ProviderSettings, StackError
from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState
from kong_oam.engine.state import Held
from kong_oam.identity.common.issuer_moves import moved
from kong_oam.identity.common.orphans import Orphans
from kong_oam.identity.entra import description as entra
from kong_oam.identity.entra import orphans as entra_orphans
from kong_oam.identity.entra import preflight as entra_preflight
from kong_oam.identity.keycloak import description as keycloak
from kong_oam.identity.keycloak import orphans as keycloak_orphans
from kong_oam.identity.keycloak import preflight as keycloak_preflight
from kong_oam.identity.oidc import description as oidc
from kong_oam.identity.oidc import preflight as oidc_preflight
from kong_oam.identity.okta import description as okta
from kong_oam.identity.okta import orphans as okta_orphans
from kong_oam.identity.okta import preflight as okta_preflight


@dataclass(frozen=True, slots=True)
class Kind:
    """What each kind answers.

    `describe` says how its tokens spell things, before it exists; raises StackError. `inspect` finds what stands in the
    way at the product, where the state holds `held`; raises InspectionError. `orphans` are what an interrupted run made
    or deleted there, over connections that the stack of contexts closes; raises InspectionError and RefusedError.
    """

    describe: Callable[[ProviderSettings], Provider]
    inspect: Callable[[ProviderSettings, Estate, Held, Configuration], Iterable[Diagnostic]]
    orphans: Callable[[ProviderSettings, ExportedState, ExitStack, Configuration], Orphans | None]


def _none(*_: object) -> None:
    """Nothing is made at an issuer that exists."""


KINDS: Mapping[str, Kind] = {
    "entra": Kind(entra.describe, entra_preflight.inspect, entra_orphans.find),
    "keycloak": Kind(keycloak.describe, keycloak_preflight.inspect, keycloak_orphans.find),
    "oidc": Kind(oidc.describe, oidc_preflight.inspect, _none),
    "okta": Kind(okta.describe, okta_preflight.inspect, okta_orphans.find),
}
"""By the `type` that settings name."""


def kind_of(settings: ProviderSettings) -> Kind:
    """The kind that the settings name. Raises StackError."""
    if settings.type not in KINDS:
        raise StackError(
            f"identity provider '{settings.name}': type '{settings.type}'{suggestion(settings.type, KINDS)}"
        )
    return KINDS[settings.type]


def describe(settings: ProviderSettings) -> Provider:
    """How the provider's tokens spell things, before it exists. Raises StackError."""
    return kind_of(settings).describe(settings)


def inspect(
    settings: ProviderSettings, estate: Estate, held: Held, issuers: Mapping[str, str], configuration: Configuration
) -> tuple[Diagnostic, ...]:
    """What at the provider stands in the way of provisioning: all of it, in previews too. Raises InspectionError.

    `issuers` are those whose tokens count until now, by provider.
    """
    if other := tuple(moved(settings, estate, issuers)):
        return other
    return tuple(kind_of(settings).inspect(settings, estate, held, configuration))


def find_orphans(
    providers: Iterable[ProviderSettings], state: ExportedState, opened: ExitStack, configuration: Configuration
) -> tuple[Orphans, ...]:
    """What interrupted creations made at the providers that were asked for them; connections are closed by `opened`.

    Providers that are one and the same place are looked at once. Raises InspectionError without an account, and
    RefusedError.
    """
    found = (kind_of(settings).orphans(settings, state, opened, configuration) for settings in providers)
    return tuple({orphans.where: orphans for orphans in found if orphans}.values())
