"""Classes of calls and callers that a gateway and the model treat alike, with a member of each.

Calls differ by host, path and method. Hosts and paths come from both sides, and paths are cut at
every path of either side, element by element. A client's token counts for the scopes that either
side grants on the host. Sets of groups are no larger than a rule's number of scopes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, combinations, product
from typing import Literal

from kong_oam.access.data import Names, Network, PathSegments
from kong_oam.access.hosts import host_patterns
from kong_oam.access.issue import User, issue
from kong_oam.access.methods import OTHER_TOOL, in_order
from kong_oam.access.model import METHODS, Client, Component, Components, Estate
from kong_oam.access.networks import address_classes
from kong_oam.access.path_texts import segments
from kong_oam.access.paths import beginnings, written
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims
from kong_oam.verify import old_credentials
from kong_oam.verify.questions import (
    NOBODY,
    OTHER_METHOD,
    Call,
    Caller,
    Forged,
    Gateway,
    HostRules,
    UrlRegion,
)

# The clients of an estate, each with the properties that providers use for its tokens.
_Kinds = Sequence[tuple[Client, Hashable]]


def classes(
    estate: Estate, live: Gateway
) -> Iterator[tuple[Call, Caller, UrlRegion]]:
    """Yield a call and a caller of each pair of classes, with the region of the call."""
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
    """Return a host of each class. An unused name represents a wildcard."""
    patterns = {*estate.by_host, *live.hosts()}
    label = _unused(".".join(patterns).split("."))
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


def _unused(used: Collection[str]) -> str:
    """Return a name that is not used."""
    name = "any"
    number = 0
    while name in used:
        name = f"any{number}"
        number += 1
    return name


@dataclass(frozen=True)
class _Host:
    """A host, with the differences that the two sides make on it."""

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
        """Yield a call of each class, with its region."""
        declared = self._declared()
        paths = (*_paths(declared), *_near_texts(self._texts(), declared))
        schemes: tuple[Literal["http", "https"], ...] = ("https", "http")
        if self.estate.stack.scheme == "http":
            schemes = ("http",)
        endpoints = self._mcp_endpoints()
        tools = in_order(chain([OTHER_TOOL], *endpoints.values()))
        for scheme, (path, below) in product(schemes, paths):
            is_read = not endpoints.keys().isdisjoint(beginnings(path))
            for method in (*methods, *tools) if is_read else methods:
                call = Call(scheme, method, self.name, path, below)
                yield call, _region(call, declared)

    def _mcp_endpoints(self) -> dict[PathSegments, Names]:
        """Return the paths at which either side reads messages, with the calls of tools."""
        endpoints = defaultdict[PathSegments, Names](tuple)
        for component in self.components:
            for path in component.mcp_endpoints:
                endpoints[path] += component.methods_on(path)[len(METHODS) :]
        for path, calls in self.live.tools(self.name):
            endpoints[path] += calls
        return endpoints

    def _declared(self) -> set[PathSegments]:
        """Return every path that either side names, with all paths above it."""
        paths = {(), *self.live.paths(self.name)}
        for component in self.components:
            paths.update(
                endpoint.path for endpoint in component.exposure.endpoints
            )
            paths.update(rule.path for rule in component.exposure.rules)
            paths.update(
                forward.path for forward in component.exposure.forwards
            )
        declared: set[PathSegments] = set()
        for path in paths:
            declared.update(beginnings(path))
        return declared

    def _texts(self) -> set[str]:
        """Return every text that a rule of either side refuses."""
        texts = set(self.live.refused_texts(self.name))
        for component in self.components:
            for rule in component.exposure.rules:
                texts.update(rule.refusals.exactly, rule.refusals.begins)
        return texts

    def callers(self, kinds: _Kinds) -> Iterator[Caller]:
        """Yield a caller of each class: without a token, with a provider's token, with another
        token.

        Tokens list every scope. An old token may list the scopes of another client, so the grants
        of its client decide.
        """
        yield NOBODY
        yield from self._clients(kinds)
        yield from self._unknown_clients()
        for provider in self.estate.stack.providers:
            other = f"another token of {provider} (an ID token, another API's)"
            yield Caller((f"anybody with {other}",), Forged(provider))
        yield from self.live.strangers()
        live = self.live.old_credentials(self.name)
        yield from old_credentials.callers(self.components, live)

    def _clients(self, kinds: _Kinds) -> Iterator[Caller]:
        """Yield the estate's clients, by the value of their tokens on the host, in their order."""
        tokens: dict[Hashable, tuple[tuple[str, Claims], ...]] = {}
        # The names of each class, in words, each with its client.
        classes: dict[tuple[Claims, Hashable], dict[str, str]] = {}
        for client, kind in kinds:
            if kind not in tokens:
                tokens[kind] = tuple(self._principals(client))
            key = client.component
            granted = self._rules.granted.get(key)
            for users, claims in tokens[kind]:
                classes.setdefault((claims, granted), {})[key + users] = key
        for (claims, _), names in classes.items():
            first = next(iter(names.values()))
            yield Caller(tuple(names), replace(claims, client=first))

    def _unknown_clients(self) -> Iterator[Caller]:
        """Yield clients of a provider outside the estate.

        The provider may give them tokens with any scope, and with any groups of a user.
        """
        scopes = tuple(sorted(self._rules.scopes))
        if not scopes:
            return
        groups = tuple(sorted(self._rules.groups))
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
        """Yield each provider with each audience that separates its APIs."""
        for component in self.components:
            provider = self.estate.provider_of(component)
            for api in self.estate.apis_at(component):
                audience = (
                    provider.audience_of(api) if provider.per_api else None
                )
                yield provider.name, audience

    @cached_property
    def _rules(self) -> HostRules:
        live_rules = self.live.host_rules(self.name)
        scopes = set(live_rules.scopes)
        groups = set(live_rules.groups)
        widest = max(live_rules.widest, 1)
        for component in self.components:
            provider = self.estate.provider_of(component)
            named = _groups_of((component,))
            groups.update(map(provider.listed, named))
            for rule in component.exposure.rules:
                scopes.update(rule.scopes)
                widest = max(widest, len(rule.scopes))
        granted = self._granted(live_rules, scopes)
        return HostRules(frozenset(scopes), frozenset(groups), widest, granted)

    def _granted(
        self, live_rules: HostRules, scopes: set[str]
    ) -> dict[str, Hashable]:
        """Return, for each client with some of the scopes, the grants by which either side judges
        its tokens."""
        sides = []
        for component in self.components:
            sides.append(self.estate.granted_at(component, users=False))
            sides.append(self.estate.granted_at(component, users=True))
        granted: dict[str, Hashable] = {}
        for client in set(live_rules.granted).union(*sides):
            by_side = [held.get(client, ()) for held in sides]
            counting = tuple(map(frozenset(scopes).intersection, by_side))
            by_tables = live_rules.granted.get(client)
            if by_tables is not None or any(counting):
                granted[client] = by_tables, counting
        return granted

    def _principals(self, client: Client) -> Iterator[tuple[str, Claims]]:
        """Yield everybody that gets a token through the client: itself, or users in sets of groups.

        Each comes with words for the users, and with the claims by which the host judges.
        """
        provider = self.estate.stack.providers[client.provider]
        scopes = tuple(sorted(self._rules.scopes))
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
                known = self._rules.groups.intersection(claims.groups)
                groups = tuple(sorted(known))
                judged = replace(
                    claims, client="", subject="", scopes=scopes, groups=groups
                )
                yield self._in_words(provider, user), judged

    def _users(self, client: Client, provider: Provider) -> Iterator[User]:
        """Yield users of every relevant set of groups. A user without a group of the client gets no
        token."""
        entitled = set(map(provider.group, client.groups))
        groups = set(map(provider.group, _groups_of(self.components)))
        if not provider.per_api:
            groups |= self._rules.groups
        own: list[Names] = [(group,) for group in sorted(entitled)]
        # A rule requires at most `widest` scopes, and a group may give each. Larger sets give no
        # more.
        for size in range(self._rules.widest + 1):
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
    """Yield each declared path, and paths near it.

    Near paths lie below it, begin with the same letters, or differ only in capitals.
    """
    unused = _unused(set().union(*declared))
    for path in sorted(declared):
        yield path, None
        yield (*path, unused), path
        if path:
            yield (*path[:-1], path[-1] + unused), path[:-1]
        for index, element in enumerate(path):
            folded = (*path[:index], element.swapcase(), *path[index + 1 :])
            if folded not in declared:
                yield folded, None


def _near_texts(
    texts: set[str], declared: set[PathSegments]
) -> Iterator[tuple[PathSegments, PathSegments | None]]:
    """Yield the path of each refused text, and paths near it that are not declared."""
    unused = _unused(set().union(*declared, map(_last, texts)))
    endings = ("", "/", unused, f"/{unused}")
    near = {text + ending for text, ending in product(texts, endings)}
    for text in sorted(near):
        path = segments(text)
        if path not in declared:
            yield path, None


def _last(text: str) -> str:
    return text.rpartition("/")[2]


def _region(call: Call, declared: set[PathSegments]) -> UrlRegion:
    path = call.path if call.below is None else call.below
    owner = path
    while owner not in declared:
        owner = owner[:-1]
    origin = f"{call.scheme}://{call.host}"
    within = None if owner == path else origin + written(owner)
    return UrlRegion(call.method, origin + written(path), within)


def _kind(estate: Estate, client: Client) -> Hashable:
    """Return the properties that providers use for the client's tokens, without its name.

    For granted scopes, only their existence matters.
    """
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
