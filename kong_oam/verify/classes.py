"""Classes of calls and callers that neither a gateway nor the model tells apart: one of each stands
for all of it.

Hosts as either side names them, paths cut at every path that either side names, element by element,
and methods. A token counts as far as its client was granted anything that somebody on that host
speaks of, and groups count in sets no larger than what a rule can ask of them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product
from typing import Literal

from kong_oam.access.data import Names, Network, PathSegments
from kong_oam.access.hosts import host_patterns
from kong_oam.access.issue import User, issue
from kong_oam.access.model import METHODS, Client, Component, Components, Estate
from kong_oam.access.networks import address_classes
from kong_oam.access.paths import beginnings, written
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims
from kong_oam.verify.questions import (
    NOBODY,
    OTHER_METHOD,
    Call,
    Caller,
    Forged,
    Gateway,
    Speech,
    UrlRegion,
)

_Kinds = Sequence[tuple[Client, Hashable]]
"""The clients of an estate, each with what providers give it tokens by."""


def classes(
    estate: Estate, live: Gateway
) -> Iterator[tuple[Call, Caller, UrlRegion]]:
    """Yield a call and a caller of each class of both, with what the call stands for."""
    kinds = [(client, _kind(estate, client)) for client in estate.clients]
    named = live.methods() - {*METHODS, OTHER_METHOD}
    methods = (*METHODS, OTHER_METHOD, *sorted(named))
    for name in _hosts(estate, live):
        host = _Host(estate, live, name)
        callers = tuple(host.callers(kinds))
        sources = address_classes(host.networks())
        for call, region in host.calls(methods):
            for source in sources:
                example = source.example()
                address = str(example) if example else None
                there = replace(call, address=address)
                from_there = region._replace(
                    source=str(source), sources=len(sources)
                )
                for caller in callers:
                    yield there, caller, from_there


def _hosts(estate: Estate, live: Gateway) -> Names:
    """Return a host of each class. A wildcard is met by a name that nobody writes."""
    patterns = {*estate.by_host, *live.hosts()}
    label = _unused("any", ".".join(patterns).split("."))
    hosts = [pattern for pattern in patterns if "*" not in pattern]
    suffixes = [""]
    prefixes = [""]
    # Kong takes a wildcard at one end of a host.
    for pattern in patterns:
        if pattern.startswith("*."):
            suffixes.append(pattern[1:])
        if pattern.endswith(".*"):
            prefixes.append(pattern[:-1])
    for prefix, suffix in product(prefixes, suffixes):
        if prefix or suffix:
            hosts.append(prefix + label + suffix)
    return (*sorted(hosts), label)


def _unused(stem: str, used: Collection[str]) -> str:
    name = stem
    number = 0
    while name in used:
        name = f"{stem}{number}"
        number += 1
    return name


@dataclass(frozen=True)
class _Host:
    """A host, and what the two sides tell apart on it."""

    estate: Estate
    live: Gateway
    name: str

    @cached_property
    def components(self) -> Components:
        """The estate's components on the host."""
        components = {}
        for pattern in host_patterns(self.name):
            for _, component in self.estate.by_host.get(pattern, ()):
                components[component.key] = component
        return tuple(components.values())

    def networks(self) -> set[Network]:
        """Return every network that either side names."""
        networks = set(self.live.networks(self.name))
        for component in self.components:
            for by_method in component.allowed_from.values():
                networks.update(*by_method.values())
        return networks

    def calls(self, methods: Iterable[str]) -> Iterator[tuple[Call, UrlRegion]]:
        """Yield a call of each class, with what it stands for."""
        declared = self._declared()
        paths = tuple(_paths(declared))
        schemes: tuple[Literal["http", "https"], ...] = ("https", "http")
        if self.estate.stack.scheme == "http":
            schemes = ("http",)
        for scheme, (path, below), method in product(schemes, paths, methods):
            call = Call(scheme, method, self.name, path, below)
            yield call, _region(call, declared)

    def _declared(self) -> set[PathSegments]:
        """Return every path that either side names, with all that are above them."""
        paths = {(), *self.live.paths(self.name)}
        for component in self.components:
            paths.update(
                endpoint.path for endpoint in component.exposure.endpoints
            )
            paths.update(rule.path for rule in component.exposure.rules)
        declared: set[PathSegments] = set()
        for path in paths:
            declared.update(beginnings(path))
        return declared

    def callers(self, kinds: _Kinds) -> Iterator[Caller]:
        """Yield a caller of each class: nobody, who is given tokens by a provider, and who has
        tokens of other kinds.

        Tokens list every scope there is. One of before may list what is another's now, so it is
        what its client was granted that counts.
        """
        yield NOBODY
        yield from self._clients(kinds)
        yield from self._unknown_clients()
        for provider in self.estate.stack.providers:
            other = f"another token of {provider} (an ID token, another API's)"
            yield Caller((f"anybody with {other}",), Forged(provider))
        yield from self.live.strangers()

    def _clients(self, kinds: _Kinds) -> Iterator[Caller]:
        """Yield the estate's clients, by what their tokens are worth on the host, in their
        order."""
        tokens: dict[Hashable, tuple[tuple[str, Claims], ...]] = {}
        # Of each class, its names in words, each with its client.
        classes: dict[tuple[Claims, Hashable], dict[str, str]] = {}
        for client, kind in kinds:
            if kind not in tokens:
                tokens[kind] = tuple(self._principals(client))
            key = client.component
            granted = self._speech.granted.get(key)
            for users, claims in tokens[kind]:
                classes.setdefault((claims, granted), {})[key + users] = key
        for (claims, _), names in classes.items():
            first = next(iter(names.values()))
            yield Caller(tuple(names), replace(claims, client=first))

    def _unknown_clients(self) -> Iterator[Caller]:
        """Yield clients of a provider that are none of the estate's: it may give them tokens that
        list any scope, and any groups of a user."""
        scopes = tuple(sorted(self._speech.scopes))
        if not scopes:
            return
        groups = tuple(sorted(self._speech.groups))
        for provider, audience in dict.fromkeys(self._audiences()):
            names = (f"any other client of {provider}",)
            as_itself = Claims(
                provider,
                "",
                "",
                False,
                scopes=scopes,
                groups=(),
                audience=audience,
            )
            yield Caller(names, as_itself)
            yield Caller(names, replace(as_itself, user=True, groups=groups))

    def _audiences(self) -> Iterator[tuple[str, str | None]]:
        """Yield each provider with each audience of its tokens that tells APIs apart."""
        for component in self.components:
            provider = self.estate.provider_of(component)
            for api in self.estate.apis_at(component):
                audience = (
                    provider.audience_of(api) if provider.per_api else None
                )
                yield provider.name, audience

    @cached_property
    def _speech(self) -> Speech:
        spoken = self.live.speech(self.name)
        scopes = set(spoken.scopes)
        groups = set(spoken.groups)
        widest = max(spoken.widest, 1)
        for component in self.components:
            provider = self.estate.provider_of(component)
            named = _groups_of((component,))
            groups.update(map(provider.listed, named))
            for rule in component.exposure.rules:
                scopes.update(rule.scopes)
                widest = max(widest, len(rule.scopes))
        granted = self._granted(spoken, scopes)
        return Speech(frozenset(scopes), frozenset(groups), widest, granted)

    def _granted(self, spoken: Speech, scopes: set[str]) -> dict[str, Hashable]:
        """Return what tokens of each client are judged by, by either side; only clients that hold
        some of the scopes."""
        sides = []
        for component in self.components:
            sides.append(self.estate.granted_at(component, users=False))
            sides.append(self.estate.granted_at(component, users=True))
        granted: dict[str, Hashable] = {}
        for client in set(spoken.granted).union(*sides):
            by_side = [held.get(client, ()) for held in sides]
            counting = tuple(map(frozenset(scopes).intersection, by_side))
            by_tables = spoken.granted.get(client)
            if by_tables is not None or any(counting):
                granted[client] = by_tables, counting
        return granted

    def _principals(self, client: Client) -> Iterator[tuple[str, Claims]]:
        """Yield everybody for whom the provider gives the client a token: itself, or users in sets
        of groups; whom, in words.

        The claims are what somebody on the host judges by.
        """
        provider = self.estate.stack.providers[client.provider]
        scopes = tuple(sorted(self._speech.scopes))
        apis: list[Component | None] = [None]
        if provider.per_api:
            called = dict.fromkeys(call.component for call in client.calls)
            apis = [self.estate.components[key] for key in called]
        users: list[User | None] = [None]
        if client.user_facing:
            users = [*self._users(client, provider)]
        for api, user in product(apis, users):
            claims = issue(provider, client, user, api=api)
            if isinstance(claims, Claims):
                known = self._speech.groups.intersection(claims.groups)
                groups = tuple(sorted(known))
                judged = replace(
                    claims, client="", subject="", scopes=scopes, groups=groups
                )
                yield self._in_words(provider, user), judged

    def _users(self, client: Client, provider: Provider) -> Iterator[User]:
        """Yield users of every set of groups that decides something: with one of the client's own,
        or they get no token."""
        entitled = set(map(provider.group, client.groups))
        groups = set(map(provider.group, _groups_of(self.components)))
        if not provider.per_api:
            groups |= self._speech.groups
        own: list[Names] = [(group,) for group in sorted(entitled)]
        # A rule asks for `widest` scopes at most, and one group is enough for each: larger sets
        # hold nothing more.
        for size in range(self._speech.widest + 1):
            for combination in combinations(sorted(groups), size):
                is_entitled = not entitled.isdisjoint(combination)
                for entry in [()] if is_entitled else own:
                    yield User("user", (*entry, *combination))

    def _in_words(self, provider: Provider, user: User | None) -> str:
        if user is None:
            return ""
        groups = sorted(_groups_of(self.estate.exposed))
        logical = {provider.group(group): group for group in groups}
        names = [logical.get(group, group) for group in user.groups]
        return f" for users in {' and '.join(names)}"


def _paths(
    declared: set[PathSegments],
) -> Iterator[tuple[PathSegments, PathSegments | None]]:
    """Yield each path that is named; what is below it; what only begins with it; what differs from
    it only in capitals."""
    unused = _unused("any", set().union(*declared))
    for path in sorted(declared):
        yield path, None
        yield (*path, unused), path
        if path:
            yield (*path[:-1], path[-1] + unused), path[:-1]
        for index, element in enumerate(path):
            folded = (*path[:index], element.swapcase(), *path[index + 1 :])
            if folded not in declared:
                yield folded, None


def _region(call: Call, declared: set[PathSegments]) -> UrlRegion:
    path = call.path if call.below is None else call.below
    owner = path
    while owner not in declared:
        owner = owner[:-1]
    origin = f"{call.scheme}://{call.host}"
    within = None if owner == path else origin + written(owner)
    return UrlRegion(call.method, origin + written(path), within)


def _kind(estate: Estate, client: Client) -> Hashable:
    """Return what providers give the client tokens by, but for its name. Of what it is granted,
    that it is anything counts."""
    per_api = estate.stack.providers[client.provider].per_api
    calls: dict[tuple[str | None, bool], None] = {}
    for call in client.calls:
        calls[call.component if per_api else None, bool(call.scopes)] = None
    return client.provider, client.user_facing, client.groups, tuple(calls)


def _groups_of(components: Iterable[Component]) -> set[str]:
    """Return the groups that roles of the components name."""
    groups: set[str] = set()
    for component in components:
        for role in component.identity.roles:
            groups.update(role.groups)
    return groups
