"""Every endpoint of an estate with all who may call it: what `who`, `what` and `matrix` list, made
in one place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from kong_oam.access.callers import Callers
from kong_oam.access.matrix.table import Row
from kong_oam.access.model import METHODS, Component, Estate, Public
from kong_oam.access.networks import admits
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

Narrowing = Callable[[Access], Access]
"""Cuts who may call something to those who are asked about; what nobody of them may call is
nobody's."""


def everyone(access: Access) -> Access:
    """Narrows nothing."""
    return access


def rows(
    estate: Estate, callers: Callers, narrowed: Narrowing = everyone
) -> tuple[Row, ...]:
    """Every endpoint that somebody may call, and those for nobody that a rule lists nevertheless.

    Sorted by host, path, method and component. No request is in two rows; whoever stands in none
    may not make it.
    """
    sites = SitesByHost(estate)
    found = []
    narrowed_of = _remembered(narrowed)
    for host, path_classes in path_classes_by_site(sites):
        groups: dict[tuple[str, object], _Group] = {}
        for number, path_class in enumerate(path_classes):
            component = sites.component(host, path_class.path)
            for method, whole in (
                callers.at(component, path_class.path).items() if component else ()
            ):
                access, identity = narrowed_of(whole)
                if component and (identity or _listed(component, path_class, method)):
                    group = groups.setdefault(
                        (component.key, identity), _Group(component, access)
                    )
                    group.classes.setdefault(method, set()).add(number)
        for group in groups.values():
            for region, members, methods in regions(path_classes, group.classes):
                reasons = _reasons(
                    group, [path_classes[number] for number in members], methods
                )
                found.append(
                    Row(
                        host,
                        region,
                        methods,
                        group.component.key,
                        group.access,
                        reasons,
                    )
                )
    return tuple(
        sorted(
            found,
            key=lambda r: (
                r.host,
                r.region.subtree,
                METHODS.index(r.methods[0]),
                r.component,
            ),
        )
    )


@dataclass(frozen=True, slots=True)
class _Group:
    component: Component
    access: Access
    classes: dict[str, set[int]] = field(default_factory=dict)
    """By method, the numbers of the classes of paths."""


def _remembered(narrowed: Narrowing) -> Callable[[Access], tuple[Access, object]]:
    """Narrows each value once, and identifies it: callers give one value for many requests. Of
    nobody it is falsy."""
    known: dict[
        int, tuple[Access, Access, object]
    ] = {}  # with the whole one, so that its id stays its own

    def of(whole: Access) -> tuple[Access, object]:
        if id(whole) not in known:
            access = narrowed(whole)
            anybody = access.everybody or frozenset(access.principals.items())
            known[id(whole)] = (whole, access, anybody and (anybody, access.networks))
        return known[id(whole)][1:]

    return of


def _listed(component: Component, path_class: PathClass, method: str) -> bool:
    rules = () if path_class.spelled_otherwise else component.owning(path_class.path)
    return any(rule.lists(method) for rule in rules)


def _reasons(
    group: _Group, members: list[PathClass], methods: tuple[str, ...]
) -> tuple[Public, ...]:
    if not group.access.everybody:
        return ()
    owned = (rule for member in members for rule in group.component.owning(member.path))
    public = (rule.public for rule in owned if any(map(rule.lists, methods)))
    return tuple(dict.fromkeys(reason for reason in public if reason))


def only(principals: Collection[Principal]) -> Narrowing:
    """Cuts access to that of these principals, with what everybody may do."""

    def narrowed(access: Access) -> Access:
        return _kept(
            access,
            {one: met for one, met in access.principals.items() if one in principals},
        )

    return narrowed


def for_a_user_in(groups: Groups, principals: Collection[Principal]) -> Narrowing:
    """Cuts access to what a user in these groups, and in no other, may do through one of the
    principals.

    Those that remain have no condition left: this user meets it.
    """

    def narrowed(access: Access) -> Access:
        through = (
            one
            for one, met in access.principals.items()
            if one.users and suffices(groups, met)
        )
        return _kept(access, {one: ITSELF for one in through if one in principals})

    return narrowed


def called_from(address: str | None, narrowed: Narrowing) -> Narrowing:
    """Cuts access to what is called from the address, besides; None: from anywhere that is
    allowed."""

    def from_there(access: Access) -> Access:
        return (
            narrowed(access)
            if address is None or admits(access.networks, address)
            else NOBODY
        )

    return from_there


def _kept(access: Access, principals: Mapping[Principal, Condition]) -> Access:
    return (
        access
        if access.everybody
        else Access(
            principals=principals, networks=access.networks if principals else ()
        )
    )
