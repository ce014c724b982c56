"""Classes of calls and callers that neither a gateway nor the model tells apart: one of each stands
for all of it.

Hosts as either side names them, paths cut at every path that either side names, element by element,
and methods. A token counts as far as its client was granted anything that somebody on that host
speaks of, and groups count in sets no larger than what a rule can ask of them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from kong_oam.access.hosts import host_patterns
from kong_oam.access.issue import User, issue
from kong_oam.access.model import METHODS, Client, Component, Estate
from kong_oam.access.networks import Network, told_apart
from kong_oam.access.paths import PathSegments, written
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims
from kong_oam.verify.questions import (
    NOBODY,
    OTHER_METHOD,
    Call,
    Caller,
    Forged,
    Speech,
    UrlRegion,
)

if TYPE_CHECKING:
    # It knows HTTP, which most verbs start without.
    from kong_oam.verify.live_gateway import LiveGateway


def classes(
    estate: Estate, live: LiveGateway
) -> Iterator[tuple[Call, Caller, UrlRegion]]:
    """Yields a call and a caller of each class of both, with what the call stands for."""
    kinds = tuple((client, _kind(estate, client)) for client in estate.clients)
    named = live.methods() - {*METHODS, OTHER_METHOD}
    methods = (*METHODS, OTHER_METHOD, *sorted(named))
    for host in _hosts(estate, live):
        callers = tuple(_callers(estate, host, live, kinds))
        declared = _declared(estate, host, live)
        sources = told_apart(_networks(estate, host, live))
        for call in _calls(estate, host, declared, methods):
            region = _region(call, declared)
            for source in sources:
                address = source.example()
                there = replace(call, address=str(address) if address else None)
                from_there = region._replace(source=str(source), sources=len(sources))
                for caller in callers:
                    yield there, caller, from_there


def _networks(estate: Estate, host: str, live: LiveGateway) -> set[Network]:
    """Every network that either side names on the host."""
    allowed = (
        of
        for component in _components(estate, host)
        for of in component.allowed_from.values()
    )
    return {
        *live.networks(host),
        *(one for of in allowed for networks in of.values() for one in networks),
    }


def _hosts(estate: Estate, live: LiveGateway) -> tuple[str, ...]:
    """A host of each class. A wildcard is met by a name that nobody writes."""
    patterns = {*estate.by_host, *live.hosts()}
    label = _unused(
        "any", {label for pattern in patterns for label in pattern.split(".")}
    )
    suffixes = [pattern[1:] for pattern in patterns if pattern.startswith("*.")]
    prefixes = [pattern[:-1] for pattern in patterns if pattern.endswith(".*")]
    hosts = [pattern for pattern in patterns if "*" not in pattern]
    hosts += [label + suffix for suffix in suffixes]
    hosts += [prefix + label for prefix in prefixes]
    hosts += [prefix + label + suffix for prefix in prefixes for suffix in suffixes]
    return (*sorted(hosts), label)


def _components(estate: Estate, host: str) -> tuple[Component, ...]:
    pairs = (
        pair
        for pattern in host_patterns(host)
        for pair in estate.by_host.get(pattern, ())
    )
    return tuple({component.key: component for _, component in pairs}.values())


def _declared(estate: Estate, host: str, live: LiveGateway) -> frozenset[PathSegments]:
    """Every path that either side names on the host, with all that are above them."""
    paths = set(live.paths(host))
    for component in _components(estate, host):
        paths |= {endpoint.path for endpoint in component.endpoints} | {
            rule.path for rule in component.rules
        }
    return frozenset(
        path[:length] for path in (*paths, ()) for length in range(len(path) + 1)
    )


def _calls(
    estate: Estate,
    host: str,
    declared: frozenset[PathSegments],
    methods: Collection[str],
) -> Iterator[Call]:
    schemes: tuple[Literal["http", "https"], ...] = (
        ("http",) if estate.stack.scheme == "http" else ("https", "http")
    )
    paths = tuple(_paths(declared))
    for scheme in schemes:
        for path, below in paths:
            for method in methods:
                yield Call(scheme, method, host, path, below)


def _paths(
    declared: frozenset[PathSegments],
) -> Iterator[tuple[PathSegments, PathSegments | None]]:
    """Each path that is named; what is below it; what only begins with it; what differs from it
    only in capitals."""
    unused = _unused("any", {element for path in declared for element in path})
    for path in sorted(declared):
        yield path, None
        yield (*path, unused), path
        if path:
            yield (*path[:-1], path[-1] + unused), path[:-1]
        for index, element in enumerate(path):
            folded = (*path[:index], element.swapcase(), *path[index + 1 :])
            if folded not in declared:
                yield folded, None


def _unused(stem: str, used: Collection[str]) -> str:
    return next(
        name
        for name in (stem, *(f"{stem}{number}" for number in range(len(used) + 1)))
        if name not in used
    )


def _region(call: Call, declared: frozenset[PathSegments]) -> UrlRegion:
    path = call.path if call.below is None else call.below
    owner = next(
        path[:length]
        for length in range(len(path), -1, -1)
        if path[:length] in declared
    )
    url, within = (
        f"{call.scheme}://{call.host}{written(elements)}" for elements in (path, owner)
    )
    return UrlRegion(call.method, url, within if path != owner else None)


def _callers(
    estate: Estate,
    host: str,
    live: LiveGateway,
    kinds: Iterable[tuple[Client, Hashable]],
) -> Iterator[Caller]:
    """A caller of each class: nobody, who is given tokens by a provider, and who has tokens of
    other kinds.

    Tokens list every scope there is. One of before may list what is another's now, so it is what
    its client was granted that counts.
    """
    yield NOBODY
    speech = _speech(estate, host, live)
    yield from _clients(estate, host, speech, kinds)
    yield from _unknown_clients(estate, host, speech)
    for provider in estate.stack.providers:
        yield Caller(
            (f"anybody with another token of {provider} (an ID token, another API's)",),
            Forged(provider),
        )
    yield from live.strangers()


def _kind(estate: Estate, client: Client) -> Hashable:
    """What providers give the client tokens by, but for its name. Of what it is granted, that it is
    anything counts."""
    per_api = estate.stack.providers[client.provider].per_api
    calls = {
        (call.component if per_api else None, bool(call.scopes)): None
        for call in client.calls
    }
    return client.provider, client.user_facing, client.groups, tuple(calls)


def _clients(
    estate: Estate, host: str, speech: Speech, kinds: Iterable[tuple[Client, Hashable]]
) -> Iterator[Caller]:
    """The estate's clients, by what their tokens are worth on the host, in their order."""
    tokens: dict[Hashable, tuple[tuple[str, Claims], ...]] = {}
    # Of each class, its names in words, each with its client.
    classes: dict[tuple[Claims, Hashable], dict[str, str]] = {}
    for client, kind in kinds:
        if kind not in tokens:
            tokens[kind] = tuple(_principals(estate, client, host, speech))
        granted = speech.granted.get(client.component)
        for whom, claims in tokens[kind]:
            classes.setdefault((claims, granted), {})[client.component + whom] = (
                client.component
            )
    for (claims, _), names in classes.items():
        yield Caller(tuple(names), replace(claims, client=next(iter(names.values()))))


def _unknown_clients(estate: Estate, host: str, speech: Speech) -> Iterator[Caller]:
    """Clients of a provider that are none of the estate's: it may give them tokens that list any
    scope, and any groups of a user."""
    guarded = [
        (estate.provider_of(component), component)
        for component in _components(estate, host)
    ]
    audiences = dict.fromkeys(
        (provider.name, provider.audience_of(api) if provider.per_api else None)
        for provider, component in guarded
        for api in estate.apis_at(component)
    )
    for provider_name, audience in audiences if speech.scopes else ():
        listed = tuple(sorted(speech.scopes))
        for user in (False, True):
            groups = tuple(sorted(speech.groups)) if user else ()
            yield Caller(
                (f"any other client of {provider_name}",),
                Claims(
                    provider_name,
                    "",
                    "",
                    user,
                    scopes=listed,
                    groups=groups,
                    audience=audience,
                ),
            )


def _speech(estate: Estate, host: str, live: LiveGateway) -> Speech:
    spoken = live.speech(host)
    scopes, groups, widest = set(spoken.scopes), set(spoken.groups), spoken.widest
    components = _components(estate, host)
    for component in components:
        provider = estate.provider_of(component)
        scopes |= {scope for rule in component.rules for scope in rule.scopes}
        groups |= {
            provider.listed(group) for role in component.roles for group in role.groups
        }
        widest = max(widest, *(len(rule.scopes) for rule in component.rules), 1)
    scopes_by_client = [
        estate.held_at(component, users=users)
        for component in components
        for users in (False, True)
    ]
    granted: dict[str, Hashable] = {}
    for client in {
        *spoken.granted,
        *(client for held in scopes_by_client for client in held),
    }:
        counting = tuple(
            frozenset(scopes.intersection(held.get(client, ())))
            for held in scopes_by_client
        )
        if spoken.granted.get(client) is not None or any(counting):
            granted[client] = spoken.granted.get(client), counting
    return Speech(frozenset(scopes), frozenset(groups), widest, granted)


def _principals(
    estate: Estate, client: Client, host: str, speech: Speech
) -> Iterator[tuple[str, Claims]]:
    """Everybody for whom the provider gives the client a token: itself, or users in sets of groups;
    whom, in words.

    The claims are what somebody on the host judges by.
    """
    provider = estate.stack.providers[client.provider]
    listed = tuple(sorted(speech.scopes))
    called = dict.fromkeys(call.component for call in client.calls)
    apis = (
        [estate.components[component] for component in called]
        if provider.per_api
        else [None]
    )
    users = (
        tuple(_users(estate, client, host, speech)) if client.user_facing else (None,)
    )
    for api in apis:
        for user in users:
            claims = issue(provider, client, user, api=api)
            if isinstance(claims, Claims):
                groups = tuple(sorted(speech.groups.intersection(claims.groups)))
                judged = replace(
                    claims, client="", subject="", scopes=listed, groups=groups
                )
                yield _whom(estate, provider, user), judged


def _users(estate: Estate, client: Client, host: str, speech: Speech) -> Iterator[User]:
    """Users of every set of groups that decides something: with one of the client's own, or they
    get no token."""
    provider = estate.stack.providers[client.provider]
    entitled = {provider.group(group) for group in client.groups}
    roles = (
        role for component in _components(estate, host) for role in component.roles
    )
    groups = {provider.group(group) for role in roles for group in role.groups}
    groups |= set() if provider.per_api else speech.groups
    # A rule asks for `widest` scopes at most, and one group is enough for each: larger sets hold
    # nothing more.
    for size in range(speech.widest + 1):
        for combination in combinations(sorted(groups), size):
            for entry in (
                [()]
                if entitled & set(combination)
                else [(group,) for group in sorted(entitled)]
            ):
                yield User("user", (*entry, *combination))


def _whom(estate: Estate, provider: Provider, user: User | None) -> str:
    if user is None:
        return ""
    groups = {
        group
        for component in estate.exposed
        for role in component.roles
        for group in role.groups
    }
    logical = {provider.group(group): group for group in groups}
    return f" for users in {' and '.join(logical.get(group, group) for group in user.groups)}"
