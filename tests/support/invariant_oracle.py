"""Brute force for invariants: `issue` and `decide` answer each request of each caller.

Written from the meaning of invariants alone. It shares no code with `kong_oam.invariants`, whose
values it reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, combinations, product

from kong_oam.access.before import OldCredential
from kong_oam.access.decide import Request, component_of, decide
from kong_oam.access.issue import User
from kong_oam.access.model import Client, Component, Estate, Role
from kong_oam.access.paths import AmbiguousPathError, read
from kong_oam.access.providers import Provider
from kong_oam.access.sites import SitesByHost
from kong_oam.invariants.model import (
    CallInvariant,
    InvariantException,
    Requests,
    RoleInvariant,
    RoleName,
    Who,
)
from tests.support.small_estates import allowed, site_of, tokens_of

PathParts = tuple[str, ...]

# No generated rule lists PUT, so PUT stands for all other methods.
METHODS_OF_RULES = ("GET", "HEAD", "POST", "PUT")


@dataclass(frozen=True, slots=True)
class AllowedCall:
    """A call that the gateway allows. No client: without a token.

    `declared` are the paths that the Applications of the site name. `groups` are the provider's
    names of a smallest set of groups that suffices for the client's user. A client without users
    has no groups.
    """

    component: str
    method: str
    host: str
    path: PathParts
    declared: frozenset[PathParts]
    is_public: bool = False
    client: str = ""
    provider: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Broken invariants with their components, idle invariants, and idle exceptions."""

    broken: frozenset[tuple[int, str]]
    unconcerned: tuple[int, ...]
    unused: tuple[tuple[int, int], ...]


class Calls:
    """All allowed calls of an estate, for some paths."""

    def __init__(
        self, estate: Estate, hosts: Iterable[str], paths: Iterable[PathParts]
    ) -> None:
        self._estate = estate
        self.reached: list[AllowedCall] = []
        self.allowed: list[AllowedCall] = []
        for host, path, method in product(hosts, paths, METHODS_OF_RULES):
            target = "/" + "/".join(path)
            request = Request(method, host, target.encode())
            component = _reached(estate, request)
            if component is None:
                continue
            declared = self._declared(host)
            place = AllowedCall(component.key, method, host, path, declared)
            self.reached.append(place)
            self.allowed += self._answers(place, request, component)

    def _declared(self, host: str) -> frozenset[PathParts]:
        site = site_of({*self._estate.by_host}, host)
        return frozenset(SitesByHost(self._estate).declared(site))

    def _answers(
        self, place: AllowedCall, request: Request, component: Component
    ) -> Iterator[AllowedCall]:
        is_public = decide(self._estate, request, None).allowed
        place = replace(place, is_public=is_public)
        if is_public:
            yield place
        for client in self._estate.clients:
            # A client may leave its token out.
            sets = (
                [frozenset[str]()]
                if is_public
                else self._smallest(client, request, component)
            )
            for groups in sets:
                yield replace(
                    place,
                    client=client.component,
                    provider=client.provider,
                    groups=groups,
                )
        if is_public:
            # So may a client that has only an old credential.
            for other in self._estate.components.values():
                for caller in other.identity.old_callers:
                    yield replace(place, client=caller.client)
        for caller in component.identity.old_callers:
            credential = OldCredential(caller.consumer, caller.by)
            if decide(self._estate, request, credential).allowed:
                yield replace(place, client=caller.client)

    def _smallest(
        self, client: Client, request: Request, component: Component
    ) -> list[frozenset[str]]:
        """Return the smallest sets of groups by which the client may make the request."""
        if not client.user_facing:
            shown = tokens_of(self._estate, client, None, component)
            is_allowed = allowed(self._estate, request, shown)
            return [frozenset()] if is_allowed else []
        provider = self._estate.stack.providers[client.provider]
        found: list[frozenset[str]] = []
        for groups in _sets(_known_groups(self._estate, provider)):
            if any(smaller <= groups for smaller in found):
                continue
            user = User("somebody", tuple(sorted(groups)))
            shown = tokens_of(self._estate, client, user, component)
            if allowed(self._estate, request, shown):
                found.append(groups)
        return found


def _reached(estate: Estate, request: Request) -> Component | None:
    try:
        path = read(request.target)
    except AmbiguousPathError:
        return None
    return component_of(estate, request.host, path)


def _known_groups(estate: Estate, provider: Provider) -> list[str]:
    names: set[str] = set()
    for component in estate.components.values():
        for role in component.identity.roles:
            names.update(map(provider.group, role.groups))
        for client in component.identity.clients:
            names.update(map(provider.group, client.groups))
    return sorted(names)


def _sets(names: Sequence[str]) -> Iterator[frozenset[str]]:
    """Yield all sets, the smaller first."""
    sizes = range(len(names) + 1)
    chosen = chain.from_iterable(combinations(names, size) for size in sizes)
    return map(frozenset, chosen)


def verdict(
    invariants: Sequence[CallInvariant | RoleInvariant],
    estate: Estate,
    calls: Calls,
    today: date,
) -> Verdict:
    """Judge invariants by asking for each call whether it breaks them."""
    broken: set[tuple[int, str]] = set()
    unconcerned = []
    unused = []
    for index, invariant in enumerate(invariants):
        used: set[int] = set()
        if isinstance(invariant, RoleInvariant):
            broken |= {
                (index, key)
                for key in _both_held(invariant, estate, today, used)
            }
        else:
            if not any(_covers(invariant.may, each) for each in calls.reached):
                unconcerned.append(index)
            broken |= {
                (index, call.component)
                for call in calls.allowed
                if _breaks(invariant, call, estate, today, used)
            }
        unused += [
            (index, number)
            for number in range(len(invariant.exceptions))
            if number not in used
        ]
    return Verdict(frozenset(broken), tuple(unconcerned), tuple(unused))


def _breaks(
    invariant: CallInvariant,
    call: AllowedCall,
    estate: Estate,
    today: date,
    used: set[int],
) -> bool:
    if not _covers(invariant.may, call):
        return False
    if invariant.kind == "only":
        # A public call breaks it without a token, whoever else makes it.
        if call.is_public and call.client:
            return False
        if _lists(invariant.who, call, estate):
            return False
    if invariant.kind == "never":
        # `anybody` is a caller without a token, not a client that leaves its token out.
        who = (
            replace(invariant.who, anybody=False)
            if call.client
            else invariant.who
        )
        if not _lists(who, call, estate):
            return False
    is_permitted = False
    for number, exception in enumerate(invariant.exceptions):
        if _matches(exception, call, estate):
            used.add(number)
            is_permitted |= today <= date.fromisoformat(exception.until)
    return not is_permitted


def _matches(
    exception: InvariantException, call: AllowedCall, estate: Estate
) -> bool:
    if exception.may is not None and not _covers(exception.may, call):
        return False
    return exception.who is None or _lists(exception.who, call, estate)


def _lists(who: Who, call: AllowedCall, estate: Estate) -> bool:
    if call.is_public and who.anybody:
        return True
    application = call.client.split("/")[0]
    if {call.client, f"{application}/*"} & who.clients:
        return True
    if not call.groups:
        return False
    provider = estate.stack.providers[call.provider]
    return any(provider.group(group) in call.groups for group in who.groups)


def _covers(may: Requests, call: AllowedCall) -> bool:
    """Methods, host, and the path with everything below it.

    Capitals do not matter in a path that the site's Applications declare.
    """
    if call.method not in may.methods:
        return False
    if may.host.startswith("*."):
        if not call.host.endswith(may.host[1:]):
            return False
    elif may.host not in ("*", call.host):
        return False
    length = len(may.path)
    if len(call.path) < length:
        return False
    for declared in ((), *call.declared):
        known = len(declared)
        if (
            call.path[:known] == declared
            and _small(declared[:length]) == _small(may.path[:known])
            and call.path[known:length] == may.path[known:]
        ):
            return True
    return False


def _small(path: PathParts) -> PathParts:
    return tuple(element.lower() for element in path)


def _both_held(
    invariant: RoleInvariant, estate: Estate, today: date, used: set[int]
) -> Iterator[str]:
    """Yield the first component of each two roles that a group or a client holds."""
    for first, second in combinations(invariant.roles, 2):
        mine, other = _role(estate, first), _role(estate, second)
        pairs = [
            *(
                (name, name)
                for name in {*mine.components} & {*other.components}
            ),
            *_same_groups(estate, first, second),
        ]
        for pair in pairs:
            is_permitted = False
            for number, exception in enumerate(invariant.exceptions):
                if _names_both(exception, pair):
                    used.add(number)
                    is_permitted |= today <= date.fromisoformat(exception.until)
            if not is_permitted:
                yield first.component


def _names_both(exception: InvariantException, pair: tuple[str, str]) -> bool:
    assert exception.who is not None
    who = exception.who
    application = pair[0].split("/")[0] + "/*"
    return {*pair} <= who.groups or bool({pair[0], application} & who.clients)


def _role(estate: Estate, name: RoleName) -> Role:
    roles = estate.components[name.component].identity.roles
    return next(role for role in roles if role.name == name.role)


def _same_groups(
    estate: Estate, first: RoleName, second: RoleName
) -> Iterator[tuple[str, str]]:
    """Yield the groups of two roles that are the same in the Applications or at one provider."""
    providers = [
        estate.provider_of(estate.components[name.component])
        for name in (first, second)
    ]
    groups = (_role(estate, name).groups for name in (first, second))
    for mine, other in product(*groups):
        mapped = [
            (provider.name, provider.group(group))
            for provider, group in zip(providers, (mine, other), strict=True)
        ]
        if mine == other or mapped[0] == mapped[1]:
            yield mine, other
