"""The kinds of identity providers: what each can do without making anything at the provider.

Nothing outside this folder knows which kind it deals with. A kind's resources are in
components/identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from kong_oam.access.client import at_provider
from kong_oam.access.model import Estate
from kong_oam.access.partitions import Granted, Owners
from kong_oam.access.providers import Provider
from kong_oam.access.settings.stack import ProviderSettings, StackError
from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState
from kong_oam.engine.state import COMPONENT, Held, Resource, StackState
from kong_oam.errors import ManagementApiError
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.common.granted import Grant
from kong_oam.identity.common.issuer_moves import issuer_moves
from kong_oam.identity.common.looked_up import LookedUp
from kong_oam.identity.common.orphans import Orphans
from kong_oam.identity.entra import assignments as entra_assignments
from kong_oam.identity.entra import description as entra
from kong_oam.identity.entra import names as entra_names
from kong_oam.identity.entra import orphans as entra_orphans
from kong_oam.identity.entra import preflight as entra_preflight
from kong_oam.identity.keycloak import description as keycloak
from kong_oam.identity.keycloak import names as keycloak_names
from kong_oam.identity.keycloak import orphans as keycloak_orphans
from kong_oam.identity.keycloak import preflight as keycloak_preflight
from kong_oam.identity.oidc import description as oidc
from kong_oam.identity.oidc import preflight as oidc_preflight
from kong_oam.identity.okta import description as okta
from kong_oam.identity.okta import names as okta_names
from kong_oam.identity.okta import orphans as okta_orphans
from kong_oam.identity.okta import preflight as okta_preflight


@dataclass(frozen=True, slots=True)
class Kind:
    """The functions of one kind.

    `describe` gives the provider as a value, before it exists; raises StackError. `inspect` finds
    what stands in the way at the product, where the state holds `held`, and looks groups up.
    `orphans` finds what an interrupted run made or deleted there, over connections that the stack
    of contexts closes. Both raise InspectionError and ManagementApiError. `client_id` gives the id that a
    component's client has or will have, by the estate's name and the component's; None where the
    provider makes it up. `client_resource` gives the type and the logical name of what stands for
    it there, by the provider's name and the component's; None where nothing is made. `grants`
    yields what clients are granted there by the resources of a state.
    """

    describe: Callable[[ProviderSettings], Provider]
    inspect: Callable[
        [ProviderSettings, Estate, Held, Configuration, LookedUp], Iterable[Diagnostic]
    ]
    orphans: Callable[
        [ProviderSettings, ExportedState, ExitStack, Configuration], Orphans | None
    ]
    client_id: Callable[[ProviderSettings, str, str], str | None]
    client_resource: Callable[[str, str], tuple[str, str]] | None
    grants: Callable[[str, Iterable[Resource]], Iterable[Grant]]


def _no_orphans(*_: object) -> None:
    """Answers None: nothing is made at an issuer that exists."""


def _no_grants(*_: object) -> Iterable[Grant]:
    return ()


def _known_id(settings: ProviderSettings, stack: str, component: str) -> str | None:  # noqa: ARG001 - as the others
    client = settings.clients.get(component)
    return client.id if client else None


KINDS: Mapping[str, Kind] = {
    "entra": Kind(
        entra.describe,
        entra_preflight.inspect,
        entra_orphans.find,
        lambda *_: None,
        entra_names.client_resource,
        entra_assignments.granted,
    ),
    "keycloak": Kind(
        keycloak.describe,
        keycloak_preflight.inspect,
        keycloak_orphans.find,
        lambda _, *name: keycloak_names.in_realm(*name),
        keycloak_names.client_resource,
        keycloak_names.grants,
    ),
    "oidc": Kind(
        oidc.describe, oidc_preflight.inspect, _no_orphans, _known_id, None, _no_grants
    ),
    "okta": Kind(
        okta.describe,
        okta_preflight.inspect,
        okta_orphans.find,
        lambda _, *name: okta_names.client_id(*name),
        okta_names.client_resource,
        okta_names.grants,
    ),
}
"""The kinds, by the `type` that settings name."""


def kind_of(settings: ProviderSettings) -> Kind:
    """Looks up the kind that the settings name. Raises StackError."""
    if settings.type not in KINDS:
        raise StackError(
            f"identity provider '{settings.name}': type "
            f"'{settings.type}'{suggestion(settings.type, KINDS)}"
        )
    return KINDS[settings.type]


def granted_in(
    providers: Iterable[ProviderSettings], state: StackState, owners: Owners
) -> Granted:
    """Gives what clients of a stack are granted by its state, whatever run left it so, also those
    without a grant. `owners` says of which components scopes are where the provider does not."""
    components = [key for kind, key in state.urns if kind == COMPONENT]
    found: dict[str, dict[str, set[str]]] = {}
    for settings in providers:
        kind, name = kind_of(settings), settings.name
        if kind.client_resource:
            there = (
                key
                for key in components
                if kind.client_resource(name, key) in state.urns
            )
            found |= {at_provider(key, name): {} for key in there}
        for grant in kind.grants(name, state.resources):
            at = found.setdefault(at_provider(grant.client, name), {})
            for scope in grant.scopes:
                for component in (
                    [grant.at] if grant.at else owners.get((name, scope), ())
                ):
                    at.setdefault(component, set()).add(scope)
    return found


def scopes_in(
    providers: Iterable[ProviderSettings], state: StackState
) -> dict[str, set[str]]:
    """Gives the names of the scopes that clients are granted by a state, by the client's name."""
    found: dict[str, set[str]] = {}
    for settings in providers:
        for grant in kind_of(settings).grants(settings.name, state.resources):
            found.setdefault(at_provider(grant.client, settings.name), set()).update(
                grant.scopes
            )
    return found


def describe(settings: ProviderSettings) -> Provider:
    """Describes the provider as a value: how its tokens spell things, before it exists. Raises
    StackError."""
    return kind_of(settings).describe(settings)


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    held: Held,
    issuers: Mapping[str, str],
    configuration: Configuration,
    looked_up: LookedUp,
) -> tuple[Diagnostic, ...]:
    """Finds all that stands in the way of provisioning at the provider, in previews too. Raises
    InspectionError.

    `issuers` are those whose tokens count until now, by provider. Groups that roles name are in
    `looked_up` afterwards.
    """
    if moves := tuple(issuer_moves(settings, estate, issuers)):
        return moves
    try:
        return tuple(
            kind_of(settings).inspect(settings, estate, held, configuration, looked_up)
        )
    except ManagementApiError as error:
        raise InspectionError(
            f"identity provider '{settings.name}': {settings.type} at {error}"
        ) from None


def find_orphans(
    providers: Iterable[ProviderSettings],
    state: ExportedState,
    opened: ExitStack,
    configuration: Configuration,
) -> tuple[Orphans, ...]:
    """Finds what interrupted creations made at the providers that were asked for them; `opened`
    closes connections.

    Providers that are one and the same place are searched once. Raises InspectionError without an
    account, and ManagementApiError.
    """
    searches = (
        (
            (settings.type, settings.issuer),
            kind_of(settings).orphans(settings, state, opened, configuration),
        )
        for settings in providers
    )
    return tuple({place: orphans for place, orphans in searches if orphans}.values())
