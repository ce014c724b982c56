"""JSON that several verbs print: failures, findings, positions, rows of the matrix, principals.

The types are the schemas of the answers (kong_oam.cli.answer_schema). `diagnostic_entry` and
`kong_oam.cli.fix_entries.lint_entry` are the only JSON of a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired, TypedDict

from kong_oam.access.internal import Connected
from kong_oam.access.matrix.table import Row
from kong_oam.access.model import Rule
from kong_oam.access.paths import written
from kong_oam.access.principals import Access, Condition, Principal
from kong_oam.access.request_classes import Subtree
from kong_oam.diagnostics import Diagnostic, Position, Related
from kong_oam.errors import KongOamError


class PlaceEntry(TypedDict):
    """A position in a file. Lines and columns begin at 1."""

    file: str
    line: int
    column: int


class RelatedEntry(PlaceEntry):
    """Another position that a finding rests on."""

    label: str


class FindingEntry(TypedDict):
    """A finding. Without a faulty file, it has no position. `details` are lines below the message.
    With --since, `new` says that the revision lacks the finding."""

    severity: Literal["error", "warning"]
    code: str
    message: str
    file: NotRequired[str]
    line: NotRequired[int]
    column: NotRequired[int]
    details: NotRequired[list[str]]
    related: NotRequired[list[RelatedEntry]]
    command: NotRequired[str]
    new: NotRequired[bool]


class Failure(TypedDict):
    """The answer of a verb that failed. `findings` are the errors that the verb rejects."""

    error: str
    findings: list[FindingEntry]


def failure_entry(error: KongOamError) -> Failure:
    """Return a failed verb's answer."""
    findings = [*map(diagnostic_entry, error.findings)]
    return {"error": error.summary, "findings": findings}


class Unjudged(TypedDict):
    """The missing Applications, whose clients are assumed to ask for all scopes of their roles."""

    unjudged: NotRequired[list[str]]


def unjudged_entry(names: Sequence[str]) -> Unjudged:
    """Return a JSON field with the missing Applications, or no field."""
    return {"unjudged": [*names]} if names else {}


def place_entry(position: Position | None) -> PlaceEntry | None:
    """Return a position as JSON."""
    if position is None:
        return None
    return {
        "file": position.file,
        "line": position.line,
        "column": position.column,
    }


def diagnostic_entry(diagnostic: Diagnostic) -> FindingEntry:
    """Return a finding as JSON."""
    entry: FindingEntry = {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
    }
    position = diagnostic.position
    if position:
        entry["file"] = position.file
        entry["line"] = position.line
        entry["column"] = position.column
    if diagnostic.details:
        entry["details"] = [*diagnostic.details]
    if diagnostic.related:
        entry["related"] = [*map(_related_entry, diagnostic.related)]
    if diagnostic.command:
        entry["command"] = diagnostic.command
    return entry


def _related_entry(related: Related) -> RelatedEntry:
    position = related.position
    return {
        "label": related.label,
        "file": position.file,
        "line": position.line,
        "column": position.column,
    }


class SubtreeEntry(TypedDict):
    """A `path` with all paths below, or other spellings of these paths. `form`: all paths that
    begin with the text of `path`, or exactly this path."""

    path: str
    otherSpellings: bool
    form: NotRequired[str]


def subtree_entry(subtree: Subtree) -> SubtreeEntry:
    """Return a subtree as JSON."""
    entry: SubtreeEntry = {
        "path": written(subtree.path),
        "otherSpellings": subtree.spelled_otherwise,
    }
    if subtree.form:
        entry["form"] = subtree.form
    return entry


Except = TypedDict("Except", {"except": list[SubtreeEntry]})
"""The subtrees that an entry does not include."""

Networks = TypedDict("Networks", {"from": NotRequired[list[str]]})
"""The allowed networks. Without them, every address is allowed."""


class Forward(TypedDict):
    """The exposed path, and the path at the workload, unless they are equal."""

    forward: NotRequired[list[str]]


class RowEntry(SubtreeEntry, Except, Networks, Forward):
    """A row of the matrix: requests of a host that the same callers may make."""

    host: str
    methods: list[str]
    component: str
    everybody: bool


def row_entry(row: Row) -> RowEntry:
    """Return a row of the matrix as JSON, without its principals."""
    forward: Forward = {"forward": [*row.forward]} if row.forward else {}
    return {
        "host": row.host,
        **subtree_entry(row.region.subtree),
        "except": [subtree_entry(part) for part in row.region.exceptions],
        "methods": list(row.methods),
        "component": row.component,
        "everybody": row.access.everybody,
        **forward,
        **source_entry(row.access),
    }


class PrincipalEntry(TypedDict):
    """A client as itself, or with users. A user needs all groups of one set in `usersIn`, which is
    empty for a client that calls as itself. `by`: the kind of an old credential, until its last
    day."""

    client: str
    provider: str
    usersIn: list[list[str]]
    consumer: NotRequired[str]
    by: NotRequired[str]
    until: NotRequired[str | None]


class EndpointEntry(RowEntry):
    """A row of the matrix with its principals."""

    principals: list[PrincipalEntry]


def endpoint_entry(row: Row) -> EndpointEntry:
    """Return a row of the matrix as JSON, with its principals."""
    return {**row_entry(row), "principals": principal_entries(row.access)}


class ConnectionEntry(TypedDict):
    """A connection inside the cluster. A peer is no component, but pods that the stack names."""

    caller: str
    peer: NotRequired[bool]
    component: str
    port: int
    protocol: str


def connection_entries(
    connections: Iterable[Connected],
) -> list[ConnectionEntry]:
    """Return connections inside the cluster as JSON."""
    entries: list[ConnectionEntry] = []
    for callee, connection in connections:
        entry: ConnectionEntry = {
            "caller": connection.caller,
            "component": callee,
            "port": connection.port,
            "protocol": connection.protocol,
        }
        if connection.is_peer:
            entry["peer"] = True
        entries.append(entry)
    return entries


def rule_entry(rule: Rule | None) -> PlaceEntry | None:
    """Return the position of a rule as JSON."""
    return place_entry(rule.position) if rule else None


def source_entry(access: Access) -> Networks:
    """Return a JSON field with the allowed networks, or no field if all networks are allowed."""
    return {"from": list(map(str, access.networks))} if access.networks else {}


def principal_entries(access: Access) -> list[PrincipalEntry]:
    """Return the principals of an access as JSON."""
    return [
        principal_entry(principal, condition, access.until.get(principal))
        for principal, condition in sorted(access.principals.items())
    ]


def principal_entry(
    principal: Principal, condition: Condition, until: str | None = None
) -> PrincipalEntry:
    """Return a principal as JSON."""
    entry: PrincipalEntry = {
        "client": principal.client,
        "provider": principal.provider,
        "usersIn": sets(condition),
    }
    if principal.by:
        entry["consumer"] = principal.consumer
        entry["by"] = principal.by
        entry["until"] = until
    return entry


def sets(condition: Condition) -> list[list[str]]:
    return sorted(sorted(groups) for groups in condition if groups)
