"""`diff`: what a change does to access."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kong_oam.access.diff.change import OPENING, Answers, Difference, Setting, Whom
from kong_oam.access.diff.compare import changed
from kong_oam.access.diff.findings import CODES, findings
from kong_oam.access.diff.wording import headline, label, row, worth_telling
from kong_oam.access.networks import ANYWHERE
from kong_oam.access.paths import written
from kong_oam.cli.command import FOUND, OK, Command, UsageError, quoted
from kong_oam.cli.console import MODULE, Colour, Console, remark
from kong_oam.cli.estates import (
    add_estate,
    assumed_of,
    place_entry,
    subtree_entry,
    unjudged_entry,
)
from kong_oam.cli.operands import FORMS, Operand, unjudged
from kong_oam.cli.output import write_sarif
from kong_oam.cli.requests import principal_entry
from kong_oam.diagnostics import printable, some
from kong_oam.oam.files import DEFINITIONS, is_glob

_DETAILS = f"""\
Says what changes for callers between OLD (by default HEAD) and NEW (by default what is here): newly public, granted,
widened, narrowed, revoked; for whom, on which methods and URLs; and which requests that stay allowed are now answered
by another component, port or set of pods. The worst stands in the first line. It is exact: none of these is printed
where every request of every principal is answered alike, whatever was moved or renamed.

What no single request shows is told with its two values: how tokens spell things, issuers, audiences, lifetimes, the
gateway's scheme and edition, who may connect to workloads, and of clients their kind, redirect URIs and keys. It may
widen access, may narrow it, or is changed and does neither. Another owner of an API or a client is told, too.

{FORMS}
Two stacks are compared by component, port and path, groups by their logical names, and of settings by what Applications
say; all else by host.
Exit status 0, with changes or without; with --exit-code 1 where there are some.

  python -m kong_oam diff
  python -m kong_oam diff main . --stack aws --markdown
  python -m kong_oam diff stack:aws stack:bare-metal
  python -m kong_oam diff deployed:prod . --stack prod --exit-code
"""

_USUAL = ("HEAD", ".")
"""OLD and NEW where they are not given."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", nargs="?", metavar="OLD", help="(default: HEAD)")
    parser.add_argument("new", nargs="?", metavar="NEW", help="(default: what is here)")
    add_estate(parser)
    parser.add_argument(
        "--markdown", action="store_true", help="print Markdown, for a comment"
    )
    parser.add_argument(
        "--sarif",
        type=Path,
        metavar="FILE",
        help="write what may open, and other owners, to FILE as SARIF 2.1.0",
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 where there are changes"
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    if console.json and options.markdown:
        raise UsageError("--json or --markdown, not both")
    options.old, options.new = _sides(options)
    judged = options.stack, options.applications, options.definitions
    old = Operand("OLD", options.old, *judged).models()
    new, *_ = Operand("NEW", options.new, *judged).models()
    changes = changed(old, new)
    scheme = new.estate.stack.scheme
    absent = unjudged([*old, new])
    everything = for_all([options.old, options.new], options)
    if options.sarif:
        write_sarif(options.sarif, findings(changes, scheme), CODES)
    if console.json:
        console.print_json(document(changes, scheme) | unjudged_entry(absent))
    elif options.markdown:
        console.print(*markdown(changes, scheme, everything))
        if absent:
            console.print("", _code(assumed_of(absent)))
    else:
        print_changes(changes, scheme, console, everything)
        if absent:
            remark(assumed_of(absent))
    return FOUND if changes and options.exit_code else OK


def _sides(options: argparse.Namespace) -> list[str]:
    """Return OLD and NEW. Raises UsageError where one is missing, and -f names a folder behind
    another, which may be it."""
    operands = [side for side in (options.old, options.new) if side is not None]
    further = (options.applications or [])[1:]
    folders = [name for name in further if not _is_file_name(name)]
    # `-f` takes all words up to the next option, so OLD and NEW behind it are lost.
    if folders and len(operands) < len(_USUAL):
        listed = some(map(quoted, folders), " and ")
        raise UsageError(
            f"{listed} behind -f may be OLD and NEW, or more Applications: write OLD and NEW "
            "before -f"
        )
    return [*operands, *_USUAL[len(operands) :]]


def _is_file_name(word: str) -> bool:
    """Whether only a file can be meant, or several by a pattern: of Applications, or of
    definitions."""
    return is_glob(word) or DEFINITIONS.takes(word)


def for_all(operands: Sequence[str], options: argparse.Namespace) -> str:
    """Return the command that prints all that is left out, of what the options of `add_estate`
    name."""
    words = ["diff", *operands, "--stack", options.stack]
    if options.applications:
        words += ["--applications", *options.applications]
    if options.definitions:
        words += ["--definitions", *options.definitions]
    return f"{MODULE} {shlex.join(words)} --json"


def print_changes(
    changes: Sequence[Difference], scheme: str, console: Console, for_all: str
) -> None:
    """Prints the headline and a table; nothing where nothing changes. `for_all`: the command that
    prints what is left out."""
    if not changes:
        return
    shown = worth_telling(changes)
    console.print(console.paint(_colour(shown[0]), headline(changes, scheme)), "")
    console.print_table(
        ("CHANGE", "FOR", "METHODS", "WHERE", ""),
        [(label(change), *row(change, scheme)) for change in shown],
    )
    console.print(*_left_out(changes, shown, f"`{for_all}`"))


def _left_out(
    changes: Sequence[Difference], shown: Sequence[Difference], for_all: str
) -> list[str]:
    """Return what a table does not show, and which command does."""
    count = len(changes) - len(shown)
    if not count:
        return []
    return ["", f"and {count} of other spellings of these paths: {for_all}"]


def _colour(change: Difference) -> Colour:
    if change.kind == "newly public":
        return "red"
    return "yellow" if change.kind in OPENING else "green"


def markdown(changes: Sequence[Difference], scheme: str, for_all: str) -> list[str]:
    """Writes changes as lines of Markdown: the headline, a table, and the command `for_all` that
    prints what is left out. Names are code, so that none of them is read as markup."""
    if not changes:
        return ["No change of access."]
    shown = worth_telling(changes)
    lines = [f"**{_code(headline(changes, scheme))}**", ""]
    lines += ["| change | for | methods | where | |", "|---|---|---|---|---|"]
    for change in shown:
        cells = (_code(cell) if cell else "" for cell in row(change, scheme))
        kind = change.kind if label(change) == change.kind else _code(label(change))
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines + _left_out(changes, shown, _code(for_all))


def _code(text: str) -> str:
    return f"`{printable(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def document(changes: Sequence[Difference], scheme: str) -> dict[str, Any]:
    """The changes as JSON has them."""
    return {
        "headline": headline(changes, scheme),
        "changes": [_entry(change) for change in changes],
    }


def _entry(change: Difference) -> dict[str, Any]:
    if isinstance(change, Setting):
        return _setting(change)
    example = change.example
    return {
        "kind": change.kind,
        "for": [_whom(caller) for caller in change.whom],
        "methods": list(change.methods),
        "site": change.site,
        **subtree_entry(change.region.subtree),
        "except": [subtree_entry(subtree) for subtree in change.region.exceptions],
        "oldTokensLiveMinutes": change.minutes,
        "rule": place_entry(change.place),
        **({"answeredBy": _answers(change.answers)} if change.answers else {}),
        "example": {
            "method": example.method,
            "path": written(example.path),
            "host": {"old": example.was, "new": example.now},
            "as": example.principal.client if example.principal else None,
            "userIn": sorted(example.groups),
            **({"from": example.address} if example.address else {}),
        },
    }


def _answers(answers: Answers) -> dict[str, Any]:
    return {
        side: {
            "component": answer.component,
            "port": answer.port,
            "pods": answer.pods or None,
            "owner": answer.owner,
        }
        for side, answer in zip(("old", "new"), answers, strict=True)
    }


def _setting(change: Setting) -> dict[str, Any]:
    component = change.of.component
    provider = change.of.provider
    subject = {}
    if component:
        subject["client" if provider else "component"] = component
    if provider:
        subject["provider"] = provider
    entry: dict[str, Any] = {
        "kind": change.kind,
        "for": [subject or {"everybody": True}],
        "setting": change.name or None,
        "old": change.was,
        "new": change.now,
    }
    if change.exposers:
        old, new = change.exposers
        entry["exposedBy"] = {
            "old": [asdict(exposer) for exposer in old],
            "new": [asdict(exposer) for exposer in new],
        }
    return entry


def _whom(caller: Whom) -> dict[str, Any]:
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


COMMAND = Command("diff", "what a change does to access", _DETAILS, _arguments, _run)
