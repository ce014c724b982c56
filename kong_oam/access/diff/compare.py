"""Comparison of two access models, exact over all requests, without sampling.

Both estates are divided into the same sites and classes of paths (access.request_classes). For each
class, the principals of both estates are compared (access.principals). The result is empty exactly
if `decide` allows the same principals for every request. Some settings cannot be seen in requests:
claim names, signers, addresses of users, keys of partners. They are compared as settings
(access.diff.facts).

A principal is identified by its component's key and its provider. A removed and an added principal
are the same if three things are equal: the workload, its owner with its namespace, and the allowed
calls. So renaming a component or an application is no change of access. Roles and scopes are never
compared themselves, only the access that they give.

The answering target is part of access (access.diff.answering). A request that stays allowed is a
change if another component, port or set of pods answers, or another path at the workload. Every
other change names the new target too: a team that takes a path may admit callers only later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kong_oam.access.before import OldCredential
from kong_oam.access.callers import logical_groups
from kong_oam.access.data import Names, PathSegments
from kong_oam.access.diff.answering import Answerers, remaining_callers
from kong_oam.access.diff.certificates import certificates_changed
from kong_oam.access.diff.change import (
    CLOSING,
    OPENING,
    AffectedCaller,
    Answers,
    Change,
    Difference,
    Example,
    Subject,
)
from kong_oam.access.diff.connections import connections_changed
from kong_oam.access.diff.facts import settings_changed
from kong_oam.access.diff.fences import fences_changed
from kong_oam.access.diff.kind import KINDS, Kind
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.owners import owners_changed
from kong_oam.access.diff.providers import with_provider_names
from kong_oam.access.diff.rights import rights_changed
from kong_oam.access.diff.side import Side
from kong_oam.access.methods import in_order, method_rank, value_of
from kong_oam.access.networks import Source, addresses_outside
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

# With both answers, if another target answers.
_ChangeKey = tuple[Kind, AffectedCaller, Answers | None]

# A site, a method, and the number of a class of paths.
_Cell = tuple[str, str, int]

_Cells = dict[_ChangeKey, list[_Cell]]
# The classes of paths by site.
_Classes = Mapping[str, Sequence[PathClass]]

# Both answers, by site and number of the classes of paths with another target.
_ChangedAnswers = Mapping[tuple[str, int], Answers]


_Path = tuple[str, int, PathSegments]
# The numbers of classes of paths by site and method.
_Numbers = dict[str, dict[str, set[int]]]
_Compared = Iterator[tuple[Kind, AffectedCaller]]
# Principals of the new estate, each with its principal of the old estate under another name.
_Renamed = Mapping[Principal, Principal]


def diff(old: AccessModel, new: AccessModel) -> tuple[Difference, ...]:
    """Return every change of access from `old` to `new`, the worst first.

    Models of one stack are compared by host. Models of two stacks are compared by component and
    port, with logical names of groups, and with the settings in Applications only.
    """
    old = with_provider_names(old, new)
    between_stacks = old.estate.stack.name != new.estate.stack.name
    names = (
        logical_groups(old.estate) | logical_groups(new.estate)
        if between_stacks
        else None
    )
    sides = Side(old, names), Side(new, names)
    by_site = dict(_path_classes(*sides))
    otherwise = dict(_changed_answers(*sides, by_site))
    paths = [*_paths(by_site)]
    differences = _cells(*sides, paths, otherwise, _compare)
    renamed = _renamed(differences, *sides)
    kept = _without_renamed(renamed, differences)

    def compare_staying(was: Access, now: Access) -> _Compared:
        for caller in remaining_callers(was, now, renamed):
            yield "answered by", caller

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
    rights = rights_changed(old, new)
    connections = connections_changed(old, new, between_stacks=between_stacks)
    fences = () if between_stacks else fences_changed(old, new)
    owners = owners_changed(old, new)
    shown = () if between_stacks else certificates_changed(old, new)
    changes = [
        *(*requests, *settings, *rights),
        *(*connections, *fences, *owners, *shown),
    ]
    return tuple(sorted(changes, key=_rank))


def diff_from_any(
    old: Sequence[AccessModel], new: AccessModel
) -> tuple[Difference, ...]:
    """Return every change of access from the union of `old` to `new`, the worst first.

    A request that only some of `old` deny counts as opened. Closing changes are relative to the
    first model.
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
    """Yield the sites whose answers may differ, with the finest classes of paths that either estate
    distinguishes."""
    for site in sorted({*old.sites.names(), *new.sites.names()}):
        basis = old.basis(site)
        if basis is None or basis != new.basis(site):
            declared = (*old.sites.declared(site), *new.sites.declared(site))
            texts = (*old.sites.texts(site), *new.sites.texts(site))
            yield site, path_classes(declared, texts)


def _paths(by_site: _Classes) -> Iterator[_Path]:
    """Yield a path of each class, with its site and number."""
    for site, site_classes in by_site.items():
        for number, path_class in enumerate(site_classes):
            yield site, number, path_class.path


def _changed_answers(
    old: Side, new: Side, by_site: _Classes
) -> Iterator[tuple[tuple[str, int], Answers]]:
    """Yield the classes of paths with another target, with both answers."""
    answerers = Answerers(old.model, new.model)
    for site, number, path in _paths(by_site):
        before = old.answered_by(site, path)
        after = new.answered_by(site, path)
        if not before or not after:
            continue
        is_elsewhere = old.sent_path(site, path) != new.sent_path(site, path)
        if not is_elsewhere:
            # Two ways to write the same path are no change.
            before = replace(before, forward=())
            after = replace(after, forward=())
        if is_elsewhere or answerers.differ(before, after):
            yield (site, number), (before, after)


def _cells(
    old: Side,
    new: Side,
    paths: Iterable[_Path],
    otherwise: _ChangedAnswers,
    compare: Callable[[Access, Access], _Compared],
) -> _Cells:
    """Return every difference on these paths, by kind, caller and answers."""
    differences: _Cells = {}
    # Sides cache their answers and return one object for many requests, so each pair is compared
    # once.
    compared = {}
    for site, number, path in paths:
        was = old.at(site, path)
        now = new.at(site, path)
        answers = otherwise.get((site, number))
        for method in in_order({*was, *now}):
            before = value_of(was, method)
            after = value_of(now, method)
            pair = id(before), id(after)
            if pair not in compared:
                compared[pair] = [*compare(before, after)]
            for kind, caller in compared[pair]:
                cells = differences.setdefault((kind, caller, answers), [])
                cells.append((site, method, number))
    return differences


def _compare(was: Access, now: Access) -> _Compared:
    opened = addresses_outside(now.networks, was.networks)
    shut = addresses_outside(was.networks, now.networks)
    if was.everybody or now.everybody:
        yield from _compare_with_everybody(was, now, opened, shut)
        return
    is_same = was.principals == now.principals and was.until == now.until
    if is_same and not opened and not shut:
        return
    for principal in sorted({*was.principals, *now.principals}):
        if principal not in was.principals:
            condition = now.principals[principal]
            yield "granted", _affected(principal, condition, now)
        elif principal not in now.principals:
            condition = was.principals[principal]
            yield "revoked", _affected(principal, condition, was)
        else:
            yield from _compare_conditions(principal, was, now, opened, shut)


def _compare_conditions(
    principal: Principal,
    was: Access,
    now: Access,
    opened: Source | None,
    shut: Source | None,
) -> _Compared:
    """Compare a principal that both estates allow: more or fewer of its users, more or fewer
    addresses."""
    before = was.principals[principal]
    after = now.principals[principal]
    more = frozenset(groups for groups in after if not suffices(groups, before))
    less = frozenset(groups for groups in before if not suffices(groups, after))
    # Existing users may get more addresses: only these addresses are new for them.
    changes: tuple[tuple[Kind, Condition, Source | None], ...] = (
        ("widened", more, Source(now.networks)),
        ("widened", after - more, opened),
        ("narrowed", less, Source(was.networks)),
        ("narrowed", before - less, shut),
    )
    until = now.until.get(principal, "")
    last = was.until.get(principal, "")
    for kind, condition, source in changes:
        if condition and source:
            yield (
                kind,
                AffectedCaller(principal, condition, source, until=until),
            )
    if until != last:
        yield (
            "widened" if until > last else "narrowed",
            _affected(principal, after, now),
        )


def _affected(
    principal: Principal, condition: Condition, access: Access
) -> AffectedCaller:
    until = access.until.get(principal, "")
    return AffectedCaller(
        principal, condition, Source(access.networks), until=until
    )


def _compare_with_everybody(
    was: Access, now: Access, opened: Source | None, shut: Source | None
) -> _Compared:
    """Compare if one of the two allows everybody from its networks. `opened`: new addresses;
    `shut`: removed addresses."""
    if not was.everybody:
        yield "newly public", AffectedCaller(None, source=Source(now.networks))
    elif not now.everybody:
        kind: Kind = "narrowed" if now.principals else "revoked"
        yield kind, AffectedCaller(None, source=Source(was.networks))
    if was.everybody and opened:
        yield from _for_each_caller("widened", now, opened)
    if now.everybody and shut:
        yield from _for_each_caller("narrowed", was, shut)


def _for_each_caller(kind: Kind, access: Access, source: Source) -> _Compared:
    """Yield one change for each caller with access."""
    if access.everybody:
        yield kind, AffectedCaller(None, source=source)
    for principal, condition in access.principals.items():
        until = access.until.get(principal, "")
        yield kind, AffectedCaller(principal, condition, source, until=until)


def _renamed(
    differences: _Cells, old: Side, new: Side
) -> dict[Principal, Principal]:
    """Map principals of the new estate to renamed principals of the old estate: the new principal
    gained exactly the lost access."""
    lost = _principals_only_in(old, new, differences, "revoked")
    gained = _principals_only_in(new, old, differences, "granted")
    renamed: dict[Principal, Principal] = {}
    for identity, before in lost.items():
        renamed.update(zip(gained.get(identity, ()), before, strict=False))
    return renamed


def _without_renamed(renamed: _Renamed, differences: _Cells) -> _Cells:
    """Leave out the differences of renamed principals."""
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
    """Return the owners of the clients in only one estate."""
    added = new.clients.keys() - old.clients.keys() - renamed.keys()
    removed = old.clients.keys() - new.clients.keys() - {*renamed.values()}
    owners = dict(zip(added, map(new.owner, added), strict=True))
    return owners | dict(zip(removed, map(old.owner, removed), strict=True))


def _old_clients(
    renamed: _Renamed, old: Side, new: Side
) -> dict[Subject, Subject]:
    """Map the clients in both estates from their new to their old subjects."""
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
    """Return the principals that `other` lacks, by everything that identifies them except their
    names."""
    access: dict[Principal | None, set[object]] = {}
    for principal in side.clients.keys() - other.clients.keys():
        access[principal] = set()
    for (change_kind, caller, _), cells in differences.items():
        if change_kind == kind and caller.principal in access:
            for cell in cells:
                access[caller.principal].add(
                    (caller.condition, caller.source, cell)
                )
    result = defaultdict(list)
    for principal in sorted(side.clients):
        if principal not in access:
            continue
        identity: object = (
            principal.provider,
            principal.users,
            side.model.workloads.get(principal.client),
            side.owner(principal),
            frozenset(access[principal]),
        )
        result[identity].append(principal)
    return result


@dataclass(frozen=True, slots=True)
class _Merged:
    """A change without its callers: equal changes of several callers are merged."""

    kind: Kind
    site: str
    region: Region
    # A path of the region: a rule may refuse the path of its subtree.
    example: PathSegments
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
    """Merge differences into few changes: first classes of paths into regions, then methods of a
    region, then callers.

    `owners` maps a client to the owner to print with it.
    """
    merged = defaultdict(list)
    for (kind, caller, answers), cells in differences.items():
        principal = caller.principal
        owned = (
            replace(caller, owner=owners.get(principal))
            if principal
            else caller
        )
        for site, by_method in _by_site(cells).items():
            classes = classes_by_site[site]
            for region, members, methods in regions(classes, by_method):
                minutes = None
                if kind in CLOSING:
                    paths = [classes[number].path for number in members]
                    minutes = _minutes(old, new, caller, site, paths, methods)
                # The class of the whole subtree precedes the classes below.
                example = classes[members[0]].path
                change = _Merged(
                    kind, site, region, example, methods, minutes, answers
                )
                merged[change].append(owned)
    for change, callers in merged.items():
        yield _change(
            old, new, change, tuple(sorted(callers, key=_caller_rank))
        )


def _by_site(cells: Iterable[_Cell]) -> _Numbers:
    """Return the numbers of classes of paths by site and method."""
    by_site: _Numbers = {}
    for site, method, number in cells:
        by_site.setdefault(site, {}).setdefault(method, set()).add(number)
    return by_site


def _caller_rank(caller: AffectedCaller) -> tuple[object, ...]:
    groups = sorted(map(sorted, caller.condition))
    return caller.principal or _FIRST, groups, str(caller.source), caller.until


_FIRST = Principal("", "")


def _minutes(
    old: Side,
    new: Side,
    caller: AffectedCaller,
    site: str,
    paths: Iterable[PathSegments],
    methods: Sequence[str],
) -> int | None:
    """Return the minutes that old tokens still work, if the new gate accepts some old token. None
    if it accepts none."""
    minutes = set()
    for path in paths:
        # If everybody could call, the path closes for clients of all kinds.
        known = new.known(old.clients, site, path)
        for principal in [caller.principal] if caller.principal else known:
            lifetime = old.lifetime(principal)
            if lifetime is None or lifetime in minutes:
                continue
            if _is_accepted(old, new, principal, caller, site, path, methods):
                minutes.add(lifetime)
    return max(minutes, default=None)


def _is_accepted(
    old: Side,
    new: Side,
    principal: Principal,
    caller: AffectedCaller,
    site: str,
    path: PathSegments,
    methods: Sequence[str],
) -> bool:
    """Return whether the new gate accepts an old token of the principal for users who lose
    access."""
    # If everybody could call, any user with a token.
    before = caller.condition if caller.principal else old.signed_in(principal)
    named = old.groups_named(site, path) | new.groups_named(site, path)
    by_method = new.at(site, path)
    for method in methods:
        access = value_of(by_method, method)
        # Public paths need no token, and close only for some addresses.
        if access.everybody:
            continue
        after = access.principals.get(principal, frozenset())
        lost = frozenset(
            groups for groups in before if not suffices(groups, after)
        )
        for groups in _users_losing_access(lost, after, named):
            for token in old.tokens(principal, groups, site, path):
                if new.takes(site, path, method, token, caller.source.networks):
                    return True
    return False


def _users_losing_access(
    condition: Condition, after: Condition, named: Groups
) -> Iterator[Groups]:
    """Yield sets of groups of users who lose access: the required groups, and the largest supersets
    that give no new access.

    A user may be in more groups than required, and a gate may accept a token for these. `after` is
    the new condition, `named` are all groups of roles there.
    """
    for groups in condition:
        yield groups
        others = minimal_transversals([needed - groups for needed in after])
        # If there are too many sets, users in all groups represent all users.
        for missing in ITSELF if others is None else others:
            yield (groups | named) - missing


def _change(
    old: Side, new: Side, change: _Merged, callers: tuple[AffectedCaller, ...]
) -> Change:
    """Complete a change with an example request, and with the rule that gives or gave access."""
    site = change.site
    path = change.example
    method = change.methods[0]
    first = callers[0]
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
    token = side.tokens(first.principal, groups, site, path)[0]
    if isinstance(token, OldCredential):
        example = replace(example, consumer=token.consumer)
    rule = side.answer(site, path, method, token, example.address).rule
    return Change(
        change.kind,
        callers,
        change.methods,
        site,
        change.region,
        example,
        change.minutes,
        rule.position if rule and rule.position.file else None,
        change.answers,
    )


def _address(caller: AffectedCaller) -> str | None:
    """Return an address that the callers call from; None if any address will do."""
    address = caller.source.example()
    return str(address) if address else None


def _rank(change: Difference) -> tuple[object, ...]:
    severity = KINDS.index(change.kind)
    if not isinstance(change, Change):
        return severity, True, change.of, change.name, change.connection or ()
    return (
        severity,
        False,
        change.site,
        change.region.subtree,
        method_rank(change.methods[0]),
        change.callers[0].principal or _FIRST,
    )
