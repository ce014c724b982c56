"""`audit report`: write the report for a review of access."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kong_oam import __version__
from kong_oam.cli.changes import full_command
from kong_oam.cli.command import OK, UsageError
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.estates import add_estate, selected_settings
from kong_oam.cli.matrix import files_revision
from kong_oam.cli.requests import estate_from
from kong_oam.diagnostics import printable, some

# Imported in functions, too, so that other verbs start faster.
if TYPE_CHECKING:
    from kong_oam.access.model import Estate
    from kong_oam.audit.history.run import Run
    from kong_oam.audit.report.report import (
        Evidence,
        KeyAge,
        Members,
        Report,
        Source,
    )

REPORT_DETAILS = """\
Writes a frozen snapshot of all grants, public rules and waivers for a review. In the page, the
reviewer keeps or revokes each line and saves the decisions: `audit attest` records them.

  python -m kong_oam audit report -o report.html
  python -m kong_oam audit report -o report.html --runs evidence --uses uses.parquet

A page ends with .html, and a table for spreadsheets with .csv. The page loads nothing from the
network. It works from a disk, and can be printed.
"""


def report_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        required=True,
        metavar="FILE",
        help="write to FILE: .html or .csv",
    )
    parser.add_argument(
        "--runs",
        type=Path,
        metavar="FOLDER",
        help="the records of runs, with the runs that granted each line, and earlier reviews "
        "(default: the stack's `kong-oam:evidence`)",
    )
    parser.add_argument(
        "--uses",
        type=Path,
        nargs="+",
        action="extend",
        metavar="FILE",
        help="files of `audit uses`, for the last use of each line",
    )
    parser.add_argument(
        "--outputs",
        type=Path,
        nargs="+",
        action="extend",
        metavar="FILE",
        help="saved `pulumi stack output --json`, for the ages of keys",
    )
    parser.add_argument(
        "--members",
        type=Path,
        metavar="FILE",
        help="CSV with a group and a user on each line",
    )
    add_estate(parser)


def run_report(options: Namespace, console: Console) -> int:
    """Run `audit report`, and return the exit status."""
    from kong_oam.audit.report.report import report
    from kong_oam.audit.report.words import totals

    write = _writer(options.output)
    estate = estate_from(options)
    evidence = selected_settings(options).evidence
    if options.runs is None and evidence:
        options.runs = Path(evidence)
    made = report(_source(options, estate), estate, _evidence(options, estate))
    options.output.write_bytes(write(made).encode("utf-8", "backslashreplace"))
    counts = [f"{number} {kind}" for kind, number in totals(made).items()]
    console.print(
        f"{options.output}: {len(made.lines)} line(s): {', '.join(counts)}"
    )
    return OK


def _writer(file: Path) -> Callable[[Report], str]:
    """Return the function that writes the format of a file. Raises UsageError."""
    from kong_oam.audit.report.page import page
    from kong_oam.audit.report.sheet import sheet

    ending = file.suffix.lower()
    if ending not in (".html", ".csv"):
        raise UsageError(
            f"no format for '{printable(str(file))}': use the ending .html or .csv"
        )
    return page if ending == ".html" else sheet


def _source(options: Namespace, estate: Estate) -> Source:
    from kong_oam.audit.history.write import now
    from kong_oam.audit.report.report import Source

    words = ["audit", "report", "-o", str(options.output)]
    for name in ("runs", "members"):
        if value := getattr(options, name):
            words += [f"--{name}", str(value)]
    for name in ("uses", "outputs"):
        if values := getattr(options, name):
            words += [f"--{name}", *map(str, values)]
    return Source(
        estate.stack.name,
        now(),
        files_revision(options),
        full_command(options, *words),
        __version__,
    )


def _evidence(options: Namespace, estate: Estate) -> Evidence:
    """Read everything beside the Applications."""
    from kong_oam.audit.history.read import read_runs
    from kong_oam.audit.report.report import Evidence

    runs = read_runs(options.runs) if options.runs else ()
    uses = None
    if options.uses:
        from kong_oam.audit.uses.store import read_uses

        uses = read_uses(options.uses)
    return Evidence(
        runs,
        uses,
        _pending(options, estate, runs),
        _keys(options.outputs) if options.outputs else None,
        _members(options.members, estate) if options.members else None,
    )


def _pending(options: Namespace, estate: Estate, runs: Iterable[Run]) -> str:
    """Return the change of access since the last recorded run, in a sentence, or empty."""
    from kong_oam.access.diff.compare import diff_from_any
    from kong_oam.access.diff.facts import model_of
    from kong_oam.access.diff.wording import headline

    recorded = [run for run in runs if run.data.get("model")]
    last = recorded[-1].model() if recorded else None
    if last is None:
        return ""
    now_meant = model_of(estate, selected_settings(options))
    changes = diff_from_any((last,), now_meant)
    return headline(changes, estate.stack.scheme) if changes else ""


def _keys(files: Iterable[Path]) -> tuple[KeyAge, ...]:
    """Return the ages of keys in saved outputs. Raises UsageError."""
    from kong_oam.audit.report.report import key_ages

    found: list[KeyAge] = []
    for file in files:
        try:
            found += key_ages(json.loads(file.read_bytes()))
        except OSError as error:
            raise UsageError(
                f"{file} cannot be read: {error.strerror}"
            ) from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UsageError(
                f"{file} has no keys: write it with `pulumi stack output --json`"
            ) from None
    return tuple(sorted(found, key=lambda key: key.client))


def _members(file: Path, estate: Estate) -> Members:
    """Return the users of groups. A remark lists groups without users, which the file may spell
    otherwise. Raises UsageError."""
    from kong_oam.audit.report.members import by_logical_name, read_members

    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    members = by_logical_name(read_members(str(file), text), estate)
    groups = {
        group
        for component in estate.components.values()
        for group in component.groups
    }
    missing = sorted(group for group in groups if not members.get(group))
    if missing:
        print_note(f"{file} has no user of these groups: {some(missing)}")
    return members
