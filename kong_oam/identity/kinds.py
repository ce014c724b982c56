"""The kinds of identity providers: their functions that make nothing at the provider.

Code outside this folder does not depend on the kind. A kind's resources are in components/identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from kong_oam.access.client import at_provider
from kong_oam.access.data import NameSets, Texts
from kong_oam.access.model import Estate
from kong_oam.access.partitions import Granted, Owners
from kong_oam.access.providers import Provider
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState
from kong_oam.engine.state import COMPONENT, RecordedNames, StackState
from kong_oam.errors import ManagementApiError
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.common.granted import Grant
from kong_oam.identity.common.issuer_moves import issuer_moves
from kong_oam.identity.common.kind import Inspection, Kind
from kong_oam.identity.common.orphans import Orphans
from kong_oam.identity.entra.kind import ENTRA
from kong_oam.identity.keycloak.kind import KEYCLOAK
from kong_oam.identity.oidc.kind import OIDC
from kong_oam.identity.okta.kind import OKTA

# The type of clients' keys, at every provider.
_KEY = "tls:index/privateKey:PrivateKey"

KINDS = (ENTRA, KEYCLOAK, OIDC, OKTA)


def kind_of(settings: ProviderSettings) -> Kind:
    """Return the kind that the checked settings name."""
    return next(kind for kind in KINDS if kind.type == settings.type)


def granted_in(
    providers: Iterable[ProviderSettings], state: StackState, owners: Owners
) -> Granted:
    """Return the grants of a stack's clients by its state, also after a failed run.

    Clients without a grant are in it, too. `owners` gives the components of scopes if the provider
    does not.
    """
    granted: dict[str, NameSets] = {}
    for settings in providers:
        for client in _clients_in(settings, state):
            granted[client] = {}
        for client, grant in _grants_in(settings, state):
            scopes_at = granted.setdefault(client, {})
            for scope in grant.scopes:
                owner = owners.get((settings.name, scope), ())
                for component in [grant.at] if grant.at else owner:
                    scopes_at.setdefault(component, set()).add(scope)
    return granted


def scopes_in(
    providers: Iterable[ProviderSettings], state: StackState
) -> NameSets:
    """Return the names of clients' granted scopes by a state, by the client's name."""
    scopes: NameSets = {}
    for settings in providers:
        for client, grant in _grants_in(settings, state):
            scopes.setdefault(client, set()).update(grant.scopes)
    return scopes


def _clients_in(settings: ProviderSettings, state: StackState) -> Iterator[str]:
    """Yield the names of the provider's clients that have a resource in the state."""
    client_resource = kind_of(settings).client_resource
    if client_resource is None:
        return
    for type_, key in state.urns:
        is_component = type_ == COMPONENT
        if is_component and client_resource(settings.name, key) in state.urns:
            yield at_provider(key, settings.name)


def _grants_in(
    settings: ProviderSettings, state: StackState
) -> Iterator[tuple[str, Grant]]:
    """Yield the grants of clients in the state, each with the client's name."""
    for grant in kind_of(settings).grants(settings.name, state.resources):
        yield at_provider(grant.client, settings.name), grant


def proofs_in(state: StackState) -> Texts:
    """Return the public identification of each client's key or secret, by its resource's logical
    name."""
    outputs = {_KEY: "publicKeyPem"}
    for kind in KINDS:
        outputs |= kind.proofs
    proofs = {}
    for resource in state.resources:
        proof = resource.outputs.get(outputs.get(resource.type, ""))
        if proof:
            proofs[resource.name] = proof
    return proofs


def describe(settings: ProviderSettings) -> Provider:
    """Describe the provider as a value, before it exists: the claims of its tokens. Raises
    StackError."""
    return kind_of(settings).describe(settings)


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    held: RecordedNames,
    issuers: Texts,
    configuration: Configuration,
) -> Inspection:
    """Find all conflicts at the provider, in previews too. Raises InspectionError.

    `issuers` are the current issuers, by provider.
    """
    moves = tuple(issuer_moves(settings, estate, issuers))
    if moves:
        return Inspection(moves)
    try:
        return kind_of(settings).inspect(settings, estate, held, configuration)
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
    """Find objects of interrupted creations at the providers; `opened` closes connections.

    Each place is searched once, also if several providers share it. Raises InspectionError without
    an account, and ManagementApiError.
    """
    by_place = {}
    for settings in providers:
        orphans = kind_of(settings).orphans(
            settings, state, opened, configuration
        )
        if orphans:
            by_place[settings.type, settings.issuer] = orphans
    return tuple(by_place.values())
