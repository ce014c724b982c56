"""Judge invariants, exact over all requests and callers of an estate.

The answers follow from `issue` and `decide` (access.callers, access.request_classes):

A rule without scopes admits each client of the component's provider that can get a token. An old
credential counts as its client. Networks do not matter: a caller at an allowed address is enough. A
token that a workload gets with `forwardToken` counts as its client's token.

A public request is a call of each client. It is no call of a group: membership changes nothing. In
an incomplete estate, an absent client asks for all its roles (access.absent).

A connection inside the cluster (`internal`) is no request, and reaches no port of a route. This
model lacks the other routes in Kong (`gateway.adopted`), so nobody judges them here.

A user may be in two groups. Only the directory knows, so `separate` compares groups, not users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.callers import Callers, logical_groups
from kong_oam.access.data import Names, PathSegments, without
from kong_oam.access.decide import Request
from kong_oam.access.lint.upkeep import is_over
from kong_oam.access.methods import http_method, method_rank
from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.access.principals import Access
from kong_oam.access.sites import SitesByHost
from kong_oam.invariants.breaches import Call, Listed, breaches
from kong_oam.invariants.model import (
    CallInvariant,
    Invariant,
    Kind,
    RoleInvariant,
    RoleName,
)
from kong_oam.invariants.places import (
    Asked,
    Family,
    Places,
    covers_host,
    covers_path,
)
from kong_oam.invariants.roles import holdings


@dataclass(frozen=True, slots=True)
class BreakingCaller:
    """The caller of a request that breaks an invariant, or the holder of two roles.

    Without any value, the caller has no token. `groups` are logical names: a user in exactly these
    groups calls through the client. A group that holds two roles has no client. `consumer` is the
    owner of the client's old credential.
    """

    client: str = ""
    groups: Names = ()
    consumer: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that is broken at a component (`application/component`).

    `index` counts invariants from 0. `request` is the shortest that breaks the invariant. `roles`
    are the two held roles of `separate`, which has no request; the component is the first's.
    """

    kind: Kind
    index: int
    component: str
    caller: BreakingCaller
    request: Request | None
    roles: tuple[RoleName, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """Broken invariants, one for each invariant and component, by index and component.

    `unconcerned`: indexes of invariants whose requests reach no component. `unused`: indexes of
    invariants with numbers of exceptions that permit no call.
    """

    broken: tuple[Broken, ...]
    unconcerned: tuple[int, ...] = ()
    unused: tuple[tuple[int, int], ...] = ()


def judge(
    invariants: Sequence[Invariant], estate: Estate, today: date
) -> Judgement:
    """Judge invariants on a whole estate. `today` ends exceptions: the stack's `asOf`.

    Raises TooManyGroupSetsError if a rule of a concerned request has too many sets of groups.
    """
    return _Judge(invariants, with_absent_clients(estate), today).judgement()


# The sort key of a request: the shortest first.
_Rank = tuple[int, int, str, str]


class _Judge:
    """One judgement. Not frozen, because answers for equal callers are kept."""

    def __init__(
        self, invariants: Sequence[Invariant], estate: Estate, today: date
    ) -> None:
        self._invariants = invariants
        self._estate = estate
        self._today = today
        self._calls: dict[int, CallInvariant] = {}
        self._callers = Callers(estate)
        self._sites = SitesByHost(estate)
        self._families: dict[Family, Listed] = {}
        # The breaches of a family without exceptions, by the identity of the callers.
        self._breaches: dict[tuple[Family, int], list[Call]] = {}
        # The best request and its call, by invariant and component.
        self._found: dict[tuple[int, str], tuple[_Rank, Request, Call]] = {}
        self._concerned: set[int] = set()
        self._used: set[tuple[int, int]] = set()
        self._broken: list[Broken] = []

    def judgement(self) -> Judgement:
        for index, invariant in enumerate(self._invariants):
            if isinstance(invariant, RoleInvariant):
                self._judge_roles(index, invariant)
            else:
                self._calls[index] = invariant
        self._judge_calls()
        for (index, component), (_, request, call) in self._found.items():
            caller = self._caller(call)
            kind = self._calls[index].kind
            self._broken.append(Broken(kind, index, component, caller, request))
        broken = sorted(
            self._broken, key=lambda found: (found.index, found.component)
        )
        return Judgement(
            tuple(broken),
            tuple(
                index for index in self._calls if index not in self._concerned
            ),
            tuple(self._unused()),
        )

    def _unused(self) -> Iterator[tuple[int, int]]:
        for index, invariant in enumerate(self._invariants):
            for number in range(len(invariant.exceptions)):
                if (index, number) not in self._used:
                    yield index, number

    def _judge_roles(self, index: int, invariant: RoleInvariant) -> None:
        found = set()
        for holding in holdings(invariant, self._estate):
            is_permitted = False
            for number, exception in enumerate(invariant.exceptions):
                if exception.who is not None and holding.is_in(exception.who):
                    self._used.add((index, number))
                    if not is_over(exception.until, self._today):
                        is_permitted = True
            component = holding.roles[0].component
            if not is_permitted and component not in found:
                found.add(component)
                caller = BreakingCaller(holding.client, holding.groups)
                self._broken.append(
                    Broken(
                        "separate",
                        index,
                        component,
                        caller,
                        None,
                        holding.roles,
                    )
                )

    def _judge_calls(self) -> None:
        for site, plans in Places(self._calls, self._estate).sites():
            for plan in plans:
                for place, families in plan.items():
                    self._judge_place(site, place, families)

    def _judge_place(
        self,
        site: str,
        place: PathSegments,
        families: Mapping[Family, Sequence[Asked]],
    ) -> None:
        component = self._sites.component(site, place)
        if component is None:
            return
        access = self._callers.at(component, place)
        for family, asked in families.items():
            self._concerned.update(index for index, _ in asked)
            for method in access:
                # POST includes the calls of MCP tools, which are POST requests.
                if http_method(method) not in family.methods:
                    continue
                calls = self._breaches_of(family, access[method])
                for index, path in asked if calls else ():
                    self._add(index, component.key, site, method, path, calls)

    def _breaches_of(self, family: Family, access: Access) -> list[Call]:
        # `Callers` keeps each value and returns it for many requests.
        key = family, id(access)
        if key not in self._breaches:
            if family not in self._families:
                self._families[family] = Listed(family.who, self._estate)
            listed = self._families[family]
            self._breaches[key] = breaches(family.kind, listed, access)
        return self._breaches[key]

    def _add(
        self,
        index: int,
        component: str,
        site: str,
        method: str,
        path: PathSegments,
        calls: list[Call],
    ) -> None:
        """Keep the first call that no exception permits, if its request is the shortest."""
        if self._calls[index].exceptions:
            calls = self._without_permitted(index, calls, site, method, path)
        if not calls:
            return
        host = self._sites.host(site, path) or site
        url = host + written(path)
        rank = len(url), *method_rank(method), url
        key = index, component
        if key not in self._found or rank < self._found[key][0]:
            request = Request(method, host, written(path).encode())
            self._found[key] = rank, request, calls[0]

    def _without_permitted(
        self,
        index: int,
        calls: list[Call],
        site: str,
        method: str,
        path: PathSegments,
    ) -> list[Call]:
        """Return the calls that no exception in date permits. Note the used exceptions."""
        permitted = set()
        declared = frozenset(self._sites.declared(site))
        for number, exception in enumerate(self._calls[index].exceptions):
            may = exception.may
            if may is not None and not (
                http_method(method) in may.methods
                and covers_host(may, site, self._estate.stack)
                and covers_path(may, path, declared)
            ):
                continue
            matching = calls
            if exception.who is not None:
                listed = Listed(exception.who, self._estate)
                matching = [*filter(listed.permits, calls)]
            if matching:
                self._used.add((index, number))
            if not is_over(exception.until, self._today):
                permitted.update(matching)
        return without(calls, permitted)

    def _caller(self, call: Call) -> BreakingCaller:
        """Return the caller of a call, with logical names of its groups."""
        principal = call.principal
        if principal is None:
            return BreakingCaller()
        provider = self._estate.stack.providers[principal.provider]
        names = {
            provider.group(name): name
            for name in sorted(logical_groups(self._estate), reverse=True)
        }
        groups = tuple(sorted(names.get(name, name) for name in call.groups))
        return BreakingCaller(principal.client, groups, principal.consumer)
