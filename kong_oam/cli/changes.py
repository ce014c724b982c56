"""Format changes of access as a table, as Markdown or as JSON."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict, cast

from kong_oam.access.diff.change import (
    AffectedCaller,
    Answer,
    Answers,
    Difference,
    Example,
    Exposer,
    Setting,
    opens,
)
from kong_oam.access.diff.wording import headline, label, relevant_changes, row
from kong_oam.access.networks import ANYWHERE
from kong_oam.access.paths import written
from kong_oam.cli.console import MODULE, Colour, Console
from kong_oam.cli.entries import (
    Except,
    Networks,
    PlaceEntry,
    SubtreeEntry,
    place_entry,
    principal_entry,
    subtree_entry,
)
from kong_oam.cli.estates import estate_words
from kong_oam.diagnostics import printable


def full_command(options: Namespace, *words: str) -> str:
    """Return the command with these words and the options of `add_estate`."""
    return f"{MODULE} {shlex.join([*words, *estate_words(options)])}"


def print_changes(
    changes: Sequence[Difference],
    scheme: str,
    console: Console,
    full_command: str,
) -> None:
    """Print a headline and a table, or nothing without changes. `full_command` is the command that
    prints omitted changes."""
    if not changes:
        return
    shown = relevant_changes(changes)
    console.print(
        console.paint(_colour(shown[0]), headline(changes, scheme)), ""
    )
    console.print_table(
        ("CHANGE", "FOR", "METHODS", "WHERE", ""),
        [(label(change), *row(change, scheme)) for change in shown],
    )
    console.print(*_omission_note(changes, shown, f"`{full_command}`"))


def _omission_note(
    changes: Sequence[Difference],
    shown: Sequence[Difference],
    full_command: str,
) -> list[str]:
    """Return a note about the changes that the table omits."""
    count = len(changes) - len(shown)
    if not count:
        return []
    return [
        "",
        f"and {count} more for other spellings of these paths: {full_command}",
    ]


def _colour(change: Difference) -> Colour:
    if change.kind == "newly public":
        return "red"
    return "yellow" if opens(change) else "green"


def markdown(
    changes: Sequence[Difference], scheme: str, full_command: str
) -> list[str]:
    """Return changes as lines of Markdown: a headline, a table, and the command `full_command` that
    prints omitted changes. Names are formatted as code, so they cannot contain markup."""
    if not changes:
        return ["No change of access."]
    shown = relevant_changes(changes)
    lines = [f"**{code(headline(changes, scheme))}**", ""]
    lines += ["| change | for | methods | where | |", "|---|---|---|---|---|"]
    for change in shown:
        cells = (code(cell) if cell else "" for cell in row(change, scheme))
        kind = (
            change.kind if label(change) == change.kind else code(label(change))
        )
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines + _omission_note(changes, shown, code(full_command))


def code(text: str) -> str:
    return (
        f"`{printable(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
    )


class ForEntry(TypedDict):
    """The callers or the subject of a change."""

    everybody: NotRequired[bool]
    client: NotRequired[str]
    component: NotRequired[str]
    peer: NotRequired[str]
    provider: NotRequired[str]
    usersIn: NotRequired[list[list[str]]]
    by: NotRequired[str]
    consumer: NotRequired[str]
    until: NotRequired[str | None]
    owner: NotRequired[str]
    notFrom: NotRequired[list[str]]


class AffectedEntry(ForEntry, Networks):
    """The callers of a change, and the networks from which they call."""


class HostsEntry(TypedDict):
    """The host of a request in both estates."""

    old: str | None
    new: str | None


_Caller = TypedDict("_Caller", {"as": str | None, "from": NotRequired[str]})


class ExampleEntry(_Caller):
    """A request that both estates answer differently."""

    method: str
    path: str
    host: HostsEntry
    userIn: list[str]
    consumer: NotRequired[str]


class TargetEntry(TypedDict):
    """The component, the port and the pods that answer."""

    component: str
    port: str
    pods: str | None
    owner: str | None
    forward: NotRequired[list[str]]


class AnsweredBy(TypedDict):
    """The answering target in both estates."""

    old: TargetEntry
    new: TargetEntry


_Callers = TypedDict("_Callers", {"for": list[AffectedEntry]})


class _Answered(TypedDict):
    answeredBy: NotRequired[AnsweredBy]


class ChangeEntry(_Callers, SubtreeEntry, Except, _Answered):
    """A change of access. `opens`: it gives access, may give access, or changes the target."""

    kind: str
    opens: bool
    methods: list[str]
    site: str
    oldTokensLiveMinutes: int | None
    rule: PlaceEntry | None
    example: ExampleEntry


class ExposerEntry(TypedDict):
    """A component on a host, and its owner."""

    component: str
    owner: str | None


class ExposedBy(TypedDict):
    """The components on a host in both estates."""

    old: list[ExposerEntry]
    new: list[ExposerEntry]


class PortEntry(TypedDict):
    """A port of a component inside the cluster."""

    component: str
    port: int
    protocol: str


class SettingEntry(_Callers):
    """A changed setting with both values."""

    kind: str
    opens: bool
    setting: str | None
    old: Any
    new: Any
    connection: NotRequired[PortEntry]
    rule: NotRequired[PlaceEntry | None]
    exposedBy: NotRequired[ExposedBy]


class AccessChanges(TypedDict):
    """Changes of access, the most severe first."""

    headline: str
    changes: list[ChangeEntry | SettingEntry]


def document(changes: Sequence[Difference], scheme: str) -> AccessChanges:
    """Return the changes as JSON."""
    return {
        "headline": headline(changes, scheme),
        "changes": [*map(change_entry, changes)],
    }


def change_entry(change: Difference) -> ChangeEntry | SettingEntry:
    """Return a change as JSON."""
    if isinstance(change, Setting):
        return _setting_entry(change)
    answered: _Answered = (
        {"answeredBy": _answers_entry(change.answers)} if change.answers else {}
    )
    return {
        "kind": change.kind,
        "opens": opens(change),
        "for": [_caller_entry(caller) for caller in change.callers],
        "methods": list(change.methods),
        "site": change.site,
        **subtree_entry(change.region.subtree),
        "except": [
            subtree_entry(subtree) for subtree in change.region.exceptions
        ],
        "oldTokensLiveMinutes": change.minutes,
        "rule": place_entry(change.position),
        **answered,
        "example": _example_entry(change.example),
    }


def _example_entry(example: Example) -> ExampleEntry:
    entry: ExampleEntry = {
        "method": example.method,
        "path": written(example.path),
        "host": {"old": example.was, "new": example.now},
        "as": example.principal.client if example.principal else None,
        "userIn": sorted(example.groups),
    }
    if example.address:
        entry["from"] = example.address
    if example.consumer:
        entry["consumer"] = example.consumer
    return entry


def _answers_entry(answers: Answers) -> AnsweredBy:
    old, new = answers
    return {"old": _answer_entry(old), "new": _answer_entry(new)}


def _answer_entry(answer: Answer) -> TargetEntry:
    entry: TargetEntry = {
        "component": answer.component,
        "port": answer.port,
        "pods": answer.pods or None,
        "owner": answer.owner,
    }
    if answer.forward:
        entry["forward"] = [*answer.forward]
    return entry


def _setting_entry(change: Setting) -> SettingEntry:
    component = change.of.component
    provider = change.of.provider
    subject: AffectedEntry = {}
    if component and provider:
        subject["client"] = component
    elif component:
        subject["component"] = component
    if provider:
        subject["provider"] = provider
    entry: SettingEntry = {
        "kind": change.kind,
        "opens": opens(change),
        "for": [subject or {"everybody": True}],
        "setting": change.name or None,
        "old": change.was,
        "new": change.now,
    }
    if change.connection:
        at, caller = change.connection
        port, _, protocol = at.partition("/")
        _, is_peer, name = caller.rpartition("peer ")
        entry["for"] = [{"peer": name} if is_peer else {"component": name}]
        entry["connection"] = {
            "component": component,
            "port": int(port),
            "protocol": protocol or "TCP",
        }
        entry["rule"] = place_entry(change.position)
    if change.exposers:
        old, new = change.exposers
        entry["exposedBy"] = {
            "old": [*map(_exposer_entry, old)],
            "new": [*map(_exposer_entry, new)],
        }
    return entry


def _exposer_entry(exposer: Exposer) -> ExposerEntry:
    return {"component": exposer.component, "owner": exposer.owner}


def _caller_entry(caller: AffectedCaller) -> AffectedEntry:
    entry: AffectedEntry = {}
    if caller.principal is None:
        entry["everybody"] = True
    else:
        entry = cast(
            AffectedEntry,
            principal_entry(
                caller.principal, caller.condition, caller.until or None
            ),
        )
        if caller.owner:
            entry["owner"] = caller.owner
    if caller.source != ANYWHERE:
        entry["from"] = list(map(str, caller.source.networks))
        entry["notFrom"] = list(map(str, caller.source.but))
    return entry
