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

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kong_oam.access.callers import logical_groups
from kong_oam.access.data import Names, PathSegments
from kong_oam.access.diff.answering import Answerers, staying
from kong_oam.access.diff.certificates import certificates_changed
from kong_oam.access.diff.change import (
    CLOSING,
    OPENING,
    Answers,
    Change,
    Difference,
    Example,
    Subject,
    Whom,
)
from kong_oam.access.diff.facts import settings_changed
from kong_oam.access.diff.kind import KINDS, Kind
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.owners import owners_changed
from kong_oam.access.diff.providers import providers_named_as
from kong_oam.access.diff.rights import rights_changed
from kong_oam.access.diff.side import Side
from kong_oam.access.methods import METHODS
from kong_oam.access.networks import Source, beyond
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

# With both answers where something else answers.
_ChangeKey = tuple[Kind, Whom, Answers | None]

# A site, a method, and the number of a class of paths.
_Cell = tuple[str, str, int]

_Cells = dict[_ChangeKey, list[_Cell]]
# The classes of paths by site.
_Classes = Mapping[str, Sequence[PathClass]]

# Both answers, by site and number of the classes of paths where something else answers.
_Otherwise = Mapping[tuple[str, int], Answers]


_Path = tuple[str, int, PathSegments]
# The numbers of classes of paths by site and method.
_Numbers = dict[str, dict[str, set[int]]]
_Compared = Iterator[tuple[Kind, Whom]]
# Principals of the new side to those of the old that they are under another name.
_Renamed = Mapping[Principal, Principal]


def diff(old: AccessModel, new: AccessModel) -> tuple[Difference, ...]:
    """Every change of access from `old` to `new`, the worst first.

    Models of one stack are compared by host; those of two stacks by component and port, groups by
    their logical names, and of settings only those that Applications state.
    """
    old = providers_named_as(old, new)
    between_stacks = old.estate.stack.name != new.estate.stack.name
    names = (
        logical_groups(old.estate) | logical_groups(new.estate)
        if between_stacks
        else None
    )
    sides = Side(old, names), Side(new, names)
    by_site = dict(_path_classes(*sides))
    otherwise = dict(_answered_otherwise(*sides, by_site))
    paths = [*_paths(by_site)]
    differences = _cells(*sides, paths, otherwise, _compare)
    renamed = _renamed(differences, *sides)
    kept = _without_renamed(renamed, differences)

    def compare_staying(was: Access, now: Access) -> _Compared:
        for whom in staying(was, now, renamed):
            yield "answered by", whom

    changing = [entry for entry in paths if entry[:2] in otherwise]
    differences = kept | _cells(*sides, changing, otherwise, compare_staying)
    requests = _changes(
        *sides, by_site, differences, _owners_of_others(renamed, *sides)
    )
    settings = settings_changed(
        old.facts,
        new.facts,
        _old_clients(renamed, *sides),
        between_stacks=between_stacks,
    )
    facts = (old.estate, old.facts), (new.estate, new.facts)
    rights = rights_changed(*facts)
    owners = owners_changed(*facts)
    shown = () if between_stacks else certificates_changed(*facts)
    return tuple(
        sorted([*requests, *settings, *rights, *owners, *shown], key=_rank)
    )


def changed(
    old: Sequence[AccessModel], new: AccessModel
) -> tuple[Difference, ...]:
    """Every change of access from what all of `old` allow together to `new`, the worst first.

    A request that only some of `old` refuse counts as opened, too; what closes is taken from the
    first.
    """
    first, *others = (diff(model, new) for model in old)
    changes = [*first]
    for changes_of_other in others:
        for change in changes_of_other:
            if change.kind in OPENING and change not in first:
                changes.append(change)
    return tuple(sorted(changes, key=_rank))


def _path_classes(
    old: Side, new: Side
) -> Iterator[tuple[str, tuple[PathClass, ...]]]:
    """Yield the sites on which answers may differ, with the classes of paths that neither side can
    tell apart further."""
    for site in sorted({*old.sites.names(), *new.sites.names()}):
        basis = old.basis(site)
        if basis is None or basis != new.basis(site):
            declared = (*old.sites.declared(site), *new.sites.declared(site))
            yield site, path_classes(declared)


def _paths(by_site: _Classes) -> Iterator[_Path]:
    """Yield a path of each class, with its site and number."""
    for site, site_classes in by_site.items():
        for number, path_class in enumerate(site_classes):
            yield site, number, path_class.path


def _answered_otherwise(
    old: Side, new: Side, by_site: _Classes
) -> Iterator[tuple[tuple[str, int], Answers]]:
    """Yield the classes of paths where something else answers, with both answers."""
    answerers = Answerers(old.model, new.model)
    for site, number, path in _paths(by_site):
        before = old.answered_by(site, path)
        after = new.answered_by(site, path)
        if before and after and answerers.differ(before, after):
            yield (site, number), (before, after)


def _cells(
    old: Side,
    new: Side,
    paths: Iterable[_Path],
    otherwise: _Otherwise,
    compare: Callable[[Access, Access], _Compared],
) -> _Cells:
    """Every difference on these paths, by kind, for whom and what answers."""
    differences: _Cells = {}
    # Sides cache their answers and give one object for many requests: a pair is compared once.
    compared = {}
    for site, number, path in paths:
        was = old.at(site, path)
        now = new.at(site, path)
        answers = otherwise.get((site, number))
        for method in METHODS:
            pair = id(was[method]), id(now[method])
            if pair not in compared:
                compared[pair] = [*compare(was[method], now[method])]
            for kind, whom in compared[pair]:
                cells = differences.setdefault((kind, whom, answers), [])
                cells.append((site, method, number))
    return differences


def _compare(was: Access, now: Access) -> _Compared:
    opened = beyond(now.networks, was.networks)
    shut = beyond(was.networks, now.networks)
    if was.everybody or now.everybody:
        yield from _compare_with_everybody(was, now, opened, shut)
        return
    if was.principals == now.principals and not opened and not shut:
        return
    for principal in sorted({*was.principals, *now.principals}):
        if principal not in was.principals:
            condition = now.principals[principal]
            yield "granted", Whom(principal, condition, Source(now.networks))
        elif principal not in now.principals:
            condition = was.principals[principal]
            yield "revoked", Whom(principal, condition, Source(was.networks))
        else:
            yield from _compare_conditions(principal, was, now, opened, shut)


def _compare_conditions(
    principal: Principal,
    was: Access,
    now: Access,
    opened: Source | None,
    shut: Source | None,
) -> _Compared:
    """Compare a principal that both let in: more or fewer of its users, more or fewer addresses."""
    before = was.principals[principal]
    after = now.principals[principal]
    more = frozenset(groups for groups in after if not suffices(groups, before))
    less = frozenset(groups for groups in before if not suffices(groups, after))
    # Users who could call already may do so from more addresses, and only these are new to them.
    changes: tuple[tuple[Kind, Condition, Source | None], ...] = (
        ("widened", more, Source(now.networks)),
        ("widened", after - more, opened),
        ("narrowed", less, Source(was.networks)),
        ("narrowed", before - less, shut),
    )
    for kind, condition, source in changes:
        if condition and source:
            yield kind, Whom(principal, condition, source)


def _compare_with_everybody(
    was: Access, now: Access, opened: Source | None, shut: Source | None
) -> _Compared:
    """Compare where one of the two lets everybody in, from its networks: `opened` are addresses
    that come, `shut` those that go."""
    if not was.everybody:
        yield "newly public", Whom(None, source=Source(now.networks))
    elif not now.everybody:
        kind: Kind = "narrowed" if now.principals else "revoked"
        yield kind, Whom(None, source=Source(was.networks))
    if was.everybody and opened:
        yield from _each("widened", now, opened)
    if now.everybody and shut:
        yield from _each("narrowed", was, shut)


def _each(kind: Kind, access: Access, source: Source) -> _Compared:
    """Yield one change for everybody who has access."""
    if access.everybody:
        yield kind, Whom(None, source=source)
    for principal, condition in access.principals.items():
        yield kind, Whom(principal, condition, source)


def _renamed(
    differences: _Cells, old: Side, new: Side
) -> dict[Principal, Principal]:
    """Map principals of the new side to those of the old that they are under another name: what
    one lost, the other gained."""
    lost = _principals_only_in(old, new, differences, "revoked")
    gained = _principals_only_in(new, old, differences, "granted")
    renamed: dict[Principal, Principal] = {}
    for identity, before in lost.items():
        renamed.update(zip(gained.get(identity, ()), before, strict=False))
    return renamed


def _without_renamed(renamed: _Renamed, differences: _Cells) -> _Cells:
    """Leave out what a principal lost and gained by being renamed."""
    dropped = set()
    for after, before in renamed.items():
        dropped |= {("granted", after), ("revoked", before)}
    return {
        key: cells
        for key, cells in differences.items()
        if (key[0], key[1].principal) not in dropped
    }


def _owners_of_others(
    renamed: _Renamed, old: Side, new: Side
) -> dict[Principal, str | None]:
    """The owners of the clients that only one side has."""
    added = new.clients.keys() - old.clients.keys() - renamed.keys()
    removed = old.clients.keys() - new.clients.keys() - {*renamed.values()}
    owners = dict(zip(added, map(new.owner, added), strict=True))
    return owners | dict(zip(removed, map(old.owner, removed), strict=True))


def _old_clients(
    renamed: _Renamed, old: Side, new: Side
) -> dict[Subject, Subject]:
    """Map the clients of the new side that are on the old, too, to what they are called there."""
    subjects = {}
    for after in new.clients:
        before = renamed.get(after, after)
        if before in old.clients:
            subject = Subject(after.client, after.provider)
            subjects[subject] = Subject(before.client, before.provider)
    return subjects


def _principals_only_in(
    side: Side, other: Side, differences: _Cells, kind: Kind
) -> dict[object, list[Principal]]:
    """The principals that `other` does not have, by what identifies them apart from their names."""
    access: dict[Principal | None, set[object]] = {}
    for principal in side.clients.keys() - other.clients.keys():
        access[principal] = set()
    for (change_kind, whom, _), cells in differences.items():
        if change_kind == kind and whom.principal in access:
            for cell in cells:
                access[whom.principal].add((whom.condition, whom.source, cell))
    result: dict[object, list[Principal]] = {}
    for principal in sorted(side.clients):
        if principal not in access:
            continue
        identity = (
            principal.provider,
            principal.users,
            side.model.workloads.get(principal.client),
            side.owner(principal),
            frozenset(access[principal]),
        )
        result.setdefault(identity, []).append(principal)
    return result


@dataclass(frozen=True, slots=True)
class _Merged:
    """A change without those whom it concerns: what has the same for several is one."""

    kind: Kind
    site: str
    region: Region
    methods: Names
    minutes: int | None
    answers: Answers | None


def _changes(
    old: Side,
    new: Side,
    classes_by_site: _Classes,
    differences: _Cells,
    owners: Mapping[Principal, str | None],
) -> Iterator[Change]:
    """Merge differences into few changes: classes of paths into regions, then methods of one
    region, then principals of one change. `owners` are those to name beside a client."""
    merged: dict[_Merged, list[Whom]] = {}
    for (kind, whom, answers), cells in differences.items():
        principal = whom.principal
        owned = (
            replace(whom, owner=owners.get(principal)) if principal else whom
        )
        for site, by_method in _by_site(cells).items():
            classes = classes_by_site[site]
            for region, members, methods in regions(classes, by_method):
                minutes = None
                if kind in CLOSING:
                    paths = [classes[number].path for number in members]
                    minutes = _minutes(old, new, whom, site, paths, methods)
                change = _Merged(kind, site, region, methods, minutes, answers)
                merged.setdefault(change, []).append(owned)
    for change, callers in merged.items():
        yield _change(
            old, new, change, tuple(sorted(callers, key=_caller_rank))
        )


def _by_site(cells: Iterable[_Cell]) -> _Numbers:
    """The numbers of classes of paths by site and method."""
    by_site: _Numbers = {}
    for site, method, number in cells:
        by_site.setdefault(site, {}).setdefault(method, set()).add(number)
    return by_site


def _caller_rank(caller: Whom) -> tuple[object, ...]:
    groups = sorted(map(sorted, caller.condition))
    return caller.principal or _FIRST, groups, str(caller.source)


_FIRST = Principal("", "")


def _minutes(
    old: Side,
    new: Side,
    whom: Whom,
    site: str,
    paths: Iterable[PathSegments],
    methods: Sequence[str],
) -> int | None:
    """Return how long old tokens live, where the new gate lets one of them through; None where it
    lets none."""
    minutes: set[int] = set()
    for path in paths:
        # What was public closes for clients of all kinds.
        known = new.known(old.clients, site, path)
        for principal in [whom.principal] if whom.principal else known:
            lifetime = old.lifetime(principal)
            if lifetime is None or lifetime in minutes:
                continue
            if _lives(old, new, principal, whom, site, path, methods):
                minutes.add(lifetime)
    return max(minutes, default=None)


def _lives(
    old: Side,
    new: Side,
    principal: Principal,
    whom: Whom,
    site: str,
    path: PathSegments,
    methods: Sequence[str],
) -> bool:
    """Tell whether the new gate lets an old token of the principal through, of users who may no
    longer call."""
    # Where everybody could call, any user whom a token could be of.
    before = whom.condition if whom.principal else old.signed_in(principal)
    named = old.groups_named(site, path) | new.groups_named(site, path)
    by_method = new.at(site, path)
    for method in methods:
        access = by_method[method]
        # What is public takes no tokens, and closes by the address alone.
        if access.everybody:
            continue
        after = access.principals.get(principal, frozenset())
        lost = frozenset(
            groups for groups in before if not suffices(groups, after)
        )
        for groups in _concerned(lost, after, named):
            token = old.token(principal, groups, site, path)
            if new.takes(site, path, method, token, whom.source.networks):
                return True
    return False


def _concerned(
    condition: Condition, after: Condition, named: Groups
) -> Iterator[Groups]:
    """Yield sets of groups of users who may no longer call: those that were needed, and each with
    as many others as a user can be in without being let in anew.

    A user may be in more groups than were needed, and the more, the more a gate takes a token to
    hold. `after` is the condition from now on, `named` are all groups that roles there have.
    """
    for groups in condition:
        yield groups
        others = minimal_transversals([needed - groups for needed in after])
        # Of more sets than anybody could list, the users in all groups stand for all.
        for missing in ITSELF if others is None else others:
            yield (groups | named) - missing


def _change(
    old: Side, new: Side, change: _Merged, whom: tuple[Whom, ...]
) -> Change:
    """Complete a change with an example, and with the rule that opens, or that was open."""
    site = change.site
    path = change.region.subtree.path
    method = change.methods[0]
    first = whom[0]
    groups = min(first.condition, key=sorted, default=frozenset())
    example = Example(
        method,
        path,
        old.sites.host(site, path),
        new.sites.host(site, path),
        first.principal,
        groups,
        _address(first),
    )
    side = old if change.kind in CLOSING else new
    token = side.token(first.principal, groups, site, path)
    rule = side.answer(site, path, method, token, example.address).rule
    return Change(
        change.kind,
        whom,
        change.methods,
        site,
        change.region,
        example,
        change.minutes,
        rule.position if rule and rule.position.file else None,
        change.answers,
    )


def _address(whom: Whom) -> str | None:
    """An address that they call from; None where any is one."""
    address = whom.source.example()
    return str(address) if address else None


def _rank(change: Difference) -> tuple[object, ...]:
    severity = KINDS.index(change.kind)
    if not isinstance(change, Change):
        return severity, change.of, change.name
    return (
        severity,
        change.site,
        change.region.subtree,
        METHODS.index(change.methods[0]),
        change.whom[0].principal or _FIRST,
    )
