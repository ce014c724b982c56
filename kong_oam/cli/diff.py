"""`diff`: what a change does to access."""

from __future__ import annotations

import argparse
from pathlib import Path

from kong_oam.access.diff.compare import diff_from_any
from kong_oam.access.diff.findings import CODES, findings
from kong_oam.cli.changes import (
    code,
    document,
    for_all,
    markdown,
    print_changes,
)
from kong_oam.cli.command import FOUND, OK, Command, UsageError, quoted
from kong_oam.cli.console import Console, remark
from kong_oam.cli.entries import unjudged_entry
from kong_oam.cli.estates import add_estate, assumed_of
from kong_oam.cli.operands import FORMS, Operand, unjudged
from kong_oam.cli.output import write_sarif
from kong_oam.diagnostics import some
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
    parser.add_argument(
        "new", nargs="?", metavar="NEW", help="(default: what is here)"
    )
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
        "--exit-code",
        action="store_true",
        help="exit with 1 where there are changes",
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    if console.json and options.markdown:
        raise UsageError("--json or --markdown, not both")
    options.old, options.new = _sides(options)
    judged = options.stack, options.applications, options.definitions
    old = Operand("OLD", options.old, *judged).models()
    new, *_ = Operand("NEW", options.new, *judged).models()
    changes = diff_from_any(old, new)
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
            console.print("", code(assumed_of(absent)))
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
    """Tell whether only a file can be meant, or several by a pattern: of Applications, or of
    definitions."""
    return is_glob(word) or DEFINITIONS.takes(word)


COMMAND = Command(
    "diff", "what a change does to access", _DETAILS, _arguments, _run
)
