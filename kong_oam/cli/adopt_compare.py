"""`adopt compare`: compare an old Kong with the Applications that replace it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict

from kong_oam.cli.command import FOUND, OK
from kong_oam.cli.console import Colour, Console
from kong_oam.cli.estates import add_estate, read_estate, selected_settings
from kong_oam.cli.old_kong import add_old_kong, old_kong
from kong_oam.diagnostics import some

if TYPE_CHECKING:
    from kong_oam.adopt.compare import Comparison, Kind, Row
    from kong_oam.adopt.request_log import LogKey

COMPARE_DETAILS = """\
Compares the answers of an old Kong with the answers of the Applications. Both sides decide every
class of requests: hosts, methods, path texts, trailing slashes and texts that continue a path. The
callers are nobody, tokens that the old Kong does not know, and each consumer by each kind of its
credentials. A token without a key id is a token of a service behind the Kong, for example.

  python -m kong_oam adopt compare kong.yaml
  python -m kong_oam adopt compare --admin http://localhost:8001 --logs requests.jsonl

The old routes still answer requests that no route of the Applications takes. With --retired, they
are gone. The rows, the worst first:

  opened         our gate lets a call pass that the old Kong denies, or may deny
  other service  both let it pass, to different addresses
  closed         only the old Kong lets it pass
  path, host     the workload gets another path or Host header
  identity       the workload no longer gets headers about the consumer
  unknown        our gate denies a call, and the program cannot tell what the old Kong does
  head           HEAD passes where the old Kong lets only GET pass: our rules for GET include HEAD

--logs counts recorded requests for each row: JSON lines of Kong's plugins file-log and http-log.

Exit status: 0 if nothing is opened, 1 if something is. 2 if the command failed.
"""

_COLOURS: dict[Kind, Colour] = {
    "opened": "red",
    "other service": "red",
    "closed": "yellow",
}


class CompareCaller(TypedDict):
    """The consumers of the old Kong behind the name of a caller."""

    name: str
    consumers: list[str]


class CompareRow(TypedDict):
    """Requests that the old Kong and the Applications answer differently."""

    kind: str
    route: str | None
    position: str | None
    hosts: list[str]
    methods: list[str]
    paths: list[str]
    callers: list[str]
    before: str
    after: str
    requests: NotRequired[int]


class CompareAnswer(TypedDict):
    """All differences, the worst first."""

    classes: int
    callers: list[CompareCaller]
    rows: list[CompareRow]


def compare_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `adopt compare`."""
    add_old_kong(parser)
    parser.add_argument(
        "--logs", metavar="FILE", help="count recorded requests for each row"
    )
    parser.add_argument(
        "--retired",
        action="store_true",
        help="compare as if the old routes were gone",
    )
    add_estate(parser)


def run_compare(options: Namespace, console: Console) -> int:
    """Run `adopt compare`."""
    from kong_oam.adopt.compare import compare

    old = old_kong(options)
    estate = read_estate(options.applications, selected_settings(options))
    comparison = compare(old, estate, is_alone=options.retired)
    counts = _counts(options, comparison)
    if console.json:
        console.print_json(_document(comparison, counts))
    else:
        _print(comparison, counts, console)
    return FOUND if comparison.is_opened else OK


# The number of recorded requests of each row; None without a log.
_Counts = list[int] | None


def _counts(options: Namespace, comparison: Comparison) -> _Counts:
    """Return the number of recorded requests of each row."""
    from kong_oam.adopt.request_log import count_requests

    if not options.logs:
        return None
    with Path(options.logs).open("rb") as lines:
        counted, _ = count_requests(lines, comparison.requests)
    consumers = {caller.name: caller.consumers for caller in comparison.callers}
    return [_count(row, counted, consumers) for row in comparison.rows]


def _count(
    row: Row, counted: Counter[LogKey], consumers: dict[str, tuple[str, ...]]
) -> int:
    """Return the number of requests in the row's classes by its callers."""
    names = {""} if "nobody" in row.change.callers else set()
    for caller in row.change.callers:
        names.update(consumers[caller])
    count = 0
    for key in row.classes:
        count += sum(counted[key, name] for name in names)
    return count


def _document(comparison: Comparison, counts: _Counts) -> CompareAnswer:
    rows: list[CompareRow] = []
    for index, row in enumerate(comparison.rows):
        change = row.change
        entry: CompareRow = {
            "kind": change.kind,
            "route": change.route or None,
            "position": change.position or None,
            "hosts": [*row.hosts],
            "methods": [*row.methods],
            "paths": [*row.paths],
            "callers": [*change.callers],
            "before": change.before,
            "after": change.after,
        }
        if counts is not None:
            entry["requests"] = counts[index]
        rows.append(entry)
    callers: list[CompareCaller] = [
        {"name": caller.name, "consumers": [*caller.consumers]}
        for caller in comparison.callers
        if caller.consumers
    ]
    return {"classes": comparison.classes, "callers": callers, "rows": rows}


def _print(comparison: Comparison, counts: _Counts, console: Console) -> None:
    header = ["CHANGE", "METHODS", "WHERE", "CALLERS", "BEFORE", "AFTER"]
    lines = []
    for index, row in enumerate(comparison.rows):
        change = row.change
        kind: str = change.kind
        if colour := _COLOURS.get(change.kind):
            kind = console.paint(colour, kind)
        where = f"{some(row.hosts)} {some(row.paths)}"
        line = [
            kind,
            some(row.methods),
            where,
            some(change.callers),
            change.before,
            change.after,
        ]
        if counts is not None:
            line.insert(1, str(counts[index]))
        lines.append(line)
    if counts is not None:
        header.insert(1, "REQUESTS")
    if lines:
        console.print_table(header, lines)
        console.print("")
    console.print(_summary(comparison))


def _summary(comparison: Comparison) -> str:
    numbers = Counter(row.change.kind for row in comparison.rows)
    listed = ", ".join(f"{count} {kind}" for kind, count in numbers.items())
    callers = len(comparison.callers)
    compared = f"{comparison.classes} classes of requests by {callers} classes of callers"
    return f"{listed or 'no differences'}; compared {compared}"
