"""Compares two access models: exact over all requests, not sampled.

Both estates are cut into the same sites and classes of paths (access.request_classes), and for each
class the principals of one are compared with those of the other (access.principals). The result is
empty exactly where `decide` lets the same principals through for every request. What no request of
the model shows is compared as settings (access.diff.facts): how tokens spell things, who signs
them, who may connect, where users and partners' keys come from.

A principal is identified by its component's key and its provider. One that is only in the old
estate and one that is only in the new are the same where the same workload of the same owner in the
same namespace holds the credential and may call the same: renaming a component or an application is
no change of access. Roles and scopes are never compared, only who has what by them.

What answers is part of access (access.diff.answering). A request that stays allowed is a change
where another component, port or set of pods answers. Every other change says so, too: a team that
takes a path may let nobody in yet, and callers in later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from kong_oam.access.callers import logical_groups
from kong_oam.access.diff.answering import Answerers, staying
from kong_oam.access.diff.certificates import certificates_changed
from kong_oam.access.diff.change import (
    CLOSING,
    KINDS,
    OPENING,
    Answers,
    Change,
    Difference,
    Example,
    Kind,
    Subject,
    Whom,
)
from kong_oam.access.diff.facts import settings_changed
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.owners import owners_changed
from kong_oam.access.diff.providers import providers_named_as
from kong_oam.access.diff.rights import rights_changed
from kong_oam.access.diff.side import Side
from kong_oam.access.model import METHODS
from kong_oam.access.networks import Source, beyond
from kong_oam.access.paths import PathSegments
from kong_oam.access.principals import (
    ITSELF,
    Access,
    Condition,
    Groups,
    Principal,
    minimal_transversals,
    suffices,
)
from kong_oam.access.request_classes import (
    PathClass,
    Region,
    path_classes,
    regions,
)

_ChangeKey = tuple[Kind, Whom, Answers | None]
"""With both answers where something else answers."""

_Cell = tuple[str, str, int]
"""A site, a method, and the number of a class of paths."""

_Cells = dict[_ChangeKey, list[_Cell]]
_Classes = Mapping[str, Sequence[PathClass]]
"""The classes of paths by site."""

_Otherwise = Mapping[tuple[str, int], Answers]
"""Both answers, by site and number of the classes of paths where something else answers."""


def diff(old: AccessModel, new: AccessModel) -> tuple[Difference, ...]:
    """Every change of access from `old` to `new`, the worst first.

    Models of one stack are compared by host; those of two stacks by component and port, groups by
    their logical names, and of settings only those that Applications state.
    """
    old = providers_named_as(old, new)
    by_port = old.estate.stack.name != new.estate.stack.name
    names = logical_groups(old.estate) | logical_groups(new.estate) if by_port else None
    sides = Side(old, names), Side(new, names)
    by_site = dict(_path_classes(*sides))
    otherwise = dict(_answered_otherwise(*sides, by_site))
    differences = _differences(*sides, by_site, otherwise)
    renamed = _renamed(differences, *sides)
    kept = _without_renamed(renamed, differences)
    differences = kept | _staying(*sides, by_site, otherwise, renamed)
    requests = _changes(
        *sides, by_site, differences, _owners_of_others(renamed, *sides)
    )
    settings = settings_changed(
        old.facts, new.facts, _old_clients(renamed, *sides), between_stacks=by_port
    )
    facts = (old.estate, old.facts), (new.estate, new.facts)
    rights = rights_changed(*facts)
    owners = owners_changed(*facts)
    shown = () if by_port else certificates_changed(*facts)
    return tuple(sorted([*requests, *settings, *rights, *owners, *shown], key=_rank))


def changed(old: Sequence[AccessModel], new: AccessModel) -> tuple[Difference, ...]:
    """Every change of access from what all of `old` allow together to `new`, the worst first.

    A request that only some of `old` refuse counts as opened, too; what closes is taken from the
    first.
    """
    first, *others = (diff(model, new) for model in old)
    opening = [
        change
        for changes in others
        for change in changes
        if change.kind in OPENING and change not in first
    ]
    return tuple(sorted([*first, *opening], key=_rank))


def _path_classes(old: Side, new: Side) -> Iterator[tuple[str, tuple[PathClass, ...]]]:
    """Yields the sites on which answers may differ, with the classes of paths that neither side can
    tell apart further."""
    for site in sorted({*old.sites.names(), *new.sites.names()}):
        basis = old.basis(site)
        if basis is None or basis != new.basis(site):
            yield (
                site,
                path_classes((*old.sites.declared(site), *new.sites.declared(site))),
            )


def _paths(by_site: _Classes) -> Iterator[tuple[str, int, PathSegments]]:
    """Yields a path of each class, with its site and number."""
    for site, site_classes in by_site.items():
        for number, path_class in enumerate(site_classes):
            yield site, number, path_class.path


def _answered_otherwise(
    old: Side, new: Side, by_site: _Classes
) -> Iterator[tuple[tuple[str, int], Answers]]:
    """Yields the classes of paths where something else answers, with both answers."""
    answerers = Answerers(old.model, new.model)
    for site, number, path in _paths(by_site):
        before, after = old.answered_by(site, path), new.answered_by(site, path)
        if before and after and answerers.differ(before, after):
            yield (site, number), (before, after)


def _differences(
    old: Side, new: Side, by_site: _Classes, otherwise: _Otherwise
) -> _Cells:
    """Every difference, by kind, for whom and what answers. The sides cache their answers, so a
    pair is identified by their ids."""
    differences: _Cells = {}
    compared: dict[tuple[int, int], tuple[tuple[Kind, Whom], ...]] = {}
    for site, number, path in _paths(by_site):
        was, now = old.at(site, path), new.at(site, path)
        for method in METHODS:
            pair = id(was[method]), id(now[method])
            if pair not in compared:
                compared[pair] = tuple(_compare(was[method], now[method]))
            for kind, whom in compared[pair]:
                key = kind, whom, otherwise.get((site, number))
                differences.setdefault(key, []).append((site, method, number))
    return differences


def _compare(was: Access, now: Access) -> Iterator[tuple[Kind, Whom]]:
    opened, shut = (
        beyond(now.networks, was.networks),
        beyond(was.networks, now.networks),
    )
    if was.everybody or now.everybody:
        yield from _compare_with_everybody(was, now, opened, shut)
        return
    if was.principals == now.principals and not opened and not shut:
        return
    for principal in sorted({*was.principals, *now.principals}):
        before, after = was.principals.get(principal), now.principals.get(principal)
        if before is None and after is not None:
            yield "granted", Whom(principal, after, Source(now.networks))
        elif after is None and before is not None:
            yield "revoked", Whom(principal, before, Source(was.networks))
        elif before is not None and after is not None:
            more = frozenset(groups for groups in after if not suffices(groups, before))
            less = frozenset(groups for groups in before if not suffices(groups, after))
            parts: tuple[tuple[Kind, Condition, Source | None], ...] = (
                ("widened", more, Source(now.networks)),
                ("widened", after - more, opened),
                ("narrowed", less, Source(was.networks)),
                ("narrowed", before - less, shut),
            )
            yield from (
                (kind, Whom(principal, met, source))
                for kind, met, source in parts
                if met and source
            )


def _compare_with_everybody(
    was: Access, now: Access, opened: Source | None, shut: Source | None
) -> Iterator[tuple[Kind, Whom]]:
    """Compares where one of the two lets everybody in, from its networks: `opened` are addresses
    that come, `shut` those that go."""
    if not was.everybody:
        yield "newly public", Whom(None, source=Source(now.networks))
    elif not now.everybody:
        kind: Kind = "narrowed" if now.principals else "revoked"
        yield kind, Whom(None, source=Source(was.networks))
    changes: tuple[tuple[Kind, Access, Access, Source | None], ...] = (
        ("widened", was, now, opened),
        ("narrowed", now, was, shut),
    )
    for kind, without, having, source in changes:
        if source and without.everybody and having.everybody:
            yield kind, Whom(None, source=source)
        elif source and without.everybody:
            yield from (
                (kind, Whom(one, met, source)) for one, met in having.principals.items()
            )


def _staying(
    old: Side,
    new: Side,
    by_site: _Classes,
    otherwise: _Otherwise,
    renamed: Mapping[Principal, Principal],
) -> _Cells:
    """Every request that stays allowed and is answered by something else, for whom, with both
    answers."""
    differences: _Cells = {}
    callers: dict[tuple[int, int], tuple[Whom, ...]] = {}
    for (site, number), answers in otherwise.items():
        path = by_site[site][number].path
        was, now = old.at(site, path), new.at(site, path)
        for method in METHODS:
            pair = id(was[method]), id(now[method])
            if pair not in callers:
                callers[pair] = tuple(staying(was[method], now[method], renamed))
            for whom in callers[pair]:
                key: _ChangeKey = ("answered by", whom, answers)
                differences.setdefault(key, []).append((site, method, number))
    return differences


def _renamed(differences: _Cells, old: Side, new: Side) -> dict[Principal, Principal]:
    """Maps principals of the new side to those of the old that they are under another name: what
    one lost, the other gained."""
    lost = _principals_only_in(old, new, differences, "revoked")
    gained = _principals_only_in(new, old, differences, "granted")
    return {
        after: before
        for identity, principals in lost.items()
        for before, after in zip(principals, gained.get(identity, ()), strict=False)
    }


def _without_renamed(
    renamed: Mapping[Principal, Principal], differences: _Cells
) -> _Cells:
    """Leaves out what a principal lost and gained by being renamed."""
    dropped: set[tuple[Kind, Principal]] = {("granted", after) for after in renamed}
    dropped |= {("revoked", before) for before in renamed.values()}
    return {
        key: cells
        for key, cells in differences.items()
        if (key[0], key[1].principal) not in dropped
    }


def _owners_of_others(
    renamed: Mapping[Principal, Principal], old: Side, new: Side
) -> dict[Principal, str | None]:
    """The owners of the clients that only one side has."""
    come = new.clients.keys() - old.clients.keys() - renamed.keys()
    gone = old.clients.keys() - new.clients.keys() - {*renamed.values()}
    owners = {principal: new.owner(principal) for principal in come}
    return owners | {principal: old.owner(principal) for principal in gone}


def _old_clients(
    renamed: Mapping[Principal, Principal], old: Side, new: Side
) -> dict[Subject, Subject]:
    """Maps the clients of the new side that are on the old, too, to what they are called there."""
    pairs = ((after, renamed.get(after, after)) for after in new.clients)
    return {
        Subject(after.client, after.provider): Subject(before.client, before.provider)
        for after, before in pairs
        if before in old.clients
    }


def _principals_only_in(
    side: Side, other: Side, differences: _Cells, kind: Kind
) -> dict[object, list[Principal]]:
    """The principals that `other` does not have, by what identifies them apart from their names."""
    access: dict[Principal, set[object]] = {
        p: set() for p in sorted(side.clients) if p not in other.clients
    }
    for (change_kind, whom, _), found in differences.items():
        if change_kind == kind and whom.principal in access:
            access[whom.principal] |= {
                (whom.condition, whom.source, cell) for cell in found
            }
    result: dict[object, list[Principal]] = {}
    for principal, cells in access.items():
        workload = side.model.workloads.get(principal.client)
        owner = side.owner(principal)
        identity = (
            principal.provider,
            principal.users,
            workload,
            owner,
            frozenset(cells),
        )
        result.setdefault(identity, []).append(principal)
    return result


def _changes(
    old: Side,
    new: Side,
    classes_by_site: _Classes,
    differences: _Cells,
    owners: Mapping[Principal, str | None],
) -> Iterator[Change]:
    """Merges differences into few changes: classes of paths into regions, then methods of one
    region, then principals of one change. `owners` are those to name beside a client."""
    merged: dict[
        tuple[Kind, str, Region, tuple[str, ...], int | None, Answers | None],
        list[Whom],
    ] = {}
    for (kind, whom, answers), cells in differences.items():
        by_site: dict[str, dict[str, set[int]]] = {}
        for site, method, number in cells:
            by_site.setdefault(site, {}).setdefault(method, set()).add(number)
        owned = (
            replace(whom, owner=owners.get(whom.principal)) if whom.principal else whom
        )
        for site, by_method in by_site.items():
            for region, members, methods in regions(classes_by_site[site], by_method):
                paths = [classes_by_site[site][number].path for number in members]
                minutes = (
                    _minutes(old, new, whom, site, paths, methods)
                    if kind in CLOSING
                    else None
                )
                merged.setdefault(
                    (kind, site, region, methods, minutes, answers), []
                ).append(owned)
    for (kind, site, region, listed, minutes, answers), callers in merged.items():
        callers.sort(
            key=lambda one: (
                one.principal or _FIRST,
                sorted(map(sorted, one.condition)),
                str(one.source),
            )
        )
        yield _change(
            old, new, kind, tuple(callers), listed, site, region, minutes, answers
        )


_FIRST = Principal("", "")


def _minutes(
    old: Side,
    new: Side,
    whom: Whom,
    site: str,
    paths: Iterable[PathSegments],
    methods: Sequence[str],
) -> int | None:
    """How long the old tokens live, where the new gate lets one of them through; None where it lets
    none."""
    lifetime = old.lifetime(whom.principal) if whom.principal else None
    if whom.principal is None or lifetime is None:
        return None
    address = _address(whom)
    for path in paths:
        named = old.groups_named(site, path) | new.groups_named(site, path)
        by_method = new.at(site, path)
        for method in methods:
            after = by_method[method].principals.get(whom.principal, frozenset())
            for groups in _concerned(whom.condition, after, named):
                token = old.token(whom.principal, groups, site, path)
                if new.answer(site, path, method, token, address).allowed:
                    return lifetime
    return None


def _concerned(
    condition: Condition, after: Condition, named: Groups
) -> Iterator[Groups]:
    """Yields sets of groups of users who may no longer call: those that were needed, and each with
    as many others as a user can be in without being let in anew.

    A user may be in more groups than were needed, and the more, the more a gate takes a token to
    hold. `after` is the condition from now on, `named` are all groups that roles there have.
    """
    for groups in condition:
        yield groups
        others = minimal_transversals([needed - groups for needed in after])
        # Of more sets than anybody could list, the users in all groups stand for all.
        yield from (
            (groups | named) - missing
            for missing in (ITSELF if others is None else others)
        )


def _change(
    old: Side,
    new: Side,
    kind: Kind,
    whom: tuple[Whom, ...],
    methods: tuple[str, ...],
    site: str,
    region: Region,
    minutes: int | None,
    answers: Answers | None,
) -> Change:
    side = old if kind in CLOSING else new
    path, principal = region.subtree.path, whom[0].principal
    groups = min(whom[0].condition, key=sorted, default=frozenset())
    hosts = old.sites.host(site, path), new.sites.host(site, path)
    example = Example(methods[0], path, *hosts, principal, groups, _address(whom[0]))
    rule = side.answer(
        site,
        path,
        methods[0],
        side.token(principal, groups, site, path),
        example.address,
    ).rule
    place = rule.place if rule and rule.place.file else None
    return Change(kind, whom, methods, site, region, example, minutes, place, answers)


def _address(whom: Whom) -> str | None:
    """An address that they call from; None where any is one."""
    address = whom.source.example()
    return str(address) if address else None


def _rank(change: Difference) -> tuple[object, ...]:
    if not isinstance(change, Change):
        return KINDS.index(change.kind), change.of, change.name
    first = change.whom[0].principal or _FIRST
    return (
        KINDS.index(change.kind),
        change.site,
        change.region.subtree,
        METHODS.index(change.methods[0]),
        first,
    )
