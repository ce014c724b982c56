"""`audit attest`: record the decisions of a reviewer, and print the revocations as a patch."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from kong_oam.cli.audit_record import (
    add_signing,
    check_signing,
    folder_of,
    sign_record,
)
from kong_oam.cli.command import FOUND, OK, UsageError
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.estates import add_estate, reading_of, selected_settings
from kong_oam.cli.requests import estate_from
from kong_oam.diagnostics import errors
from kong_oam.errors import KongOamError

# Imported in functions, too, so that other verbs start faster.
if TYPE_CHECKING:
    from kong_oam.access.model import Estate
    from kong_oam.access.settings.values import Settings
    from kong_oam.audit.report.lines import LineKey
    from kong_oam.audit.report.removal import Check, Removal
    from kong_oam.audit.report.review import Review
    from kong_oam.oam.application import Reading
    from kong_oam.oam.model import OwnTypes
    from kong_oam.oam.position import Texts

ATTEST_DETAILS = """\
Records the decisions that a reviewer saved in a page of `audit report`: the name, the time, the
SHA-256 of the snapshot and all decisions. Prints the revoked lines as a patch for `git apply`.

  python -m kong_oam audit attest decisions.json --report report.html --to evidence \\
      --name "Ann Lee" > revoked.patch

The patch removes nothing else, and gives nobody more access. Lines that need another edit are
listed with the place to edit. Exit status: 1 if there are such lines, 2 for decisions about another
report.
"""


def attest_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "decisions",
        type=Path,
        metavar="DECISIONS",
        help="the file that the page saved",
    )
    parser.add_argument(
        "--report",
        type=Path,
        required=True,
        metavar="FILE",
        help="the page with the decided lines",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="the folder of records (default: the stack's `kong-oam:evidence`)",
    )
    parser.add_argument(
        "--name", required=True, help="the name of the reviewer"
    )
    add_signing(parser)
    add_estate(parser)


def run_attest(options: Namespace, console: Console) -> int:
    """Run `audit attest`, and return the exit status."""
    from kong_oam.audit.history.write import write_record
    from kong_oam.audit.report.decisions import read_snapshot, review_of
    from kong_oam.audit.report.review import REVIEW, review_fields

    snapshot = read_snapshot(_content(options.report))
    try:
        review = review_of(options.name, _content(options.decisions), snapshot)
    except KongOamError as error:
        raise UsageError(f"{options.decisions}: {error}") from None
    estate = estate_from(options)
    if snapshot.stack != estate.stack.name:
        raise UsageError(
            f"the report is about stack '{snapshot.stack}': add --stack {snapshot.stack}"
        )
    folder = folder_of(options.to, selected_settings(options))
    check_signing(options.sign)
    # Before the record, so that an error leaves no record.
    removal, gone = _removal(options, estate, review)
    file = write_record(
        folder, REVIEW, snapshot.stack, {REVIEW: review_fields(review)}
    )
    print_note(f"{file}: {_summary(review)}")
    print_note(*sign_record(file, options.sign))
    for key in gone:
        print_note(f"already gone: {_words(key)}")
    for key, by_hand in removal.by_hand.items():
        place = f", {by_hand.place}" if by_hand.place else ""
        print_note(f"to remove by hand: {_words(key)}{place}: {by_hand.reason}")
    for diff in removal.diffs:
        console.print_exactly(diff.removesuffix("\n"))
    return FOUND if removal.by_hand else OK


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


def _words(key: LineKey) -> str:
    return f"{key.kind} {key.holder} at {key.component}"


def _summary(review: Review) -> str:
    """Return the number of decisions in words."""
    revoked = _revoked(review)
    kept = len(review.decisions) - len(revoked)
    undecided = review.lines - len(review.decisions)
    own = sum(1 for decision in review.decisions if decision.is_own)
    summary = f"{review.name} kept {kept} and revoked {len(revoked)} of {review.lines} lines"
    if undecided:
        summary += f"; {undecided} without a decision"
    if own:
        summary += f"; {own} about components of the own team"
    return summary


def _revoked(review: Review) -> list[LineKey]:
    return [
        decision.key
        for decision in review.decisions
        if decision.verdict == "revoke"
    ]


def _removal(
    options: Namespace, estate: Estate, review: Review
) -> tuple[Removal, list[LineKey]]:
    """Return the removal of the revoked lines, and the revoked lines that are gone."""
    from kong_oam.audit.report.lines import lines_of
    from kong_oam.audit.report.removal import removal_of

    settings = selected_settings(options)
    known = {line.key for line in lines_of(estate)}
    revoked = _revoked(review)
    gone = [key for key in revoked if key not in known]
    present = [key for key in revoked if key in known]
    check = _check(options, settings, estate)
    return removal_of(estate, present, check), gone


def _check(options: Namespace, settings: Settings, estate: Estate) -> Check:
    """Return a check of changed files: they are valid, the lines are gone, and nothing opens."""
    from kong_oam.access.compile.estate import compile_estate
    from kong_oam.access.diff.compare import diff_from_any
    from kong_oam.access.diff.facts import model_of
    from kong_oam.access.diff.wording import headline
    from kong_oam.audit.report.lines import lines_of
    from kong_oam.audit.report.removal import opened
    from kong_oam.oam.application import read_bytes
    from kong_oam.oam.application import read_file as read_application_file

    before = model_of(estate, settings)
    known = {line.key for line in lines_of(estate)}

    def check(texts: Texts, keys: Collection[LineKey]) -> str:
        def read_one(file: Path, name: str, own: OwnTypes) -> Reading:
            if name in texts:
                return read_bytes(name, texts[name].encode(), own)
            return read_application_file(file, name, own)

        reading = reading_of(options.applications, settings, read_one=read_one)
        compiled = compile_estate(reading, settings.stack)
        if compiled.estate is None:
            return str(errors(compiled.diagnostics)[0])
        left = {line.key for line in lines_of(compiled.estate)}
        if not left.isdisjoint(keys):
            return "another entry still gives it"
        lost = sorted(known - left - {*keys})
        if lost:
            return f"the same entry gives {_words(lost[0])}; revoke it, too"
        changes = diff_from_any((before,), model_of(compiled.estate, settings))
        opening = opened(changes)
        if opening:
            scheme = settings.stack.scheme
            return (
                f"without it, another rule applies ({headline(opening, scheme)}); "
                "write scopes in place of `public`"
            )
        return ""

    return check
