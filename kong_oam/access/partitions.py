"""Divide one estate into several stacks, and select the parts of the estate that each stack needs.

The *base* has shared resources: scopes and groups at identity providers, the gateway's key rings,
certificates. A *partition* has the Applications of its namespaces, with their clients, gates,
routes and workloads. Each run gets only the parts of the estate that it depends on, so that no
other part can change its result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypedDict

from kong_oam.access.client import at_provider, component_and_provider
from kong_oam.access.data import JsonObject, NameLists, Names, NameSets, Texts
from kong_oam.access.discovery import resource_urls
from kong_oam.access.model import (
    Client,
    Component,
    Estate,
    Exposure,
    Role,
    WorkloadSpec,
    bare_component,
)
from kong_oam.access.workloads import workload_of
from kong_oam.oam.position import NO_POSITION
from kong_oam.traits.key import Traits

# The needs of a partition, or the offers of the base, by component and provider (`orders/api at
# okta`). A component that moves to another provider is offered at both until its old offer is
# unused.
Uses = Mapping[str, "Offered"]


class OfferedOutput(TypedDict):
    """An offer of a provider, as a stack output."""

    provider: str
    scopes: dict[str, str]
    groups: list[str]


@dataclass(frozen=True, slots=True)
class Offered:
    """The offer of a provider for a component: scopes with descriptions, and its roles' logical
    groups."""

    provider: str
    scopes: Texts
    groups: Names = ()

    def to_output(self) -> OfferedOutput:
        """Return the offer as a stack output."""
        return {
            "provider": self.provider,
            "scopes": dict(self.scopes),
            "groups": [*self.groups],
        }

    @staticmethod
    def from_output(data: OfferedOutput) -> Offered:
        """Read the result of `to_output`."""
        return Offered(
            data["provider"], dict(data["scopes"]), tuple(data["groups"])
        )


class BaseOutput(TypedDict, total=False):
    """The output of an estate's base for its partitions."""

    generation: int
    offered: Mapping[str, OfferedOutput]
    partitions: Sequence[str]
    providers: Mapping[str, JsonObject]
    gateway: JsonObject


Offers = dict[str, Offered]


def uses_of(output: Mapping[str, OfferedOutput]) -> Offers:
    """Read the uses or offers that a stack exported, each from `Offered.to_output`."""
    return {name: Offered.from_output(data) for name, data in output.items()}


def deployed_by(estate: Estate, partition: str | None) -> Estate:
    """Return the part of the estate that a partition's stack deploys.

    None: the base, or the whole estate if it has no partitions.
    """
    if partition is not None:
        return part_of(estate, partition)
    return base_of(estate) if estate.stack.partitions else estate


def base_of(estate: Estate) -> Estate:
    """Return the part of the estate that the base deploys.

    Components keep their scopes and groups, hosts with certificates, and clients that sign users
    in. Components without any of these are left out.
    """
    applications = []
    for application in estate.applications:
        offering = [
            _offering(component, estate.stack.scheme)
            for component in application.components
        ]
        components = tuple(filter(_is_shared, offering))
        if components:
            applications.append(
                replace(
                    application,
                    labels={},
                    annotations={},
                    components=components,
                )
            )
    return replace(estate, role="base", applications=tuple(applications))


def part_of(estate: Estate, partition: str) -> Estate:
    """Return the part of the estate that a partition deploys: its Applications, with their callers
    and callees.

    A component that accepts any token, at a provider whose tokens are for one API each, needs all
    APIs of this provider.
    """
    applications = tuple(
        application
        for application in estate.applications
        if estate.stack.partition_of(application.namespace) == partition
    )
    part = replace(estate, role="partition", applications=applications)
    any_token = {
        component.identity.provider
        for component in part.own.values()
        if component.any_token and estate.provider_of(component).per_api
    }
    calling = {}
    for key, component in estate.components.items():
        if key not in part.own:
            calling[key] = tuple(
                _partition_callers(
                    component.identity.clients, part.own, any_token
                )
            )
    called: set[str] = set()
    for client in chain(part.own_clients, *calling.values()):
        called.update(call.component for call in client.calls)
    foreign = []
    for key, clients in calling.items():
        if clients or key in called:
            foreign.append(
                _foreign_component(estate.components[key].with_clients(clients))
            )
    return replace(part, foreign=tuple(foreign))


def calls_into(part: Estate, client: Client) -> bool:
    """Return whether a client calls a component of the partition, so that a gate there needs its
    id."""
    return any(call.component in part.own for call in client.calls)


def offered(estate: Estate) -> Offers:
    """Return the offers of the base, for the components that offer anything."""
    return _offers(estate.offering)


def uses(estate: Estate) -> Offers:
    """Return the needs of a partition from the base."""
    needed = _offers(estate.own.values())
    for client in estate.own_clients:
        for call in client.calls:
            called = estate.components.get(call.component)
            if called is not None and call.component not in estate.own:
                scopes = {
                    scope: called.identity.scopes.get(scope, "")
                    for scope in call.scopes
                }
                _add(
                    needed,
                    _name(called),
                    Offered(called.identity.provider, scopes),
                )
    return needed


def _offers(components: Iterable[Component]) -> Offers:
    offers = {}
    for component in components:
        if component.identity.scopes or component.identity.roles:
            offers[_name(component)] = Offered(
                component.identity.provider,
                component.identity.scopes,
                component.groups,
            )
    return offers


def _add(offers: Offers, name: str, more: Offered) -> None:
    """Add `more` to the offer of that name. A scope keeps its first description."""
    earlier = offers.get(name, Offered(more.provider, {}))
    groups = tuple(sorted({*earlier.groups, *more.groups}))
    offers[name] = Offered(
        more.provider, {**more.scopes, **earlier.scopes}, groups
    )


# Components by provider and scope.
Owners = Mapping[tuple[str, str], Collection[str]]


def owners_of_scopes(estate: Estate, offers: Uses) -> Owners:
    """Return the components that declare a scope, and those for which the base still offers it.

    The scope may have moved from one component to another.
    """
    owners = defaultdict(set)
    for key, component in estate.components.items():
        for scope in component.identity.scopes:
            owners[component.identity.provider, scope].add(key)
    for name, offer in offers.items():
        for scope in offer.scopes:
            owners[offer.provider, scope].add(_key(name))
    return owners


def used_by(clients: Granted, offers: Uses) -> Offers:
    """Return the part of the base's offers that clients with these grants use."""
    used: Offers = {}
    for client, calls in clients.items():
        _, provider = component_and_provider(client)
        for called, scopes in calls.items():
            name = at_provider(called, provider)
            if offer := offers.get(name):
                offered_scopes = {
                    scope: offer.scopes[scope]
                    for scope in scopes
                    if scope in offer.scopes
                }
                _add(used, name, Offered(offer.provider, offered_scopes))
    return used


def all_of(*uses: Uses) -> Offers:
    """Return all needs together."""
    needed: Offers = {}
    for use in uses:
        for name, offer in use.items():
            _add(needed, name, offer)
    return needed


def missing_offers(needed: Uses, offers: Uses) -> list[str]:
    """Return the needs that the base does not offer, each in words, sorted."""
    words = []
    for name, need in needed.items():
        key = _key(name)
        offer = offers.get(name, Offered(need.provider, {}))
        for scope in need.scopes.keys() - offer.scopes.keys():
            words.append(f"scope {scope} of {key}")
        for group in {*need.groups} - {*offer.groups}:
            words.append(f"group {group} of {key}")
    return sorted({*words})


def add_used_offers(
    estate: Estate, old_offers: Uses, used: Iterable[Uses]
) -> tuple[Estate, list[str]]:
    """Return the base's estate with removed offers that a partition still uses, and these in words.

    The base drops such an offer in the run after the last partition stopped using it.
    """
    used_offers = _still_used(old_offers, all_of(*used))
    words = missing_offers(used_offers, offered(estate))

    def extended(component: Component) -> Component:
        offer = used_offers.get(_name(component))
        return _with_offer(component, offer) if offer else component

    applications = []
    for application in estate.applications:
        components = tuple(map(extended, application.components))
        applications.append(replace(application, components=components))
    whole = replace(estate, applications=tuple(applications))
    offering = {*map(_name, whole.components.values())}
    vanished = []
    for name, offer in used_offers.items():
        if name not in offering and (offer.scopes or offer.groups):
            bare = bare_component(_key(name), offer.provider)
            vanished.append(_with_offer(bare, offer))
    return replace(whole, foreign=tuple(vanished)), words


def _still_used(old_offers: Uses, used: Uses) -> Offers:
    used_offers = {}
    for name, offer in old_offers.items():
        use = used.get(name, Offered(offer.provider, {}))
        scopes = {
            scope: text
            for scope, text in offer.scopes.items()
            if scope in use.scopes
        }
        groups = tuple(group for group in offer.groups if group in use.groups)
        used_offers[name] = Offered(offer.provider, scopes, groups)
    return used_offers


def _with_offer(component: Component, offer: Offered) -> Component:
    """Return the component with the scopes and groups of the offer that it does not declare."""
    groups = tuple(
        group for group in offer.groups if group not in component.groups
    )
    identity = replace(
        component.identity,
        scopes={**offer.scopes, **component.identity.scopes},
        roles=(*component.identity.roles, *_roles(groups)),
    )
    return replace(component, identity=identity)


Granted = Mapping[str, Mapping[str, Collection[str]]]


def granted(estate: Estate) -> dict[str, NameLists]:
    """Return the grants of the run's own clients, by client name and component.

    A client without grants has an empty mapping.
    """
    grants = {}
    for client in estate.own_clients:
        of_client: NameSets = {}
        for call in client.calls:
            of_client.setdefault(call.component, set()).update(call.scopes)
        grants[client.name] = {
            key: sorted(scopes) for key, scopes in of_client.items()
        }
    return grants


def _partition_callers(
    clients: Iterable[Client], own: Collection[str], any_token: Collection[str]
) -> Iterator[Client]:
    """Yield the clients with their calls that concern a partition."""
    for client in clients:
        calls = tuple(
            call
            for call in client.calls
            if call.component in own or client.provider in any_token
        )
        if calls:
            yield replace(_foreign_client(client), calls=calls)


def _foreign_client(client: Client) -> Client:
    """Return the client without values that only its own stack deploys.

    Its redirect addresses become its pages' origins, which gateways and providers accept.
    """
    return replace(
        client,
        redirect_uris=client.origins,
        refresh=False,
        rotate_every=None,
        jwks_uri=None,
    )


def _offering(component: Component, scheme: str) -> Component:
    """Return the component as the base knows it."""
    clients = [
        replace(_foreign_client(client), calls=(), groups=())
        for client in component.identity.clients
        if client.user_facing
    ]
    roles = [
        replace(role, name="", scopes=(), components=())
        for role in component.identity.roles
        if role.groups
    ]
    endpoints = [
        endpoint
        for endpoint in component.exposure.endpoints
        if endpoint.certificate
    ]
    known = _foreign_component(component)
    return replace(
        known,
        exposure=Exposure(tuple(endpoints)),
        identity=replace(
            known.identity,
            clients=tuple(clients),
            roles=tuple(roles),
            resources=resource_urls(component, scheme),
        ),
        workload=replace(known.workload, label=None),
    )


def _is_shared(component: Component) -> bool:
    return bool(
        component.identity.scopes
        or component.identity.roles
        or component.exposure.endpoints
        or component.identity.clients
    )


def _foreign_component(component: Component) -> Component:
    """Return the component without everything that only its own stack deploys.

    A client's workload keeps its label: the tables of its callees name it.
    """
    workload = component.workload
    is_client = bool(component.identity.clients)
    return replace(
        component,
        owner=None,
        exposure=Exposure(component.exposure.endpoints),
        identity=replace(
            component.identity,
            roles=(),
            forward_token=False,
            before=None,
            accept_before=None,
            old_callers=(),
        ),
        workload=WorkloadSpec(
            workload.namespace,
            workload.cluster,
            further_target=workload.further_target,
            label=workload_of(component) if is_client else None,
        ),
        waivers=(),
        traits=Traits(),
        connections=(),
    )


def _name(component: Component) -> str:
    return at_provider(component.key, component.identity.provider)


def _key(name: str) -> str:
    """Return the component's key in the result of `_name`."""
    return component_and_provider(name)[0]


def _roles(groups: Names) -> tuple[Role, ...]:
    return (Role("kept", (), groups, (), NO_POSITION),) if groups else ()
