"""Write the tables that a stack exports for people.

They are texts: a preview shows only a text's changed lines with two lines around them, but every
entry of a map.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter

from kong_oam.access.before import proof_words
from kong_oam.access.callers import clauses_of
from kong_oam.access.data import Names, Networks
from kong_oam.access.diff.wording import methods as methods_in_words
from kong_oam.access.model import (
    Client,
    Component,
    Estate,
    Rule,
    but_not,
)
from kong_oam.access.networks import only_from
from kong_oam.access.paths import within, written
from kong_oam.access.principals import Groups
from kong_oam.access.providers import Provider
from kong_oam.diagnostics import printable


def access_table(estate: Estate) -> str:
    """Return the allowed requests with their callers as text.

    Shape: a head, then a line per rule and endpoint, sorted by component, host and path. For
    example, `GET,HEAD orders.example.com/orders  orders/api: orders.read: shop/web`.
    """
    lines: list[str] = []
    for component in estate.exposed:
        lines += _lines(estate, component)
    return _text("REQUESTS  COMPONENT, SCOPES AND WHO HAS THEM", lines)


def grants(estate: Estate) -> str:
    """Return the scopes that clients' tokens may list, as text.

    Shape: a head, then a line per client, sorted. For example,
    `shop/web at okta  orders.read for users in order-desk, sales`.
    """
    clients = sorted(
        estate.own_clients, key=attrgetter("component", "provider")
    )
    return _text("CLIENT  SCOPES", map(_grant, clients))


def _text(head: str, lines: Iterable[str]) -> str:
    """Return a text with a head that is neither YAML nor JSON.

    The engine expands YAML and JSON, and then shows unchanged parts, too. Columns are not aligned,
    so that one longer name does not change every line. The last line ends with a newline, so that a
    new line after it does not change it.
    """
    return "\n".join((head, *map(printable, lines), ""))


def _grant(client: Client) -> str:
    scopes = " ".join(client.scopes) or "nothing"
    if not client.user_facing:
        return f"{client.name}  {scopes}"
    groups = ", ".join(client.groups) or "no group"
    return f"{client.name}  {scopes} for users in {groups}"


def _lines(estate: Estate, component: Component) -> Iterator[str]:
    for endpoint in component.exposure.endpoints:
        for rule in component.exposure.rules:
            if not within(rule.path, endpoint.path):
                continue
            for networks, methods in _by_networks(component, rule).items():
                where = f"{endpoint.host}{written(rule.path)}{but_not(rule)}"
                request = f"{methods_in_words(methods)} {where}"
                requirement = _requirement(estate, component, rule)
                yield f"{request}  {component.key}: {requirement}{only_from(networks, ';')}"


def _by_networks(component: Component, rule: Rule) -> dict[Networks, list[str]]:
    """Return the methods of a rule by the networks that may call it."""
    methods = defaultdict(list)
    for method in rule.listed:
        networks = component.networks(rule.path, method)
        methods[networks].append(method)
    return methods


def _requirement(estate: Estate, component: Component, rule: Rule) -> str:
    if rule.public:
        return f"everybody ({rule.public.reason})"
    if not rule.scopes:
        return f"any principal of {component.identity.provider}"
    return f"{' and '.join(rule.scopes)}: {', '.join(holders(estate, component, rule)) or 'nobody'}"


def holders(estate: Estate, component: Component, rule: Rule) -> Names:
    """Return the callers that satisfy a protected rule: services by key, and `client for users`.

    `users` is a group that is enough alone, or several groups that are needed together: `desk and
    (bosses or sales)`.
    """
    needed = set(rule.scopes)
    provider = estate.provider_of(component)
    granted = (
        estate.granted_at(component, users=False),
        estate.granted_at(component, users=True),
    )
    callers = []
    for client in estate.clients:
        scopes = granted[client.user_facing].get(client.component, ())
        if (
            client.provider != component.identity.provider
            or not needed.issubset(scopes)
        ):
            continue
        if client.user_facing:
            clauses = list(clauses_of(component, client, needed))
            for users in _users(provider, clauses):
                callers.append(f"{client.component} for {users}")
        else:
            callers.append(client.component)
    for caller in component.identity.old_callers:
        if needed.issubset(caller.scopes):
            by = proof_words(caller.consumer, caller.by, caller.until)
            callers.append(f"{caller.client} ({by})")
    return tuple(callers)


def _users(provider: Provider, clauses: Collection[Groups]) -> Iterator[str]:
    """Yield the users that are in a group of each clause.

    First come the groups that are in all clauses, one by one. Then come the remaining groups
    together. Several logical groups may be one group at the provider.
    """
    alone = sorted(frozenset.intersection(*clauses))
    yield from alone
    names = {}
    for clause in clauses:
        for group in sorted(clause, reverse=True):
            names[provider.group(group)] = group
    theirs = {frozenset(map(provider.group, clause)) for clause in clauses}
    common = frozenset.intersection(*theirs)
    others = common.difference(map(provider.group, alone))
    yield from sorted(map(names.__getitem__, others))
    least = []
    for clause in theirs:
        # A smaller clause implies this clause.
        if not any(other < clause for other in theirs):
            groups = sorted(map(names.__getitem__, clause - common))
            least.append(_any_of(groups))
    if len(least) > 1:
        yield " and ".join(sorted(least))


def _any_of(groups: list[str]) -> str:
    words = " or ".join(groups)
    return words if len(groups) == 1 else f"({words})"
