"""One estate deployed as several stacks: what belongs into which, and what each of them has to know
of the others.

The *base* has what is everybody's: what identity providers offer, the gateway's key rings,
certificates. A *partition* has the Applications of its namespaces, with their clients, gates,
routes and workloads. What a run is given of the estate is cut down here to what it depends on, so
that nothing else can change what it does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypedDict

from kong_oam.access.client import at_provider, component_and_provider
from kong_oam.access.data import JsonObject, NameLists, Names, NameSets, Texts
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
from kong_oam.oam.position import NOWHERE
from kong_oam.traits.key import Traits

# What a partition needs of the base, or that offers, by component and provider (`orders/api at
# okta`): one that goes to another provider is offered at both, until nobody uses it at the first any
# more.
Uses = Mapping[str, "Offered"]


class OfferedOutput(TypedDict):
    """What a provider offers, as a stack output."""

    provider: str
    scopes: dict[str, str]
    groups: list[str]


@dataclass(frozen=True, slots=True)
class Offered:
    """What a provider offers for a component: scopes with their descriptions, and the (logical)
    groups of its roles."""

    provider: str
    scopes: Texts
    groups: Names = ()

    def to_output(self) -> OfferedOutput:
        """It as a stack exports it."""
        return {
            "provider": self.provider,
            "scopes": dict(self.scopes),
            "groups": [*self.groups],
        }

    @staticmethod
    def from_output(data: OfferedOutput) -> Offered:
        """Read what `to_output` gives."""
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
    """Read what a stack exported of what it uses or offers, each as `Offered.to_output` gives
    it."""
    return {name: Offered.from_output(data) for name, data in output.items()}


def deployed_by(estate: Estate, partition: str | None) -> Estate:
    """What of the estate the stack of a partition deploys; None: the base, or all of it where there
    are none."""
    if partition is not None:
        return part_of(estate, partition)
    return base_of(estate) if estate.stack.partitions else estate


def base_of(estate: Estate) -> Estate:
    """What the base's run is given: of components their scopes and groups, hosts with certificates,
    and clients that users sign in through; nothing of those that have none of it."""
    applications = []
    for application in estate.applications:
        components = tuple(
            filter(_is_everybodys, map(_offering, application.components))
        )
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
    """What the run of a partition is given: its Applications, and of others whom they call and who
    calls them.

    Where any token of a provider counts whose tokens are for one API each, that is all that it
    gives tokens for.
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
                _calling(component.identity.clients, part.own, any_token)
            )
    called: set[str] = set()
    for client in chain(part.own_clients, *calling.values()):
        called.update(call.component for call in client.calls)
    foreign = []
    for key, clients in calling.items():
        if clients or key in called:
            foreign.append(_known(estate.components[key].with_clients(clients)))
    return replace(part, foreign=tuple(foreign))


def calls_into(part: Estate, client: Client) -> bool:
    """Whether a client calls a component of the partition, so that a gate there has to know its
    id."""
    return any(call.component in part.own for call in client.calls)


def offered(estate: Estate) -> Offers:
    """What the base offers: of those components of which there is anything."""
    return _offers(estate.offering)


def uses(estate: Estate) -> Offers:
    """What a partition needs of the base."""
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
    """Add to what is offered under a name, or needed. Of one scope the first description stays."""
    before = offers.get(name, Offered(more.provider, {}))
    groups = tuple(sorted({*before.groups, *more.groups}))
    offers[name] = Offered(
        more.provider, {**more.scopes, **before.scopes}, groups
    )


# Components by provider and scope.
Owners = Mapping[tuple[str, str], Collection[str]]


def owners_of_scopes(estate: Estate, there: Uses) -> Owners:
    """The components that declare a scope, and those of which the base still offers it: it may have
    gone from one to another."""
    owners: dict[tuple[str, str], set[str]] = {}
    for key, component in estate.components.items():
        for scope in component.identity.scopes:
            owners.setdefault((component.identity.provider, scope), set()).add(
                key
            )
    for name, offer in there.items():
        for scope in offer.scopes:
            owners.setdefault((offer.provider, scope), set()).add(_key(name))
    return owners


def used_by(clients: Granted, there: Uses) -> Offers:
    """What of that there is clients use that are granted this."""
    used: Offers = {}
    for client, calls in clients.items():
        _, provider = component_and_provider(client)
        for called, scopes in calls.items():
            name = at_provider(called, provider)
            if offer := there.get(name):
                offered_scopes = {
                    scope: offer.scopes[scope]
                    for scope in scopes
                    if scope in offer.scopes
                }
                _add(used, name, Offered(offer.provider, offered_scopes))
    return used


def all_of(*uses: Uses) -> Offers:
    """What any of these needs."""
    needed: Offers = {}
    for use in uses:
        for name, offer in use.items():
            _add(needed, name, offer)
    return needed


def lacking(needed: Uses, there: Uses) -> list[str]:
    """What a base does not offer of that, each in words, sorted."""
    words = []
    for name, need in needed.items():
        key = _key(name)
        offer = there.get(name, Offered(need.provider, {}))
        for scope in need.scopes.keys() - offer.scopes.keys():
            words.append(f"scope {scope} of {key}")
        for group in {*need.groups} - {*offer.groups}:
            words.append(f"group {group} of {key}")
    return sorted({*words})


def with_kept(
    estate: Estate, before: Uses, used: Iterable[Uses]
) -> tuple[Estate, list[str]]:
    """The base's estate with all that the base offers and some partition still uses, and what that
    is, in words.

    What vanished goes in the run after that in which the last partition that used it has done
    without.
    """
    kept = _still_used(before, all_of(*used))
    words = lacking(kept, offered(estate))

    def extended(component: Component) -> Component:
        offer = kept.get(_name(component))
        return _with_offer(component, offer) if offer else component

    applications = []
    for application in estate.applications:
        components = tuple(map(extended, application.components))
        applications.append(replace(application, components=components))
    whole = replace(estate, applications=tuple(applications))
    offering = {*map(_name, whole.components.values())}
    vanished = []
    for name, offer in kept.items():
        if name not in offering and (offer.scopes or offer.groups):
            bare = bare_component(_key(name), offer.provider)
            vanished.append(_with_offer(bare, offer))
    return replace(whole, foreign=tuple(vanished)), words


def _still_used(before: Uses, used: Uses) -> Offers:
    kept = {}
    for name, offer in before.items():
        use = used.get(name, Offered(offer.provider, {}))
        scopes = {
            scope: text
            for scope, text in offer.scopes.items()
            if scope in use.scopes
        }
        groups = tuple(group for group in offer.groups if group in use.groups)
        kept[name] = Offered(offer.provider, scopes, groups)
    return kept


def _with_offer(component: Component, offer: Offered) -> Component:
    """The component with what is kept of it, as far as it does not say that itself."""
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
    """What the run's own clients are granted, by the client's name and component; also of a client
    without a grant."""
    grants = {}
    for client in estate.own_clients:
        of_client: NameSets = {}
        for call in client.calls:
            of_client.setdefault(call.component, set()).update(call.scopes)
        grants[client.name] = {
            key: sorted(scopes) for key, scopes in of_client.items()
        }
    return grants


def _calling(
    clients: Iterable[Client], own: Collection[str], any_token: Collection[str]
) -> Iterator[Client]:
    """Yield the clients with those of their calls that concern a partition."""
    for client in clients:
        calls = tuple(
            call
            for call in client.calls
            if call.component in own or client.provider in any_token
        )
        if calls:
            yield replace(_known_client(client), calls=calls)


def _known_client(client: Client) -> Client:
    """The client without what only its own stack deploys; of its redirects stay the origins of its
    pages, which gateways and providers let in."""
    return replace(
        client,
        redirect_uris=client.origins,
        refresh=False,
        rotate_every=None,
        jwks_uri=None,
    )


def _offering(component: Component) -> Component:
    """The component as the base knows it."""
    clients = [
        replace(_known_client(client), calls=(), groups=())
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
    known = _known(component)
    return replace(
        known,
        exposure=Exposure(tuple(endpoints)),
        identity=replace(
            known.identity, clients=tuple(clients), roles=tuple(roles)
        ),
        workload=replace(known.workload, label=None),
    )


def _is_everybodys(component: Component) -> bool:
    return bool(
        component.identity.scopes
        or component.identity.roles
        or component.exposure.endpoints
        or component.identity.clients
    )


def _known(component: Component) -> Component:
    """The component without all that only its own stack deploys.

    Of the workload of a client stays what tells it from others: the tables of those whom it calls
    name it.
    """
    workload = component.workload
    is_client = bool(component.identity.clients)
    return replace(
        component,
        owner=None,
        exposure=Exposure(component.exposure.endpoints),
        identity=replace(component.identity, roles=(), forward_token=False),
        workload=WorkloadSpec(
            workload.namespace,
            workload.cluster,
            further_target=workload.further_target,
            label=workload_of(component) if is_client else None,
        ),
        waivers=(),
        traits=Traits(),
    )


def _name(component: Component) -> str:
    return at_provider(component.key, component.identity.provider)


def _key(name: str) -> str:
    """The component's key in what `_name` gives."""
    return component_and_provider(name)[0]


def _roles(groups: Names) -> tuple[Role, ...]:
    return (Role("kept", (), groups, (), NOWHERE),) if groups else ()
