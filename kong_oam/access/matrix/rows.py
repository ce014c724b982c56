"""Build the endpoints of an estate with all callers, for `who`, `what` and `matrix`."""

from __future__ import annotations

from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field

from kong_oam.access.callers import Callers
from kong_oam.access.data import Names, PathSegments
from kong_oam.access.matrix.table import ForwardedPath, Row
from kong_oam.access.methods import method_rank
from kong_oam.access.model import (
    Component,
    Estate,
    Public,
    Rules,
    applying,
)
from kong_oam.access.networks import admits
from kong_oam.access.paths import written
from kong_oam.access.principals import (
    ITSELF,
    NOBODY,
    Access,
    Condition,
    Groups,
    Principal,
    suffices,
)
from kong_oam.access.request_classes import PathClass, regions
from kong_oam.access.sites import SitesByHost, path_classes_by_site

# Reduces the callers of an endpoint to the selected callers.
Narrowing = Callable[[Access], Access]


def everyone(access: Access) -> Access:
    """Return the access unchanged."""
    return access


def rows(
    estate: Estate, callers: Callers, narrowed: Narrowing = everyone
) -> tuple[Row, ...]:
    """Return all endpoints with callers, and those without callers that a rule lists.

    They are sorted by host, path, method and component. No request is in two rows. Callers that are
    in no row may not make the request.
    """
    sites = SitesByHost(estate)
    narrow = _cached(narrowed)
    result: list[Row] = []
    for host, path_classes in path_classes_by_site(sites):
        groups: dict[tuple[str, object, ForwardedPath], _Group] = {}
        for number, path_class in enumerate(path_classes):
            pair = sites.endpoint_on(host, path_class.path)
            if pair is None:
                continue
            endpoint, component = pair
            forward = component.forward(endpoint, path_class.path)
            sent = (written(forward.path), forward.target) if forward else ()
            for method, whole in callers.at(component, path_class.path).items():
                if method == "GET" and sites.describes(host, path_class.path):
                    continue
                access, identity = narrow(whole)
                if identity or _listed(component, path_class, method):
                    key = component.key, identity, sent
                    group = groups.setdefault(
                        key, _Group(component, access, sent)
                    )
                    group.classes.setdefault(method, set()).add(number)
        for group in groups.values():
            result += _rows_of(group, host, path_classes)
    return tuple(sorted(result, key=_rank))


def _rows_of(
    group: _Group, host: str, path_classes: Sequence[PathClass]
) -> Iterator[Row]:
    for region, members, methods in regions(path_classes, group.classes):
        paths = [path_classes[number].path for number in members]
        reasons = _reasons(group, paths, methods)
        yield Row(
            host,
            region,
            methods,
            group.component.key,
            group.access,
            reasons,
            group.forward,
        )


def _rank(row: Row) -> tuple[object, ...]:
    return (
        row.host,
        row.region.subtree,
        method_rank(row.methods[0]),
        row.component,
    )


@dataclass(frozen=True, slots=True)
class _Group:
    component: Component
    access: Access
    forward: ForwardedPath
    # By method, the numbers of the path classes.
    classes: dict[str, set[int]] = field(default_factory=dict)


def _cached(
    narrowed: Narrowing,
) -> Callable[[Access], tuple[Access, object]]:
    """Narrow each value once, and identify it: callers share one value between many requests.

    The identity of access for nobody is falsy.
    """
    # Keep the original value, so that its id is not reused.
    cache = {}

    def cached(whole: Access) -> tuple[Access, object]:
        if id(whole) not in cache:
            access = narrowed(whole)
            anybody = access.everybody or frozenset(
                (principal, condition, access.until.get(principal))
                for principal, condition in access.principals.items()
            )
            cache[id(whole)] = (
                whole,
                access,
                anybody and (anybody, access.networks),
            )
        return cache[id(whole)][1:]

    return cached


def _listed(component: Component, path_class: PathClass, method: str) -> bool:
    rules: Rules = ()
    if not path_class.spelled_otherwise:
        owning = component.owning(path_class.path)
        rules = applying(owning, path_class.path)
    return any(rule.lists(method) for rule in rules)


def _reasons(
    group: _Group, paths: Iterable[PathSegments], methods: Names
) -> tuple[Public, ...]:
    if not group.access.everybody:
        return ()
    reasons: dict[Public, None] = {}
    for path in paths:
        for rule in applying(group.component.owning(path), path):
            if rule.public and any(map(rule.lists, methods)):
                reasons[rule.public] = None
    return tuple(reasons)


def only(principals: Collection[Principal]) -> Narrowing:
    """Narrow access to these principals. Public access stays."""

    def narrowed(access: Access) -> Access:
        remaining = {
            principal: condition
            for principal, condition in access.principals.items()
            if principal in principals
        }
        return _with_principals(access, remaining)

    return narrowed


def for_a_user_in(
    groups: Groups, principals: Collection[Principal]
) -> Narrowing:
    """Narrow access to a user in exactly these groups, who signs in through one of the principals.

    The remaining principals have no condition: this user meets it.
    """

    def narrowed(access: Access) -> Access:
        remaining = {}
        for principal, condition in access.principals.items():
            through = principal.users and principal in principals
            if through and suffices(groups, condition):
                remaining[principal] = ITSELF
        return _with_principals(access, remaining)

    return narrowed


def called_from(address: str | None, narrowed: Narrowing) -> Narrowing:
    """Narrow access further to calls from the address. None stands for any allowed address."""

    def narrowed_by_address(access: Access) -> Access:
        if address is None or admits(access.networks, address):
            return narrowed(access)
        return NOBODY

    return narrowed_by_address


def _with_principals(
    access: Access, principals: Mapping[Principal, Condition]
) -> Access:
    if access.everybody:
        return access
    networks = access.networks if principals else ()
    until = {
        principal: day
        for principal, day in access.until.items()
        if principal in principals
    }
    return Access(principals=principals, networks=networks, until=until)
