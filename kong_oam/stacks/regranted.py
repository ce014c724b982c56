"""What one change gives clients of a partition, or takes from them, and how gates can stay in the run in which they get
it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from kong_oam.access.model import Estate
from kong_oam.access.partitions import Granted, gained, granted, owners_of_scopes, uses_of
from kong_oam.engine.state import SERVICE, Resources, from_resources, logical_name
from kong_oam.identity.kinds import granted_in
from kong_oam.kong import names
from kong_oam.stacks.order import Estates
from kong_oam.stacks.records import Known

_BROUGHT_ALONG = "::pulumi:providers:kong::"
"""In the URN of the gateway's account that came with what was moved to a stack. Its own lies under its gateway."""
_KUBERNETES_SERVICE = "kubernetes:core/v1:Service"


@dataclass(frozen=True, slots=True)
class Regranted:
    """Of clients of a partition: the components of those that are to have what they get beside what they had, until
    gates have changed, and the partitions in which they get, or lose, a grant. `readdressed`: another port or Service
    leads to such a component, so the gate before it cannot stay. `moved`: the stack has what was moved there since."""

    clients: frozenset[str] = frozenset()
    got: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    readdressed: bool = False
    moved: bool = False


NOTHING = Regranted()


def changes(estates: Estates, known: Known, states: Mapping[str, Resources]) -> dict[str, Regranted]:
    """What the estate changes, by partition, for those that are to be run. `states`: what their stacks have."""
    providers = estates.settings.providers
    owners = owners_of_scopes(estates.whole, uses_of(known.base.get("offered") or {}))
    before: dict[str, Mapping[str, Collection[str]]] = {}
    for state in states.values():  # a client that was moved has what the stack says that has it now
        before |= granted_in(providers, from_resources(state), owners)
    found = {}
    for partition, state in states.items():
        given = estates.given(partition)
        grants = regranted(estates.whole, given, before, states, recorded=partition in known.records)
        readdressed = changes_address(given, state, grants.clients)
        found[partition] = replace(grants, readdressed=readdressed, moved=has_moved(state))
    return found


def regranted(whole: Estate, given: Estate, before: Granted, chosen: Collection[str], *, recorded: bool) -> Regranted:
    """In which partitions that are to be run, `chosen`, clients of one get a grant, and in which they lose one: rules
    there may change as well, and until they have, clients need the grant of before, and then already the new one. A
    client that both gets and loses something, wherever, needs both until its pods ask for the new one. Those that are
    new need none until then. `given`: what the run of their partition is given of the `whole` estate; `before`: what
    they are granted by the states. Where no run is `recorded`, one may have failed at a grant: then the state may say
    that there is one."""
    now = granted(given)
    partitions = {key: one.partition for key, one in whole.components.items() if one.partition in chosen}

    def more(first: Granted, second: Granted) -> set[tuple[str, str]]:
        """The clients that were there before and still are, each with what it may call by the second alone."""
        return {(client, called) for client, called in gained(first, second) if client in before and client in now}

    def called_in(pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
        return frozenset(one for _, called in pairs if (one := partitions.get(called)))

    gets, loses = more(before if recorded else {}, now), more(now, before)
    both = {client for client, _ in more(before, now)} & {client for client, _ in loses}
    ahead = {client for client, called in gets if client in both or called in partitions}
    clients = frozenset(client.component for client in given.own_clients if client.name in ahead)
    return Regranted(clients, called_in(gets), called_in(loses))


def has_moved(resources: Resources) -> bool:
    """Whether there is what was moved to the stack and not run since. The engine leaves nothing out whose account the
    program does not register: gates stay by what the program says then."""
    return any(_BROUGHT_ALONG in one["urn"] for one in resources)


def changes_address(given: Estate, resources: Resources, components: Iterable[str]) -> bool:
    """Whether one of these components is reached by another port than before, by another Service, or otherwise than in
    clear text: a gate that stays would lead to where its new pods are not."""
    stack = given.stack.name
    there: set[tuple[str | None, object]] = set()
    for one in resources:
        outputs = one.get("outputs") or {}
        if one["type"] == SERVICE:
            name = outputs.get("name", "")
            there.add((names.component_of(stack, name), name))
        elif one["type"] == _KUBERNETES_SERVICE:
            metadata = outputs.get("metadata") or {}
            there.add((logical_name(one.get("parent") or ""), (metadata.get("namespace"), metadata.get("name"))))
    for key in components:
        component = given.own[key]
        was = {address for of, address in there if of == key}
        now: set[object] = {(component.namespace, one.service) for one in component.backends.values()}
        now |= {names.service(stack, component, backend) for backend in component.backends}
        if was - now and now - was:
            return True
    return False
