"""`diff`: show how a change affects access."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from kong_oam.access.diff.change import Difference, opens
from kong_oam.access.diff.compare import diff_from_any
from kong_oam.access.diff.findings import CODES, findings
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.endpoint import component_key
from kong_oam.cli.changes import (
    AccessChanges,
    code,
    document,
    full_command,
    markdown,
    print_changes,
)
from kong_oam.cli.command import FOUND, OK, Command, UsageError, quoted
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.crossing import (
    CrossingAnswer,
    crossing_entry,
    print_crossing,
)
from kong_oam.cli.entries import Unjudged, unjudged_entry
from kong_oam.cli.estates import add_estate, assumption_notes
from kong_oam.cli.operands import FORMS, AccessModels, sides
from kong_oam.cli.output import write_sarif
from kong_oam.cli.restarts import restart_notes
from kong_oam.diagnostics import some
from kong_oam.oam.files import DEFINITIONS, is_glob

_DETAILS = f"""\
Shows how access changes between OLD (default: HEAD) and NEW (default: the working directory). It
lists requests that become newly public, granted, widened, narrowed or revoked, with their callers,
methods and URLs. It also lists allowed requests that another component, port or set of pods now
answers, and connections inside the cluster that are granted or revoked. The most severe change
comes first. The comparison is exact: a rename or move without an effect on any request prints
nothing.

Changes of settings come with the old and the new value: token formats, issuers, audiences,
lifetimes, the gateway's scheme and edition, connections to workloads, and each client's kind,
redirect URIs and keys. Each of them may widen access, may narrow it, or does neither. A new owner
of an API or a client is listed too.

{FORMS}
For two stacks, the comparison uses component, port, path, logical group names, and settings of
Applications. All other comparisons use hosts.

With --crossing, it lists only who of OLD may call what NEW adds to OLD, and the reverse: clients,
groups with roles in both, and connections inside the cluster. Use it after a merge of two estates.

Exit status: 0, with changes or without. With --exit-code: 1 if there are changes. With
`--exit-code opening`: 1 if a change gives access, may give access, or changes the target that
answers.

  python -m kong_oam diff
  python -m kong_oam diff main . --stack aws --markdown
  python -m kong_oam diff stack:aws stack:bare-metal
  python -m kong_oam diff deployed:prod . --stack prod --exit-code
  python -m kong_oam diff main . --exit-code opening
  python -m kong_oam diff ../before . --crossing
"""

# The values of --exit-code: all changes count, or only changes that may open access.
_ANY = "any"
_OPENING = "opening"

_DEFAULTS = ("HEAD", ".")
"""Defaults of OLD and NEW."""


class DiffAnswer(AccessChanges, Unjudged):
    """The changes of access between OLD and NEW."""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("old", nargs="?", metavar="OLD", help="(default: HEAD)")
    parser.add_argument(
        "new",
        nargs="?",
        metavar="NEW",
        help="(default: the working directory)",
    )
    add_estate(parser)
    parser.add_argument(
        "--markdown", action="store_true", help="print Markdown, for a comment"
    )
    parser.add_argument(
        "--sarif",
        type=Path,
        metavar="FILE",
        help="write changes that may widen access, and new owners, to FILE as SARIF 2.1.0",
    )
    parser.add_argument(
        "--crossing",
        action="store_true",
        help="list only who of OLD may call what NEW adds, and the reverse",
    )
    parser.add_argument(
        "--exit-code",
        nargs="?",
        const=_ANY,
        choices=(_ANY, _OPENING),
        help="exit with status 1 if there are changes; `opening`: only if a change may open access",
    )


def _run(options: Namespace, console: Console) -> int:
    if console.json and options.markdown:
        raise UsageError("use --json or --markdown, not both")
    if options.crossing and (options.markdown or options.sarif):
        raise UsageError(
            "--crossing prints a table or JSON: leave --markdown and --sarif out"
        )
    if options.crossing and options.exit_code == _OPENING:
        raise UsageError(
            "--crossing lists no changes: write --exit-code without 'opening'"
        )
    options.old, options.new = _sides(options)
    old, new, absent = sides(
        options, ("OLD", options.old), ("NEW", options.new)
    )
    if options.crossing:
        return _print_crossing(options, old, new, console)
    changes = diff_from_any(old, new)
    scheme = new.estate.stack.scheme
    notes = [
        *assumption_notes(new.estate, absent),
        *restart_notes(changes, new.estate),
    ]
    all_changes = full_command(
        options, "diff", options.old, options.new, "--json"
    )
    if options.sarif:
        write_sarif(options.sarif, findings(changes, scheme), CODES)
    if console.json:
        answer: DiffAnswer = {
            **document(changes, scheme),
            **unjudged_entry(absent),
        }
        console.print_json(answer)
    elif options.markdown:
        console.print(*markdown(changes, scheme, all_changes))
        for note in notes:
            console.print("", code(note))
    else:
        print_changes(changes, scheme, console, all_changes)
        print_note(*notes)
    return _exit_status(changes, options.exit_code)


def _exit_status(changes: Sequence[Difference], counted: str | None) -> int:
    """Return the exit status for the changes that --exit-code counts."""
    if counted == _OPENING:
        return FOUND if any(map(opens, changes)) else OK
    return FOUND if changes and counted else OK


def _print_crossing(
    options: Namespace, old: AccessModels, new: AccessModel, console: Console
) -> int:
    """Print what crosses between the components of OLD and all others of NEW."""
    # Imported here, so that other verbs start faster.
    from kong_oam.access.merge.crossing import crossing

    ours = set[str]()
    for model in old:
        estate = model.estate
        for key, component in estate.components.items():
            # A missing Application of NEW may only be named in a role.
            if component.application not in estate.unjudged:
                ours.add(component_key(key))
    found = crossing(ours, new.estate)
    if console.json:
        console.print_json(crossing_entry(found))
    else:
        print_crossing(found, new.estate.stack.scheme, console)
    return FOUND if found and options.exit_code else OK


def _sides(options: Namespace) -> list[str]:
    """Return OLD and NEW. Raises UsageError if an operand is missing and a later value of -f is a
    folder, which may be the missing operand."""
    operands = [side for side in (options.old, options.new) if side is not None]
    further = (options.applications or [])[1:]
    # Other words can only name files: a glob, or a file of definitions.
    folders = [
        name
        for name in further
        if not is_glob(name) and not DEFINITIONS.takes(name)
    ]
    # `-f` takes all words up to the next option, so it also takes OLD and NEW after it.
    if folders and len(operands) < len(_DEFAULTS):
        listed = some(map(quoted, folders), " and ")
        raise UsageError(
            f"ambiguous {listed} after -f: OLD and NEW, or Applications; write OLD and NEW before "
            "-f"
        )
    return [*operands, *_DEFAULTS[len(operands) :]]


COMMAND = Command(
    "diff",
    "show how a change affects access",
    _DETAILS,
    _arguments,
    _run,
    DiffAnswer | CrossingAnswer,
)
