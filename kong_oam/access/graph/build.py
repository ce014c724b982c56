"""Builds the graph of an estate: roles as Applications declare them, with their effective scopes on
the edges.

A role gives a client only the scopes that the client requests. Users need two things: a group with
the scope, and a client that signs them in and has the scope. The effective scopes follow the rules
of `access.principals`, and tests compare both. A loaded model has no role names, so each client's
grant takes the place of its roles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Set
from itertools import chain

from kong_oam.access.before import credential_words
from kong_oam.access.callers import Callers, principal_of
from kong_oam.access.data import NameLists, Names, NameSets, Scopes
from kong_oam.access.diff.wording import methods
from kong_oam.access.graph.graph import (
    Edge,
    Graph,
    Kind,
    Node,
    edges_in_order,
    in_order,
    users_in,
)
from kong_oam.access.model import (
    Client,
    ClientKind,
    Component,
    Estate,
    Role,
    Rule,
    but_not,
)
from kong_oam.access.paths import written
from kong_oam.diagnostics import some

_KINDS: dict[ClientKind, str] = {
    "service": "service",
    "web": "web application",
    "browser": "browser application",
    "native": "native application",
    "external": "partner's service",
}

Parts = Iterator[Node | Edge]


def graph_of(estate: Estate, title: str = "") -> Graph:
    """Return the graph of all components and clients of an estate."""
    nodes: dict[str, Node] = {}
    edges = {}
    for part in _parts(estate):
        if isinstance(part, Node):
            nodes.setdefault(part.id, part)
        else:
            edges[part.source, part.target] = part
    return Graph(
        title, in_order(nodes.values()), edges_in_order(edges.values())
    )


def _parts(estate: Estate) -> Parts:
    callers = Callers(estate)
    for client in estate.clients:
        yield _client(estate, client)
    for component in estate.components.values():
        if (
            component.exposure.endpoints
            or component.identity.scopes
            or component.identity.roles
            or component.connections
        ):
            yield from _component(component)
            yield from _connections(component)
            yield from _granted(estate, component)
            yield from _old_callers(component)
            yield from _any_token(estate, component, callers)


def _client(estate: Estate, client: Client) -> Node:
    component = estate.components[client.component]
    # A component has one node, even as a client of several providers.
    groups = {
        *chain.from_iterable(
            client.groups for client in component.identity.clients
        )
    }
    details = [_KINDS[client.kind]]
    if len(estate.stack.providers) > 1:
        providers = sorted(
            client.provider for client in component.identity.clients
        )
        details[0] += f" at {', '.join(providers)}"
    if client.user_facing:
        details.append(
            f"for {', '.join(sorted(groups)) or 'users in no group'}"
        )
    if component.application in estate.unjudged:
        details = ["not here"]
    return Node(
        "client",
        client.component,
        details=tuple(details),
        groups=tuple(sorted(groups)),
    )


def _component(component: Component) -> Parts:
    """Yield a component, its scopes and its public node, with the requests that each opens."""
    hosts = some(component.hosts)
    target = Node(
        "component", component.key, component.key, (hosts or "not exposed",)
    )
    yield target
    asked = chain.from_iterable(
        rule.scopes for rule in component.exposure.rules
    )
    for name in dict.fromkeys((*component.identity.scopes, *asked)):
        scope = _scope(component, name)
        yield scope
        rules = [
            rule for rule in component.exposure.rules if name in rule.scopes
        ]
        items = _requests(rules, name)
        label = request_lines(items) or ("no rule requires it",)
        yield Edge(scope.id, target.id, items, label)
    items = _requests(rule for rule in component.exposure.rules if rule.public)
    if items:
        public = Node("public", "anybody", component.key, ("needs no token",))
        yield public
        yield Edge(public.id, target.id, items, request_lines(items))


def _connections(component: Component) -> Parts:
    """Yield the callers that connect to the component's pods, with an edge each."""
    by_source: NameLists = {}
    for connection in component.connections:
        kind: Kind = "peer" if connection.is_peer else "pods"
        node = Node(kind, connection.caller, details=(kind,))
        yield node
        by_source.setdefault(node.id, []).append(connection.words())
    for source, words in by_source.items():
        items = tuple(words)
        yield Edge(source, f"component:{component.key}", items, items)


def _scope(component: Component, name: str) -> Node:
    description = component.identity.scopes.get(name)
    return Node(
        "scope", name, component.key, (description,) if description else ()
    )


def _requests(rules: Iterable[Rule], scope: str = "") -> Names:
    """Return the requests that the rules allow, such as `GET /orders`, each with the scopes that
    its rule requires besides `scope`."""
    requests: dict[str, None] = {}
    for rule in rules:
        where = f"{written(rule.path)}{but_not(rule)}"
        if others := " and ".join(
            name for name in rule.scopes if name != scope
        ):
            where += f" with {others}"
        for method in rule.listed:
            requests[f"{method} {where}"] = None
    return tuple(requests)


def request_lines(requests: Iterable[str]) -> Names:
    """Return requests as lines, one per path: `GET,HEAD /orders`."""
    by_place: NameLists = {}
    for request in requests:
        # A path begins with a slash, and a method may have a space.
        method, slash, rest = request.partition(" /")
        where = slash.strip() + rest
        by_place.setdefault(where, []).append(method)
    return tuple(
        f"{methods(listed)} {where}" for where, listed in by_place.items()
    )


def _granted(estate: Estate, component: Component) -> Parts:
    """Yield the roles of a component, their holders, and the scopes that each holder gets."""
    holding = list(_holders(estate, component))
    carried: set[str] = set()
    alone: NameSets = {}
    for client, scopes in holding:
        if client.user_facing and client.groups:
            carried |= scopes
            for group in client.groups:
                alone.setdefault(group, set()).update(scopes)
    of_groups: set[str] = set()
    for role in component.identity.roles:
        yield from _role(component, role)
        yield from _idle_holders(estate, component, role)
        for group in role.groups:
            of_groups.update(role.scopes)
            with_group = alone.get(group, ())
            yield from _held_by_group(
                component, role, group, carried, with_group
            )
    for client, scopes in holding:
        passing = scopes
        if client.user_facing:
            passing = scopes & of_groups if client.groups else frozenset()
        node = f"client:{client.component}"
        yield from _held(component, node, client.component, scopes, passing)


def _old_callers(component: Component) -> Parts:
    """Yield the clients with an old credential, and their roles. The line has the last day."""
    for caller in component.identity.old_callers:
        consumer = f"consumer {caller.consumer}"
        node = Node("consumer", caller.client, details=(consumer,))
        yield node
        proof = credential_words(caller.by, caller.until)
        scopes = frozenset(caller.scopes)
        yield from _held(
            component, node.id, caller.client, scopes, scopes, (proof,)
        )


def _holders(
    estate: Estate, component: Component
) -> Iterator[tuple[Client, Scopes]]:
    """Yield the clients with a role or a scope of the component, and their scopes.

    Other clients are skipped early: an estate of n components would take n * n steps.
    """
    by_users = (
        estate.granted_at(component, users=False),
        estate.granted_at(component, users=True),
    )
    names = {*by_users[False], *by_users[True]}
    names.update(*(role.components for role in component.identity.roles))
    for name in sorted(names & estate.components.keys()):
        for client in estate.components[name].identity.clients:
            if client.provider == component.identity.provider:
                scopes = by_users[client.user_facing].get(name, ())
                yield client, frozenset(scopes)


def _idle_holders(estate: Estate, component: Component, role: Role) -> Parts:
    """Yield the edges of role holders that are not clients of the component's provider."""
    for member in role.components:
        holder = estate.components.get(member)
        if holder is None or not holder.identity.clients:
            continue
        if all(
            client.provider != component.identity.provider
            for client in holder.identity.clients
        ):
            role_id = _role_node(component, role).id
            yield Edge(
                f"client:{member}", role_id, (), ("asks for none of it",)
            )


def _held(
    component: Component,
    node: str,
    client: str,
    scopes: Scopes,
    passing: Set[str],
    proof: Names = (),
) -> Parts:
    """Yield the roles of a client that has `scopes` at the component, of which `passing` are
    effective. `node`: the id of the client's node. `proof`: its credential in words."""
    roles = component.roles_of(client)
    # A loaded model has no role names, only the client's grant.
    if ungranted := scopes.difference(*(role.scopes for role in roles)):
        roles.append(
            Role("", tuple(sorted(ungranted)), (), (), component.position)
        )
    for role in roles:
        yield from _role(component, role)
        items = tuple(sorted(passing & {*role.scopes}))
        asks = not scopes.isdisjoint(role.scopes)
        why = "no group has it" if asks else "asks for none of it"
        role_id = _role_node(component, role).id
        label = _limited_label(items, role.scopes, why)
        if items:
            label = (*proof, *label)
        yield Edge(node, role_id, items, label)


def _held_by_group(
    component: Component,
    role: Role,
    name: str,
    carried: Collection[str],
    alone: Collection[str],
) -> Parts:
    """Yield a group and its role.

    A scope of the group is effective if a client that signs users in has it too. `carried` are the
    scopes of all these clients, `alone` the scopes of the clients for this group.
    """
    group = Node("group", name, details=("group",))
    yield group
    items = tuple(sorted({*role.scopes}.intersection(carried)))
    label = _limited_label(items, role.scopes, "no client asks for it")
    if with_others := [scope for scope in items if scope not in alone]:
        label = (*label, f"{', '.join(with_others)} beside another group")
    yield Edge(group.id, _role_node(component, role).id, items, label)


def _limited_label(
    items: Collection[str], scopes: Iterable[str], why: str
) -> Names:
    """Return the effective scopes of a role if some are not; `why` if none is; empty if all are."""
    if len(items) == len({*scopes}):
        return ()
    return (f"only {', '.join(items)}",) if items else (why,)


def _role_node(component: Component, role: Role) -> Node:
    name = role.name or f"grant of {' '.join(sorted(role.scopes))}"
    return Node("role", name, component.key, (f"role of {component.key}",))


def _role(component: Component, role: Role) -> Parts:
    node = _role_node(component, role)
    yield node
    for name in role.scopes:
        scope = _scope(component, name)
        yield scope
        yield Edge(node.id, scope.id, (name,))


def _any_token(estate: Estate, component: Component, callers: Callers) -> Parts:
    """Yield the node and the edges for rules that accept any token of the provider."""
    items = _requests(
        rule
        for rule in component.exposure.rules
        if not rule.public and not rule.scopes
    )
    if not items:
        return
    provider = estate.provider_of(component)
    only = component.key if provider.per_api and not component.any_token else ""
    token = Node("token", f"any token of {provider.name}", only)
    yield token
    yield Edge(
        token.id, f"component:{component.key}", items, request_lines(items)
    )
    access = callers.principals_with(component, frozenset())
    for client in estate.clients:
        if principal_of(client) in access.principals:
            passing = ["any token"]
            if client.user_facing:
                passing = [*map(users_in, sorted(client.groups))]
            yield Edge(f"client:{client.component}", token.id, tuple(passing))
