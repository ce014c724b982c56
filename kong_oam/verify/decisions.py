"""Does a gateway decide as the Applications mean? Compared by decisions: who may call what, whatever its fields say.

Calls fall into classes that neither side tells apart: hosts as either side names them, paths cut at every path that
either side names, element by element, and methods. So do callers: a token counts as far as its client was granted
anything that somebody on that host speaks of, and groups count in sets no larger than what a rule can ask of them. One
call and one caller of each class decide for all of it, so the comparison is exact, as far as the gateway can be judged;
what cannot be judged counts as open.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal, NamedTuple, Protocol

from kong_oam.access.decide import Decision, Request, decide, host_patterns
from kong_oam.access.model import METHODS, Client, Component, Estate
from kong_oam.access.paths import Elements, written
from kong_oam.access.tokens import Claims, Refusal, User, issue

OTHER_METHOD = "PROPFIND"
"""Stands for every method that no rule can list."""

Kind = Literal["opened", "diverted", "impersonated", "in clear", "weakened", "closed", "limited"]
KINDS: dict[Kind, str] = {
    "opened": "may now be called by",
    "diverted": "leads somewhere else for",
    "impersonated": "may be called under any name by",
    "in clear": "may be called without TLS by",
    "weakened": "has one lock less against",
    "closed": "can no longer be called by",
    "limited": "may be refused, for reasons that are not judged, to",
}
"""What a finding says of each call, before who makes it; the worst first."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that stands for its class. `below`: for all paths under this one that nobody names, and `path` is one."""

    scheme: Literal["http", "https"]
    method: str
    host: str
    path: Elements
    below: Elements | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """A token that is none for this API. Its keys are a provider's own (an ID token, another audience's token), or what
    the gateway knows as `credential`; whoever holds that writes into the token what they like."""

    provider: str | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Callers whom nobody on a host tells apart. `token` None: they have none.

    The client of a token is one of them, for all; empty for every client that is none of the estate's.
    """

    names: tuple[str, ...]
    token: Claims | Forged | None = None


NOBODY = Caller(("anybody, without a token",))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gateway does with a call. `component`: whose workload it would reach (None: none of the estate's).

    `leads`: where to, in words that differ where it differs. `passes`: its locks of which each alone would let it pass;
    `verified`: nothing but the gateway's own word of who calls arrives. `judged`: no part of it is counted as open for
    want of knowing better. `through`: the entities that had a say; `limits`: those of which nobody knows whether they
    refuse the call all the same.
    """

    allowed: bool
    component: str | None
    leads: str = ""
    passes: frozenset[str] = frozenset()
    verified: bool = True
    judged: bool = True
    through: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Speech:
    """What a gateway's rules on a host speak of. `widest`: the most scopes that one of them asks for.

    `granted`: by client (`application/component`), what else its tokens are judged by; equal where that is the same.
    """

    scopes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    widest: int = 1
    granted: Mapping[str, Hashable] = field(default_factory=dict)


class Gateway(Protocol):
    """What a gateway decides, and what it tells apart."""

    def hosts(self) -> Iterable[str]:
        """Hosts as its routes and rules write them: exact, `*.suffix` or `prefix.*`."""

    def paths(self, host: str) -> Iterable[Elements]:
        """Paths that it tells apart on a host."""

    def speech(self, host: str) -> Speech:
        """The scopes, groups and clients that it tells apart on a host."""

    def strangers(self) -> Iterable[Caller]:
        """Holders of keys that no provider of the estate has."""

    def verdicts(self, call: Call, caller: Caller) -> tuple[Verdict, ...]:
        """What may become of the call: one verdict, or several where that depends on what is not known."""


class MisreadError(Exception):
    """The gateway as it is meant does not decide as the model does: the reading of it is wrong, not the gateway."""


class Region(NamedTuple):
    """What a call stands for: a method, and all that the path of a URL owns.

    `within`: the URL that owns this one, where this one is of no interest beside it.
    """

    method: str
    url: str
    within: str | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """A line of a finding: who, with which methods, at which URLs (each with what is below it)."""

    callers: tuple[str, ...]
    methods: tuple[str, ...]
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Calls that are decided otherwise than meant, for the same reasons: `causes` are entities of the gateway."""

    kind: Kind
    causes: tuple[str, ...]
    exposures: tuple[Exposure, ...] = ()


def compare(estate: Estate, live: Gateway, meant: Gateway, drifted: Collection[str]) -> tuple[Finding, ...]:
    """Every difference in who may call what, the worst first. None: the gateway decides as the Applications mean.

    `meant` is the gateway as it was deployed, read in the same way; `drifted` are the entities in which `live` differs
    from it, of which the causes are taken. Raises MisreadError.
    """
    found: dict[tuple[Kind, tuple[str, ...]], dict[Region, list[Caller]]] = {}
    for call, caller, region in classes(estate, live):
        for kind, through in _differences(estate, call, caller, live, meant):
            causes = tuple(dict.fromkeys(one for one in through if one in drifted))
            who = found.setdefault((kind, causes), {}).setdefault(region, [])
            if caller not in who:
                who.append(caller)
    for kind, causes in list(found):
        if kind == "weakened" and ("opened", causes) in found:
            del found[kind, causes]
    order = list(KINDS)
    ranked = sorted(found.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
    return tuple(Finding(kind, causes, tuple(_exposures(calls))) for (kind, causes), calls in ranked)


def classes(estate: Estate, live: Gateway) -> Iterator[tuple[Call, Caller, Region]]:
    """A call and a caller of each class of both, with what the call stands for."""
    for host in _hosts(estate, live):
        callers = tuple(_callers(estate, host, live))
        declared = _declared(estate, host, live)
        for call in _calls(estate, host, declared):
            region = _region(call, declared)
            for caller in callers:
                yield call, caller, region


def _differences(
    estate: Estate, call: Call, caller: Caller, live: Gateway, meant: Gateway
) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    known = Refusal("none of this API's tokens") if isinstance(caller.token, Forged) else caller.token
    decision = decide(estate, Request(call.method, call.host, written(call.path).encode()), known)
    in_clear = call.scheme != estate.stack.scheme and estate.stack.scheme == "https"
    (intended,) = meant.verdicts(call, caller)
    if intended.allowed != (decision.allowed and not in_clear):
        what = f"{call.method} {call.scheme}://{call.host}{written(call.path)} by {caller.names[0]}"
        raise MisreadError(
            f"{what}: {decision.status} is meant, and {'let in' if intended.allowed else 'refused'} is read"
        )
    for verdict in live.verdicts(call, caller):
        kind = _kind(decision, intended, verdict, in_clear)
        if kind:
            yield kind, verdict.through + intended.through
        if intended.allowed and verdict.allowed and verdict.limits:
            yield "limited", verdict.limits


def _kind(decision: Decision, intended: Verdict, verdict: Verdict, in_clear: bool) -> Kind | None:
    owner = decision.component.key if decision.component else None
    ours = verdict.component is not None
    if in_clear:
        return "in clear" if verdict.allowed and ours else None
    if verdict.allowed and ours and not decision.allowed:
        return "opened"
    if verdict.allowed and owner and (not ours or verdict.component != owner or verdict.leads != intended.leads):
        return "diverted"
    if intended.allowed and not verdict.allowed:
        return "closed"
    if verdict.allowed and intended.allowed and intended.verified and not verdict.verified:
        return "impersonated"
    if verdict.passes - intended.passes and ours and owner:
        return "weakened"
    return None


# Hosts, paths and methods ---------------------------------------------------------------------------------------------


def _hosts(estate: Estate, live: Gateway) -> tuple[str, ...]:
    """A host of each class. A wildcard is met by a name that nobody writes."""
    written_so = {*estate.by_host, *live.hosts()}
    other = _unused("any", {label for host in written_so for label in host.split(".")})
    suffixes = [host[1:] for host in written_so if host.startswith("*.")]
    prefixes = [host[:-1] for host in written_so if host.endswith(".*")]
    found = [host for host in written_so if "*" not in host]
    found += [other + suffix for suffix in suffixes]
    found += [prefix + other for prefix in prefixes]
    found += [prefix + other + suffix for prefix in prefixes for suffix in suffixes]
    return (*sorted(found), other)


def _components(estate: Estate, host: str) -> tuple[Component, ...]:
    pairs = (pair for pattern in host_patterns(host) for pair in estate.by_host.get(pattern, ()))
    return tuple({component.key: component for _, component in pairs}.values())


def _declared(estate: Estate, host: str, live: Gateway) -> frozenset[Elements]:
    """Every path that either side names on the host, with all that are above them."""
    paths = set(live.paths(host))
    for component in _components(estate, host):
        paths |= {endpoint.path for endpoint in component.endpoints} | {rule.path for rule in component.rules}
    return frozenset(path[:length] for path in (*paths, ()) for length in range(len(path) + 1))


def _calls(estate: Estate, host: str, declared: frozenset[Elements]) -> Iterator[Call]:
    schemes: tuple[Literal["http", "https"], ...] = ("http",) if estate.stack.scheme == "http" else ("https", "http")
    paths = tuple(_paths(declared))
    for scheme in schemes:
        for path, below in paths:
            for method in (*METHODS, OTHER_METHOD):
                yield Call(scheme, method, host, path, below)


def _paths(declared: frozenset[Elements]) -> Iterator[tuple[Elements, Elements | None]]:
    """Each path that is named; what is below it; what only begins with it; what differs from it only in capitals."""
    other = _unused("any", {element for path in declared for element in path})
    for path in sorted(declared):
        yield path, None
        yield (*path, other), path
        if path:
            yield (*path[:-1], path[-1] + other), path[:-1]
        for index, element in enumerate(path):
            folded = (*path[:index], element.swapcase(), *path[index + 1 :])
            if folded not in declared:
                yield folded, None


def _unused(stem: str, used: Collection[str]) -> str:
    return next(name for name in (stem, *(f"{stem}{number}" for number in range(len(used) + 1))) if name not in used)


def _region(call: Call, declared: frozenset[Elements]) -> Region:
    path = call.path if call.below is None else call.below
    owner = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in declared)
    shown = [f"{call.scheme}://{call.host}{written(one)}" for one in (path, owner)]
    return Region(call.method, shown[0], shown[1] if path != owner else None)


# Callers --------------------------------------------------------------------------------------------------------------


def _callers(estate: Estate, host: str, live: Gateway) -> Iterator[Caller]:
    """A caller of each class: nobody, who is given tokens by a provider, and who has tokens of other kinds.

    Tokens list every scope there is. One of before may list what is another's now, so it is what its client was granted
    that counts.
    """
    yield NOBODY
    speech = _speech(estate, host, live)
    listed = tuple(sorted(speech.scopes))
    classes: dict[tuple[Claims, Hashable], tuple[Claims, list[str]]] = {}
    for client in estate.clients:
        granted = speech.granted.get(client.component)
        for name, claims in _principals(estate, client, host, speech):
            seen = Claims(
                claims.provider,
                client="",
                subject="",
                user=claims.user,
                scopes=listed,
                groups=tuple(sorted(speech.groups.intersection(claims.groups))),
                audience=claims.audience,
            )
            _, names = classes.setdefault((seen, granted), (replace(seen, client=client.component), []))
            names.append(name)
    for claims, names in classes.values():
        yield Caller(tuple(dict.fromkeys(names)), claims)
    yield from _others(estate, host, speech)
    for provider in estate.stack.providers:
        yield Caller((f"anybody with another token of {provider} (an ID token, another API's)",), Forged(provider))
    yield from live.strangers()


def _others(estate: Estate, host: str, speech: Speech) -> Iterator[Caller]:
    """Clients of a provider that are none of the estate's: it may give them tokens that list any scope, and any groups
    of a user."""
    guarded = [(estate.provider_of(component), component) for component in _components(estate, host)]
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
                Claims(provider_name, "", "", user, scopes=listed, groups=groups, audience=audience),
            )


def _speech(estate: Estate, host: str, live: Gateway) -> Speech:
    spoken = live.speech(host)
    scopes, groups, widest = set(spoken.scopes), set(spoken.groups), spoken.widest
    components = _components(estate, host)
    for component in components:
        provider = estate.provider_of(component)
        scopes |= {scope for rule in component.rules for scope in rule.scopes}
        groups |= {provider.listed(group) for role in component.roles for group in role.groups}
        widest = max(widest, *(len(rule.scopes) for rule in component.rules), 1)
    held = [estate.held_at(component, users=users) for component in components for users in (False, True)]
    granted = {
        client.component: (
            spoken.granted.get(client.component),
            *(frozenset(scopes.intersection(at.get(client.component, ()))) for at in held),
        )
        for client in estate.clients
    }
    return Speech(frozenset(scopes), frozenset(groups), widest, granted)


def _principals(estate: Estate, client: Client, host: str, speech: Speech) -> Iterator[tuple[str, Claims]]:
    """Everybody for whom the provider gives the client a token: itself, or users in sets of groups."""
    provider = estate.stack.providers[client.provider]
    apis = [estate.components[call.component] for call in client.calls] if provider.per_api else [None]
    for api in dict.fromkeys(apis):
        users = _users(estate, client, host, speech) if client.user_facing else (None,)
        for user in users:
            claims = issue(provider, client, user, api=api)
            if isinstance(claims, Claims):
                yield _name(estate, client, user), claims


def _users(estate: Estate, client: Client, host: str, speech: Speech) -> Iterator[User]:
    """Users of every set of groups that decides something: with one of the client's own, or they get no token."""
    provider = estate.stack.providers[client.provider]
    own = {provider.group(group) for group in client.groups}
    roles = (role for component in _components(estate, host) for role in component.roles)
    groups = {provider.group(group) for role in roles for group in role.groups}
    groups |= set() if provider.per_api else speech.groups
    # A rule asks for `widest` scopes at most, and one group is enough for each: larger sets hold nothing more.
    for size in range(speech.widest + 1):
        for held in combinations(sorted(groups), size):
            for entry in [()] if own & set(held) else [(one,) for one in sorted(own)]:
                yield User("user", (*entry, *held))


def _name(estate: Estate, client: Client, user: User | None) -> str:
    if user is None:
        return client.component
    provider = estate.stack.providers[client.provider]
    groups = {group for component in estate.exposed for role in component.roles for group in role.groups}
    logical = {provider.group(group): group for group in groups}
    return f"{client.component} for users in {' and '.join(logical.get(group, group) for group in user.groups)}"


# Findings -------------------------------------------------------------------------------------------------------------


def _exposures(calls: Mapping[Region, Sequence[Caller]]) -> Iterator[Exposure]:
    """Calls by who makes them: first all methods of a URL, then all URLs with the same methods."""
    listed = {region.url for region in calls}
    methods: dict[tuple[str, tuple[Caller, ...]], list[str]] = {}
    for region, callers in calls.items():
        if region.within not in listed:
            methods.setdefault((region.url, _fewest(callers)), []).append(region.method)
    urls: dict[tuple[tuple[Caller, ...], tuple[str, ...]], list[str]] = {}
    for (url, who), together in methods.items():
        urls.setdefault((who, tuple(together)), []).append(url)
    for (who, same), found in urls.items():
        names = tuple(dict.fromkeys(name for caller in who for name in caller.names))
        yield Exposure(names, same, tuple(found))


def _fewest(callers: Sequence[Caller]) -> tuple[Caller, ...]:
    """Without those who are meant by others of them: everybody by nobody, users of more groups by those of fewer."""
    if NOBODY in callers:
        return (NOBODY,)
    return tuple(one for one in callers if not any(_covers(other, one) for other in callers))


def _covers(other: Caller, one: Caller) -> bool:
    few, many = other.token, one.token
    if not isinstance(few, Claims) or not isinstance(many, Claims) or not (few.user and many.user):
        return False
    same = (few.provider, few.audience, few.scopes) == (many.provider, many.audience, many.scopes) and _clients(
        one
    ) <= _clients(other)
    return same and set(few.groups) < set(many.groups)


def _clients(caller: Caller) -> set[str]:
    return {name.partition(" ")[0] for name in caller.names}
