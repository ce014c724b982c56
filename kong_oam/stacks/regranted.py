"""What one change gives clients of a partition, or takes from them, and how gates can stay in the run in which they get
it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from typing import Any, NamedTuple

from kong_oam.access.model import Component, Estate
from kong_oam.access.partitions import Granted, gained, granted
from kong_oam.engine.state import COMPONENT, SERVICE, Resources, logical_name
from kong_oam.kong import names

_BROUGHT_ALONG = "::pulumi:providers:kong::"
"""In the URN of the gateway's account that came with what was moved to a stack. Its own lies under its gateway."""
_KUBERNETES_SERVICE = "kubernetes:core/v1:Service"


class Regranted(NamedTuple):
    """Of clients of a partition: the components of those that are to have what they get beside what they had, until
    gates have changed, and the partitions in which they get, or lose, a grant."""

    clients: frozenset[str] = frozenset()
    got: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


def regranted(whole: Estate, given: Estate, before: Granted, chosen: Collection[str], *, recorded: bool) -> Regranted:
    """In which partitions that are to be run, `chosen`, clients of one get a grant, and in which they lose one: rules
    there may change as well, and until they have, clients need the grant of before, and then already the new one. A
    client that both gets and loses something, wherever, needs both until its pods ask for the new one. Those that are
    new need none until then. `given`: what the run of their partition is given of the `whole` estate; `before`: what
    they are granted by the states. Where no run is `recorded`, one may have failed at a grant: then the state may say
    that there is one."""
    now = granted(given)
    partitions = {key: one.partition for key, one in whole.components.items() if one.partition in chosen}

    def more(first: Granted, second: Granted) -> dict[str, set[str]]:
        """By client, where it has more by the second."""
        found: dict[str, set[str]] = {}
        for client, called in gained(first, second):
            if client in before and client in now:
                found.setdefault(client, set()).add(called)
        return found

    def in_chosen(called: Iterable[str]) -> frozenset[str]:
        return frozenset(one for key in called if (one := partitions.get(key)))

    gets, loses = more(before if recorded else {}, now), more(now, before)
    both = more(before, now).keys() & loses.keys()
    ahead = {client for client, called in gets.items() if client in both or in_chosen(called)}
    components = frozenset(client.component for client in given.own_clients if client.name in ahead)
    return Regranted(components, *(in_chosen(set().union(*calls.values())) for calls in (gets, loses)))


def has_moved(resources: Resources) -> bool:
    """Whether there is what was moved to the stack and not run since. The engine leaves nothing out whose account the
    program does not register: gates stay by what the program says then."""
    return any(_BROUGHT_ALONG in one["urn"] for one in resources)


def changes_address(given: Estate, resources: Resources, components: Iterable[str]) -> bool:
    """Whether one of these components is reached by another port than before, by another Service, or otherwise than in
    clear text: a gate that stays would lead to where its new pods are not."""
    stack = given.stack.name
    at_gateway = [_outputs(one).get("name", "") for one in resources if one["type"] == SERVICE]
    in_cluster = [one for one in resources if one["type"] == _KUBERNETES_SERVICE]

    def changes(component: Component) -> bool:
        backends, key = component.backends, component.key
        ports = {name for name in at_gateway if names.component_of(stack, name) == key}
        found = (_outputs(one).get("metadata") or {} for one in in_cluster if _above(one) == key)
        addresses = {(one.get("namespace"), one.get("name")) for one in found}
        return _differ(ports, {names.service(stack, component, one) for one in backends}) or _differ(
            addresses, {(component.namespace, one.service) for one in backends.values()}
        )

    return any(changes(given.own[component]) for component in components)


def _differ(was: Set[Any], now: Set[Any]) -> bool:
    """Whether something goes for which something else comes."""
    return bool(was - now and now - was)


def _outputs(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return resource.get("outputs") or {}


def _above(resource: Mapping[str, Any]) -> str | None:
    """The component under which a resource lies, by its key."""
    parent: str = resource.get("parent") or ""
    return logical_name(parent) if COMPONENT in parent else None
