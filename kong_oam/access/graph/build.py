"""Builds the graph of an estate: the roles as Applications write them, and on the lines what really
passes.

A role that a client holds gives it no scope that it does not ask for, and users need both: a group
that holds a scope, and a client that signs them in and has it. What passes is worked out as
`access.principals` does, and tested against it. Of a model that was loaded, which has no names of
roles, what a client was granted stands in their place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from kong_oam.access.callers import Callers
from kong_oam.access.diff.wording import methods
from kong_oam.access.graph.graph import (
    Edge,
    Graph,
    Node,
    edges_in_order,
    in_order,
    users_in,
)
from kong_oam.access.model import (
    METHODS,
    Client,
    ClientKind,
    Component,
    Estate,
    Role,
    Rule,
)
from kong_oam.access.paths import written
from kong_oam.access.principals import principal_of
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
    """The graph of all that an estate serves, and of all its clients."""
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], Edge] = {}
    for part in _parts(estate):
        if isinstance(part, Node):
            nodes.setdefault(part.id, part)
        else:
            edges[part.source, part.target] = part
    return Graph(title, in_order(nodes.values()), edges_in_order(edges.values()))


def _parts(estate: Estate) -> Parts:
    by_provider: dict[str, list[Client]] = {}
    callers = Callers(estate)
    for client in estate.clients:
        by_provider.setdefault(client.provider, []).append(client)
        yield _client(estate, client)
    for component in estate.components.values():
        if component.endpoints or component.scopes or component.roles:
            yield from _component(component)
            yield from _granted(
                estate, component, by_provider.get(component.provider, ())
            )
            yield from _any_token(estate, component, callers)


def _client(estate: Estate, client: Client) -> Node:
    of_component = estate.components[client.component].clients
    at = (
        f" at {', '.join(sorted(one.provider for one in of_component))}"
        if len(estate.stack.providers) > 1
        else ""
    )
    groups = tuple(sorted({group for one in of_component for group in one.groups}))
    users = (
        [f"for {', '.join(groups) or 'users in no group'}"]
        if client.user_facing
        else []
    )
    absent = estate.components[client.component].application in estate.unjudged
    details = ("not here",) if absent else (_KINDS[client.kind] + at, *users)
    return Node("client", client.component, details=details, groups=groups)


def _component(component: Component) -> Parts:
    """The component, its scopes, and the requests that each of them, or nothing, opens."""
    hosts = some(dict.fromkeys(endpoint.host for endpoint in component.endpoints))
    target = Node("component", component.key, component.key, (hosts or "not exposed",))
    yield target
    for name in dict.fromkeys(
        [
            *component.scopes,
            *(scope for rule in component.rules for scope in rule.scopes),
        ]
    ):
        yield (scope := _scope(component, name))
        items = _requests(
            (rule for rule in component.rules if name in rule.scopes), name
        )
        yield Edge(
            scope.id, target.id, items, in_words(items) or ("no rule asks for it",)
        )
    if items := _requests(rule for rule in component.rules if rule.public):
        yield (public := Node("public", "anybody", component.key, ("needs no token",)))
        yield Edge(public.id, target.id, items, in_words(items))


def _scope(component: Component, name: str) -> Node:
    description = component.scopes.get(name)
    return Node("scope", name, component.key, (description,) if description else ())


def _requests(rules: Iterable[Rule], scope: str = "") -> tuple[str, ...]:
    """What the rules let through, method by method: `GET /orders`; with what else a rule asks for
    besides the scope."""
    result = []
    for rule in rules:
        others = " and ".join(name for name in rule.scopes if name != scope)
        where = written(rule.path) + (f" with {others}" if others else "")
        result += [f"{method} {where}" for method in METHODS if rule.lists(method)]
    return tuple(dict.fromkeys(result))


def in_words(requests: Iterable[str]) -> tuple[str, ...]:
    """Requests as lines, all methods of one path in one: `GET,HEAD /orders`."""
    by_place: dict[str, list[str]] = {}
    for request in requests:
        method, _, where = request.partition(" ")
        by_place.setdefault(where, []).append(method)
    return tuple(f"{methods(listed)} {where}" for where, listed in by_place.items())


def _granted(estate: Estate, component: Component, clients: Iterable[Client]) -> Parts:
    """The roles of the component, with who holds them, and which of their scopes these get."""
    granted = {
        c: frozenset(
            estate.held_at(component, users=c.user_facing).get(c.component, ())
        )
        for c in clients
    }
    signing_in = [client for client in granted if client.user_facing and client.groups]
    carried = {scope for client in signing_in for scope in granted[client]}
    alone: dict[str, set[str]] = {}
    for client in signing_in:
        for group in client.groups:
            alone.setdefault(group, set()).update(granted[client])
    for role in component.roles:
        yield from _role(component, role)
        for group in role.groups:
            yield from _held_by_group(
                component, role, group, carried, alone.get(group, ())
            )
    of_groups = {
        scope for role in component.roles if role.groups for scope in role.scopes
    }
    yield from _never_asking(
        estate, component, {client.component for client in granted}
    )
    for client, scopes in granted.items():
        passing = (
            scopes
            if not client.user_facing
            else scopes & of_groups
            if client.groups
            else frozenset()
        )
        roles = [
            role for role in component.roles if client.component in role.components
        ]
        if rest := scopes.difference(*(role.scopes for role in roles)):
            roles.append(Role("", tuple(sorted(rest)), (), (), component.place))
        for role in roles:
            yield from _role(component, role)
            items = tuple(sorted(passing.intersection(role.scopes)))
            why = (
                "asks for none of it"
                if scopes.isdisjoint(role.scopes)
                else "no group has it"
            )
            label = _less(items, role.scopes, why)
            yield Edge(
                f"client:{client.component}",
                _role_node(component, role).id,
                items,
                label,
            )


def _never_asking(
    estate: Estate, component: Component, clients: Collection[str]
) -> Parts:
    """Those that hold a role, and are no clients of the provider whose tokens count at the
    component."""
    for role in component.roles:
        for member in role.components:
            known = estate.components.get(member)
            if known and known.clients and member not in clients:
                role_id = _role_node(component, role).id
                yield Edge(f"client:{member}", role_id, (), ("asks for none of it",))


def _held_by_group(
    component: Component,
    role: Role,
    name: str,
    carried: Collection[str],
    alone: Collection[str],
) -> Parts:
    """A group with its role. What it has is of use where a client that signs users in is granted
    it, too: `carried` are the scopes of all of these, `alone` of those that sign in this group."""
    yield (group := Node("group", name, details=("group",)))
    items = tuple(sorted({*role.scopes}.intersection(carried)))
    label = _less(items, role.scopes, "no client asks for it")
    if with_others := [scope for scope in items if scope not in alone]:
        label = (*label, f"{', '.join(with_others)} beside another group")
    yield Edge(group.id, _role_node(component, role).id, items, label)


def _less(items: Collection[str], scopes: Iterable[str], why: str) -> tuple[str, ...]:
    """Says what passes of the scopes of a role, where that is not all; `why` it is nothing, where
    it is."""
    return (
        ()
        if len(items) == len({*scopes})
        else (f"only {', '.join(items)}",)
        if items
        else (why,)
    )


def _role_node(component: Component, role: Role) -> Node:
    name = role.name or f"grant of {' '.join(sorted(role.scopes))}"
    return Node("role", name, component.key, (f"role of {component.key}",))


def _role(component: Component, role: Role) -> Parts:
    yield (node := _role_node(component, role))
    for each in role.scopes:
        yield (scope := _scope(component, each))
        yield Edge(node.id, scope.id, (each,))


def _any_token(estate: Estate, component: Component, callers: Callers) -> Parts:
    """Where any token of the provider is enough: everybody who can have one."""
    items = _requests(
        rule for rule in component.rules if not rule.public and not rule.scopes
    )
    if not items:
        return
    provider = estate.provider_of(component)
    only = component.key if provider.per_api and not component.any_token else ""
    yield (token := Node("token", f"any token of {provider.name}", only))
    yield Edge(token.id, f"component:{component.key}", items, in_words(items))
    access = callers.principals_with(component, frozenset())
    for client in (
        one for one in estate.clients if principal_of(one) in access.principals
    ):
        items = (
            tuple(map(users_in, sorted(client.groups)))
            if client.user_facing
            else ("any token",)
        )
        yield Edge(f"client:{client.component}", token.id, items)
