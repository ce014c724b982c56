"""Write the removal of lines as changes of the files with Applications."""

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

from kong_oam.access.data import Names
from kong_oam.access.diff.change import OPENING, Difference
from kong_oam.access.diff.wording import relevant_changes
from kong_oam.access.model import Component, Estate, Role, Rule
from kong_oam.audit.report.lines import (
    LineKey,
    connection_holder,
    public_holder,
)
from kong_oam.oam.edit import unified, value_at, without_entries
from kong_oam.oam.position import NO_POSITION, Path, SourcePosition, Texts

# The old and the new texts of files, by name.
_Edited = dict[str, tuple[str, str]]

# Returns the first problem of an estate with these texts in place of its files, and without these
# lines; empty without a problem.
Check = Callable[[Texts, Collection[LineKey]], str]

_BY_HAND: Texts = {
    "any token": "write an access trait with scopes and rules",
    "old credential": "remove `before` of the client, or `acceptBefore` of the component",
}


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of lines as unified diffs for `git apply`, and lines to remove by hand, each with
    a reason."""

    diffs: Names = ()
    removed: tuple[LineKey, ...] = ()
    by_hand: Mapping[LineKey, str] = field(default_factory=dict)


def removal_of(
    estate: Estate, keys: Iterable[LineKey], check: Check
) -> Removal:
    """Return the removal of lines from the files of an estate.

    `check` judges each result. If it finds a problem with all lines, each line is tried alone.
    """
    wanted = []
    by_hand: dict[LineKey, str] = {}
    for key in keys:
        reason = _BY_HAND.get(key.kind, "")
        if reason:
            by_hand[key] = reason
        else:
            wanted.append(key)
    files, problem = _attempt(estate, wanted, check)
    if problem:
        for key in wanted:
            _, reason = _attempt(estate, [key], check)
            if reason:
                by_hand[key] = reason
        wanted = [key for key in wanted if key not in by_hand]
        files, problem = _attempt(estate, wanted, check)
    if problem:
        by_hand.update(dict.fromkeys(wanted, problem))
        return Removal(by_hand=by_hand)
    return Removal(tuple(_diffs(files)), tuple(wanted), by_hand)


def _attempt(
    estate: Estate, keys: Collection[LineKey], check: Check
) -> tuple[_Edited, str]:
    """Return the files without these lines, and the first problem, or empty."""
    if not keys:
        return {}, ""
    positions = list(_positions(estate, keys))
    files: _Edited = {}
    for file, of_file in _by_file(positions).items():
        if not file:
            return {}, "its Application is not here; name its folder with -f"
        edited = _without_all(of_file)
        if edited is None:
            return {}, f"{file} cannot be edited safely"
        files[file] = of_file[0].document.text, edited
    texts = {file: after for file, (_, after) in files.items()}
    return files, check(texts, keys)


def _diffs(files: _Edited) -> Iterator[str]:
    for file, (before, after) in sorted(files.items()):
        if diff := unified(file, before, after, ("a/", "b/")):
            yield diff


def _positions(
    estate: Estate, keys: Collection[LineKey]
) -> Iterator[SourcePosition]:
    """Yield the positions of the entries that give these lines."""
    for key in keys:
        component = estate.components[key.component]
        if key.kind == "client":
            yield from _calls(estate, key)
        elif key.kind == "public":
            yield from _rules(component, key)
        elif key.kind == "waiver":
            for waiver in component.waivers:
                if waiver.finding == key.holder:
                    yield waiver.position
    for name in sorted({key.component for key in keys}):
        yield from _connections(estate.components[name], keys)
        for role in estate.components[name].identity.roles:
            yield from _holders(role, name, keys)


def _calls(estate: Estate, key: LineKey) -> Iterator[SourcePosition]:
    """Yield the calls of a client to a component."""
    for client in estate.components[key.holder].identity.clients:
        for call in client.calls:
            if call.component == key.component:
                yield call.position


def _connections(
    component: Component, keys: Collection[LineKey]
) -> Iterator[SourcePosition]:
    """Yield the callers inside the cluster in these lines; the port's entry if no caller stays."""
    callers: dict[Path, list[SourcePosition]] = {}
    staying = set()
    for connection in component.connections:
        position = connection.position
        *entry, _, _ = position.path or ("", "")
        holder = connection_holder(connection)
        if LineKey(component.key, "connection", holder) in keys:
            callers.setdefault(tuple(entry), []).append(position)
        else:
            staying.add(tuple(entry))
    for path, positions in callers.items():
        if path in staying or not path:
            yield from positions
        else:
            yield positions[0].document.position(*path)


def _rules(component: Component, key: LineKey) -> Iterator[SourcePosition]:
    """Yield a public rule, or its path if it has several paths."""
    rules = component.exposure.rules
    for rule in rules:
        if rule.public and public_holder(rule) == key.holder:
            yield _path_of(rule, rules)


def _path_of(rule: Rule, rules: Iterable[Rule]) -> SourcePosition:
    """Return the position of the rule's path, if the rule in the file has further paths."""
    if not rule.position.file:
        return rule.position
    same = [other for other in rules if other.position == rule.position]
    written = value_at(rule.position.document.data, rule.position.path)
    paths = written.get("paths", ())
    if len(same) > 1 and len(paths) == len(same):
        return rule.position.at("paths", same.index(rule))
    return rule.position


def _holders(
    role: Role, component: str, keys: Collection[LineKey]
) -> Iterator[SourcePosition]:
    """Yield the entries of a role whose holders are in the lines; the role if no holder stays."""
    clients = [
        name
        for name in role.components
        if LineKey(component, "client", name) in keys
    ]
    groups = [
        name
        for name in role.groups
        if LineKey(component, "group", name) in keys
    ]
    if not clients and not groups:
        return
    if len(clients) == len(role.components) and len(groups) == len(role.groups):
        yield role.position
        return
    yield from _entries(role.position.at("components"), clients)
    yield from _entries(role.position.at("groups"), groups)


def _entries(
    position: SourcePosition, names: Collection[str]
) -> Iterator[SourcePosition]:
    """Yield the entries of a list that are one of the names."""
    if names and position.file:
        written = value_at(position.document.data, position.path)
        for index, name in enumerate(written):
            if name in names:
                yield position.at(index)


def opened(changes: Sequence[Difference]) -> list[Difference]:
    """Return the changes that open a path to somebody, without other spellings of closed paths."""
    return [
        change for change in relevant_changes(changes) if change.kind in OPENING
    ]


def _by_file(
    positions: Iterable[SourcePosition],
) -> Mapping[str, list[SourcePosition]]:
    found: dict[str, list[SourcePosition]] = {}
    for position in positions:
        found.setdefault(position.file, []).append(position)
    return found


def _without_all(positions: Iterable[SourcePosition]) -> str | None:
    """Return the text of a file without the entries at all positions, or None."""
    document = NO_POSITION.document
    gone: dict[int, list[Path]] = {}
    for position in positions:
        document = position.document
        gone.setdefault(document.index, []).append(position.path)
    return without_entries(document.file, document.text, gone)
