"""Find the entries of Applications that give the lines of a report."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kong_oam.access.before import Before, OldCaller
from kong_oam.access.data import Names
from kong_oam.access.model import Component, Estate, Role, Rule
from kong_oam.access.paths import written
from kong_oam.audit.report.lines import (
    LineKey,
    connection_holder,
    old_credential_key,
    public_holder,
)
from kong_oam.oam.edit import value_at
from kong_oam.oam.position import (
    NO_POSITION,
    Document,
    Path,
    SourcePosition,
)


@dataclass(frozen=True, slots=True)
class Edits:
    """The edits of a file: entries to remove, and rules with the paths that they keep."""

    gone: list[SourcePosition] = field(default_factory=list)
    kept: list[tuple[SourcePosition, Names]] = field(default_factory=list)

    @property
    def positions(self) -> list[SourcePosition]:
        """The positions of all edits."""
        return [*self.gone, *(position for position, _ in self.kept)]

    @property
    def document(self) -> Document:
        """The document of an edit. Each document of a file has the file's text."""
        return self.positions[0].document


def edits_of(estate: Estate, keys: Collection[LineKey]) -> Mapping[str, Edits]:
    """Return the edits that remove these lines, by file."""
    found: dict[str, Edits] = {}
    for position in _positions(estate, keys):
        found.setdefault(position.file, Edits()).gone.append(position)
    for name in sorted({key.component for key in keys}):
        for rules in _public_rules(estate.components[name]):
            if kept := _kept_paths(name, rules, keys):
                position = rules[0].position
                edits = found.setdefault(position.file, Edits())
                edits.kept.append((position, kept))
    return found


def _positions(
    estate: Estate, keys: Collection[LineKey]
) -> Iterator[SourcePosition]:
    """Yield the positions of the entries that give these lines, and no other line."""
    closed = set(keys)
    for key in keys:
        component = estate.components[key.component]
        if key.kind == "client":
            yield from _calls(estate, key)
        elif key.kind == "old credential":
            yield from credential_entries(estate, key, keys)
            if client := _only_by_credential(estate, key):
                closed.add(LineKey(key.component, "client", client))
        elif key.kind == "waiver":
            for waiver in component.waivers:
                if waiver.finding == key.holder:
                    yield waiver.position
    for name in sorted({key.component for key in keys}):
        component = estate.components[name]
        yield from _connections(component, keys)
        for rules in _public_rules(component):
            yield from _rules(name, rules, keys)
        for role in component.identity.roles:
            yield from _holders(role, name, closed)


def _credentials(
    estate: Estate,
) -> Iterator[tuple[LineKey, OldCaller]]:
    """Yield the lines of old credentials with their callers."""
    for component in estate.components.values():
        for caller in component.identity.old_callers:
            yield old_credential_key(component, caller), caller


def _before(estate: Estate, key: LineKey) -> tuple[str, Before | None]:
    """Return the client of an old credential, and its `before`."""
    client = dict(_credentials(estate))[key].client
    component = estate.components.get(client)
    return client, component.identity.before if component else None


def credential_entries(
    estate: Estate, key: LineKey, keys: Collection[LineKey]
) -> list[SourcePosition]:
    """Return the entries that give an old credential and no line beyond `keys`."""
    client, before = _before(estate, key)
    accepted = estate.components[key.component].identity.accept_before
    if before is None or accepted is None:
        # A recorded model has neither.
        return [NO_POSITION]
    if not before.registered:
        # Without `before`, the client has no proof left. Its calls give only this line.
        calls = [
            call for call in before.calls if call.component == key.component
        ]
        return [call.position for call in calls]
    lines = dict(_credentials(estate))
    if all(line in keys for line in lines if lines[line].client == client):
        return [before.position]
    if all(line in keys for line in lines if line.component == key.component):
        return [accepted.position]
    return []


def _only_by_credential(estate: Estate, key: LineKey) -> str:
    """Return the client of an old credential if it has no token; empty otherwise."""
    client, before = _before(estate, key)
    return client if before and not before.registered else ""


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


def _public_rules(component: Component) -> Collection[list[Rule]]:
    """Return the public rules by their entries. An entry has a rule for each of its paths."""
    found: dict[SourcePosition, list[Rule]] = {}
    for rule in component.exposure.rules:
        if rule.public:
            found.setdefault(rule.position, []).append(rule)
    return found.values()


def _is_revoked(component: str, rule: Rule, keys: Collection[LineKey]) -> bool:
    return LineKey(component, "public", public_holder(rule)) in keys


def _rules(
    component: str, rules: Sequence[Rule], keys: Collection[LineKey]
) -> Iterator[SourcePosition]:
    """Yield the entry of public rules, or its paths if some of its rules stay."""
    revoked = [
        number
        for number, rule in enumerate(rules)
        if _is_revoked(component, rule, keys)
    ]
    if not revoked:
        return
    position = rules[0].position
    if len(revoked) == len(rules) or not position.file:
        yield position
    elif _paths_of(position):
        for number in revoked:
            yield position.at("paths", number)


def _kept_paths(
    component: str, rules: Sequence[Rule], keys: Collection[LineKey]
) -> Names:
    """Return the paths that stay of an entry without `paths`, which has all paths of the gateway
    trait. Empty if all stay, or none."""
    kept = [rule for rule in rules if not _is_revoked(component, rule, keys)]
    position = rules[0].position
    if len(kept) == len(rules) or not position.file or _paths_of(position):
        return ()
    return tuple(written(rule.path) for rule in kept)


def _paths_of(position: SourcePosition) -> list[str]:
    """Return the `paths` of a rule's entry."""
    rule = value_at(position.document.data, position.path)
    paths: list[str] = rule.get("paths", [])
    return paths


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


def place_of(estate: Estate, key: LineKey) -> str:
    """Return file and line of the entry that gives a line; empty without a file."""
    positions: list[SourcePosition] = []
    if key.kind == "any token":
        rules = estate.components[key.component].exposure.rules
        positions = [rule.position for rule in rules]
    elif key.kind == "old credential":
        _, before = _before(estate, key)
        positions = [before.position] if before else []
    else:
        for edits in edits_of(estate, [key]).values():
            positions += edits.positions
    for position in positions:
        if position.file:
            return f"{position.file}:{position.line}"
    return ""
