"""One estate deployed as several stacks: what belongs into which, and what each of them has to know
of the others.

The *base* has what is everybody's: what identity providers offer, the gateway's key rings,
certificates. A *partition* has the Applications of its namespaces, with their clients, gates,
routes and workloads. What a run is given of the estate is cut down here to what it depends on, so
that nothing else can change what it does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kong_oam.access.client import at_provider, component_and_provider
from kong_oam.access.edge.edge import NONE
from kong_oam.access.model import Client, Component, Estate, Role, bare_component
from kong_oam.access.workloads import workload_of
from kong_oam.oam.document import NOWHERE

Uses = Mapping[str, "Offered"]
"""What a partition needs of the base, or that offers, by component and provider (`orders/api at
okta`): one that goes to another provider is offered at both, until nobody uses it at the first any
more."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What a provider offers for a component: scopes with their descriptions, and the (logical)
    groups of its roles."""

    provider: str
    scopes: Mapping[str, str]
    groups: tuple[str, ...] = ()

    def to_output(self) -> dict[str, Any]:
        """It as a stack exports it."""
        return {
            "provider": self.provider,
            "scopes": dict(self.scopes),
            "groups": [*self.groups],
        }

    @staticmethod
    def from_output(data: Mapping[str, Any]) -> Offered:
        """Reads what `to_output` gives."""
        return Offered(data["provider"], dict(data["scopes"]), tuple(data["groups"]))


def uses_of(output: Mapping[str, Any]) -> dict[str, Offered]:
    """Reads what a stack exported of what it uses or offers, each as `Offered.to_output` gives
    it."""
    return {name: Offered.from_output(one) for name, one in output.items()}


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
    for one in estate.applications:
        if components := tuple(filter(_is_everybodys, map(_offering, one.components))):
            applications.append(
                replace(one, labels={}, annotations={}, components=components)
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
    own = {
        component.key: component
        for application in applications
        for component in application.components
    }
    any_token = {
        one.provider
        for one in own.values()
        if one.any_token and estate.provider_of(one).per_api
    }

    def concerns(client: Client, called: str) -> bool:
        return called in own or client.provider in any_token

    others = [
        component for key, component in estate.components.items() if key not in own
    ]
    calling = {one.key: tuple(_with_calls(one.clients, concerns)) for one in others}
    clients = itertools.chain(*(one.clients for one in own.values()), *calling.values())
    called = {call.component for client in clients for call in client.calls}
    kept = (
        _known(replace(component, clients=calling[component.key]))
        for component in others
        if calling[component.key] or component.key in called
    )
    return replace(
        estate, role="partition", applications=applications, foreign=tuple(kept)
    )


def calls_into(part: Estate, client: Client) -> bool:
    """Whether a client calls a component of the partition, so that a gate there has to know its
    id."""
    return any(call.component in part.own for call in client.calls)


def offered(estate: Estate) -> dict[str, Offered]:
    """What the base offers: of those components of which there is anything."""
    return _offers(estate.offering)


def uses(estate: Estate) -> dict[str, Offered]:
    """What a partition needs of the base."""
    found = _offers(estate.own.values())
    for client in estate.own_clients:
        for call in client.calls:
            called = estate.components.get(call.component)
            if called is not None and call.component not in estate.own:
                scopes = {scope: called.scopes.get(scope, "") for scope in call.scopes}
                _add(found, _name(called), Offered(called.provider, scopes))
    return found


def _offers(components: Iterable[Component]) -> dict[str, Offered]:
    return {
        _name(component): Offered(
            component.provider, component.scopes, component.groups
        )
        for component in components
        if component.scopes or component.roles
    }


def _add(found: dict[str, Offered], name: str, more: Offered) -> None:
    """Adds to what is offered under a name, or needed. Of one scope the first description stays."""
    before = found.get(name, Offered(more.provider, {}))
    groups = tuple(sorted({*before.groups, *more.groups}))
    found[name] = Offered(more.provider, {**more.scopes, **before.scopes}, groups)


Owners = Mapping[tuple[str, str], Collection[str]]
"""Components by provider and scope."""


def owners_of_scopes(estate: Estate, there: Uses) -> Owners:
    """The components that declare a scope, and those of which the base still offers it: it may have
    gone from one to another."""
    found: dict[tuple[str, str], set[str]] = {}
    declaring = [
        (one.provider, one.scopes, key) for key, one in estate.components.items()
    ]
    for provider, scopes, key in (
        *declaring,
        *((one.provider, one.scopes, _key(name)) for name, one in there.items()),
    ):
        for scope in scopes:
            found.setdefault((provider, scope), set()).add(key)
    return found


def used_by(clients: Granted, there: Uses) -> dict[str, Offered]:
    """What of that there is clients use that are granted this."""
    found: dict[str, Offered] = {}
    for client, calls in clients.items():
        _, provider = component_and_provider(client)
        for called, granted_there in calls.items():
            if one := there.get(name := at_provider(called, provider)):
                scopes = {
                    scope: one.scopes[scope]
                    for scope in granted_there
                    if scope in one.scopes
                }
                _add(found, name, Offered(one.provider, scopes))
    return found


def all_of(first: Uses, second: Uses) -> Uses:
    """What the one or the other needs."""
    found = dict(first)
    for name, one in second.items():
        _add(found, name, one)
    return found


def lacking(needed: Uses, there: Uses) -> list[str]:
    """What a base does not offer of that, each in words, sorted."""
    found: set[str] = set()
    for name, one in needed.items():
        other = there.get(name, Offered(one.provider, {}))
        key = _key(name)
        found |= {
            f"scope {scope} of {key}"
            for scope in one.scopes.keys() - other.scopes.keys()
        }
        found |= {
            f"group {group} of {key}" for group in {*one.groups} - {*other.groups}
        }
    return sorted(found)


def with_kept(
    estate: Estate, before: Uses, used: Iterable[Uses]
) -> tuple[Estate, list[str]]:
    """The base's estate with all that the base offers and some partition still uses, and what that
    is, in words.

    What vanished goes in the run after that in which the last partition that used it has done
    without.
    """
    wanted: dict[str, Offered] = {}
    for needs in used:
        for name, one in needs.items():
            _add(wanted, name, one)
    kept: dict[str, Offered] = {}
    for name, one in before.items():
        needed = wanted.get(name, Offered(one.provider, {}))
        scopes = {
            scope: text for scope, text in one.scopes.items() if scope in needed.scopes
        }
        groups = tuple(group for group in one.groups if group in needed.groups)
        kept[name] = Offered(one.provider, scopes, groups)
    words = lacking(kept, offered(estate))

    def extended(component: Component) -> Component:
        one = kept.get(_name(component))
        if one is None:
            return component
        groups = tuple(group for group in one.groups if group not in component.groups)
        roles = (*component.roles, *_roles(groups))
        return replace(
            component, scopes={**one.scopes, **component.scopes}, roles=roles
        )

    whole = _with_components(estate, extended)
    there = {_name(component) for component in whole.components.values()}
    gone = [
        replace(
            bare_component(_key(name), one.provider),
            scopes=one.scopes,
            roles=_roles(one.groups),
        )
        for name, one in kept.items()
        if name not in there and (one.scopes or one.groups)
    ]
    return replace(whole, foreign=tuple(gone)), words


def _with_components(
    estate: Estate, changed: Callable[[Component], Component]
) -> Estate:
    applications = [
        replace(one, components=tuple(map(changed, one.components)))
        for one in estate.applications
    ]
    return replace(estate, applications=tuple(applications))


Granted = Mapping[str, Mapping[str, Collection[str]]]
"""Scopes by the client's name and the component that is called."""


def granted(estate: Estate) -> dict[str, dict[str, list[str]]]:
    """What the run's own clients are granted, by the client's name and component; also of a client
    without a grant."""
    found: dict[str, dict[str, set[str]]] = {
        client.name: {} for client in estate.own_clients
    }
    for client in estate.own_clients:
        for call in client.calls:
            found[client.name].setdefault(call.component, set()).update(call.scopes)
    return {
        name: {key: sorted(scopes) for key, scopes in calls.items()}
        for name, calls in found.items()
    }


def _with_calls(
    clients: Iterable[Client], concerns: Callable[[Client, str], bool]
) -> Iterator[Client]:
    for client in clients:
        calls = tuple(call for call in client.calls if concerns(client, call.component))
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
    signing_in = (client for client in component.clients if client.user_facing)
    clients = tuple(
        replace(_known_client(client), calls=(), groups=()) for client in signing_in
    )
    holding = (role for role in component.roles if role.groups)
    return replace(
        _known(component),
        clients=clients,
        roles=tuple(
            replace(role, name="", scopes=(), components=()) for role in holding
        ),
        endpoints=tuple(one for one in component.endpoints if one.certificate),
        exposures=(),
        workload=None,
    )


def _is_everybodys(component: Component) -> bool:
    return bool(
        component.scopes or component.roles or component.endpoints or component.clients
    )


def _known(component: Component) -> Component:
    """The component without all that only its own stack deploys.

    Of the workload of a client stays what tells it from others: the tables of those whom it calls
    name it.
    """
    return replace(
        component,
        workload=workload_of(component) if component.clients else None,
        rendered=(),
        depends_on=(),
        owner=None,
        exposures=(),
        rules=(),
        roles=(),
        waivers=(),
        forward_token=False,
        named=None,
        copies=(),
        edge=NONE,
        allowed_from={},
    )


def _name(component: Component) -> str:
    return at_provider(component.key, component.provider)


def _key(name: str) -> str:
    """The component's key in what `_name` gives."""
    return component_and_provider(name)[0]


def _roles(groups: tuple[str, ...]) -> tuple[Role, ...]:
    return (Role("kept", (), groups, (), NOWHERE),) if groups else ()
