"""`audit impact`: show which recorded calls a change would deny."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from kong_oam.cli.audit_models import add_uses_files
from kong_oam.cli.audit_replay import call_words
from kong_oam.cli.command import FOUND, OK
from kong_oam.cli.console import Console
from kong_oam.cli.estates import add_estate
from kong_oam.cli.operands import FORMS, sides

if TYPE_CHECKING:
    from kong_oam.audit.uses.impact import Affected, Impact

IMPACT_DETAILS = f"""\
Shows which recorded calls a change would deny, and estimates which it would newly allow. It
decides the calls of the components that the change touches.

The estimate has only calls that somebody made. New callers and new paths are not in it.

  python -m kong_oam audit impact uses.parquet
  python -m kong_oam audit impact uses.parquet --old main --new .

{FORMS}
Exit status: 0 if no recorded call would be denied, 1 if a call would be.
"""

# Rows of the table.
_SHOWN = 20


class AffectedCall(TypedDict):
    """A class of recorded calls with the codes of both decisions."""

    component: str
    method: str
    host: str
    path: str
    caller: str | None
    client: str | None
    groups: list[str]
    count: int
    first: str
    last: str
    example: str
    before: str
    after: str


class ImpactAnswer(TypedDict):
    """The recorded calls that a change would deny, and calls that it may newly allow."""

    touched: list[str]
    evaluated: int
    denied: list[AffectedCall]
    allowedEstimate: list[AffectedCall]
    uncertain: int


def impact_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `audit impact`."""
    add_uses_files(parser)
    parser.add_argument(
        "--old", default="HEAD", metavar="OLD", help="(default: HEAD)"
    )
    parser.add_argument(
        "--new",
        default=".",
        metavar="NEW",
        help="(default: the working directory)",
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print Markdown, for a comment"
    )
    add_estate(parser)


def run_impact(options: Namespace, console: Console) -> int:
    """Run `audit impact`."""
    from kong_oam.audit.uses.impact import impact
    from kong_oam.audit.uses.store import read_uses

    uses = read_uses(options.uses)
    old, new, _ = sides(options, ("OLD", options.old), ("NEW", options.new))
    found = impact(uses, tuple(model.estate for model in old), new.estate)
    if console.json:
        console.print_json(_document(found))
    elif options.markdown:
        console.print(*(f"- {line}" for line in _lines(found)))
    else:
        _print(found, console)
    return FOUND if found.denied else OK


def _lines(found: Impact) -> list[str]:
    """Return the result in sentences."""
    lines = []
    for caller, count in _by_caller(found.denied):
        lines.append(f"would have denied {count:,} calls of {caller}")
    for caller, count in _by_caller(found.allowed):
        lines.append(f"estimate: would newly allow {count:,} calls of {caller}")
    if found.uncertain:
        lines.append(
            f"{found.uncertain:,} calls are uncertain: their uses lack path elements that the "
            "change declares; run `audit uses` again"
        )
    if not found.denied:
        lines.append(
            f"would have denied none of {found.evaluated:,} calls of "
            f"{len(found.touched)} touched components"
        )
    return lines


def _by_caller(affected: Sequence[Affected]) -> list[tuple[str, int]]:
    """Return the number of calls by caller, the largest first."""
    counts: Counter[str] = Counter()
    for each in affected:
        counts[each.call.caller or each.call.client or "nobody"] += (
            each.seen.count
        )
    return counts.most_common()


def _print(found: Impact, console: Console) -> None:
    rows = []
    for change, listed in (
        ("denied", found.denied),
        ("allowed", found.allowed),
    ):
        for each in listed[:_SHOWN]:
            rows.append(
                (
                    change,
                    f"{each.seen.count:,}",
                    call_words(each.call),
                    each.before.code,
                    each.after.code,
                    each.seen.last[:10],
                )
            )
    if rows:
        console.print_table(
            ("CHANGE", "CALLS", "CALL", "BEFORE", "AFTER", "LAST"), rows
        )
        console.print("")
    console.print(*_lines(found))


def _entry(each: Affected) -> AffectedCall:
    return {
        "component": each.call.component,
        "method": each.call.method,
        "host": each.call.host,
        "path": each.call.path,
        "caller": each.call.caller,
        "client": each.call.client,
        "groups": [*each.call.groups],
        "count": each.seen.count,
        "first": each.seen.first,
        "last": each.seen.last,
        "example": each.seen.example,
        "before": each.before.code,
        "after": each.after.code,
    }


def _document(found: Impact) -> ImpactAnswer:
    return {
        "touched": sorted(found.touched),
        "evaluated": found.evaluated,
        "denied": [*map(_entry, found.denied)],
        "allowedEstimate": [*map(_entry, found.allowed)],
        "uncertain": found.uncertain,
    }
