"""Format changes of access as a table, as Markdown or as JSON."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

from kong_oam.access.diff.change import (
    AffectedCaller,
    Answer,
    Answers,
    Difference,
    Setting,
    opens,
)
from kong_oam.access.diff.wording import headline, label, relevant_changes, row
from kong_oam.access.networks import ANYWHERE
from kong_oam.access.paths import written
from kong_oam.cli.console import MODULE, Colour, Console
from kong_oam.cli.entries import place_entry, principal_entry, subtree_entry
from kong_oam.cli.estates import default_stack
from kong_oam.diagnostics import printable
from kong_oam.oam.position import JsonObject


def full_command(options: Namespace, *words: str) -> str:
    """Return the command with these words and the options of `add_estate`."""
    if options.stack != default_stack():
        words += "--stack", options.stack
    if options.applications:
        words += "-f", *options.applications
    if options.definitions:
        words += "--definitions", *options.definitions
    return f"{MODULE} {shlex.join(words)}"


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


def document(changes: Sequence[Difference], scheme: str) -> JsonObject:
    """Return the changes as JSON."""
    return {
        "headline": headline(changes, scheme),
        "changes": [_entry(change) for change in changes],
    }


def _entry(change: Difference) -> JsonObject:
    if isinstance(change, Setting):
        return _setting_entry(change)
    example = change.example
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
        **(
            {"answeredBy": _answers_entry(change.answers)}
            if change.answers
            else {}
        ),
        "example": {
            "method": example.method,
            "path": written(example.path),
            "host": {"old": example.was, "new": example.now},
            "as": example.principal.client if example.principal else None,
            "userIn": sorted(example.groups),
            **({"from": example.address} if example.address else {}),
            **({"consumer": example.consumer} if example.consumer else {}),
        },
    }


def _answers_entry(answers: Answers) -> JsonObject:
    return {
        side: _answer_entry(answer)
        for side, answer in zip(("old", "new"), answers, strict=True)
    }


def _answer_entry(answer: Answer) -> JsonObject:
    entry = {**asdict(answer), "pods": answer.pods or None}
    forward = entry.pop("forward")
    return {**entry, "forward": [*forward]} if forward else entry


def _setting_entry(change: Setting) -> JsonObject:
    component = change.of.component
    provider = change.of.provider
    subject = {}
    if component:
        subject["client" if provider else "component"] = component
    if provider:
        subject["provider"] = provider
    entry: JsonObject = {
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
        entry["for"] = [{"peer" if is_peer else "component": name}]
        entry["connection"] = {
            "component": component,
            "port": int(port),
            "protocol": protocol or "TCP",
        }
        entry["rule"] = place_entry(change.position)
    if change.exposers:
        old, new = ([*map(asdict, side)] for side in change.exposers)
        entry["exposedBy"] = {"old": old, "new": new}
    return entry


def _caller_entry(caller: AffectedCaller) -> JsonObject:
    source = {
        "from": list(map(str, caller.source.networks)),
        "notFrom": list(map(str, caller.source.but)),
    }
    restricted = source if caller.source != ANYWHERE else {}
    if caller.principal is None:
        return {"everybody": True, **restricted}
    owner = {"owner": caller.owner} if caller.owner else {}
    return {
        **principal_entry(caller.principal, caller.condition),
        **owner,
        **restricted,
    }
