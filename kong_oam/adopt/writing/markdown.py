"""The report as a page, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from kong_oam.access.data import JsonObject, Names
from kong_oam.adopt.writing.documents import CA_FILE
from kong_oam.adopt.writing.options import Options
from kong_oam.adopt.writing.report import (
    ClosedEntry,
    Note,
    Report,
    RouteEntry,
    Status,
)
from kong_oam.diagnostics import printable

_STATUSES: tuple[Status, ...] = ("adopted", "partly", "left", "closed")
_MEANINGS = {
    "adopted": "the Application answers as before",
    "partly": "some requests stay with the old route, or are closed",
    "left": "the old route answers as before",
    "closed": "no request passes any more",
}


def report_json(report: Report) -> JsonObject:
    """Return the report as JSON."""
    counts = {status: report.count(status) for status in _STATUSES}
    return {"counts": counts, **asdict(report)}


def report_text(report: Report, options: Options) -> str:
    """Return the report as a page in Markdown."""
    lines = [
        f"# Adoption of {', '.join(map(_code, report.sources))}",
        "",
        f"{report.components} components and {report.clients} clients in Application "
        f"{_code(options.application)}. Public rules and old credentials end on {options.until}.",
        "",
        *_table(
            ("routes", "number", "meaning"),
            (
                (status, str(report.count(status)), _MEANINGS[status])
                for status in _STATUSES
            ),
        ),
        *_routes(report.routes),
        *_closed(report.closed),
        *_notes(
            "Consumers without a client",
            "They keep their access to old routes only.",
            report.consumers,
        ),
        *_notes(
            "Plugins that are not carried over",
            "The adopted paths run without them.",
            report.plugins,
        ),
        *_to_do(report, options),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _routes(routes: Iterable[RouteEntry]) -> Iterator[str]:
    rows = [
        (_code(each.name), each.place, each.status, _reasons(each.reasons))
        for each in routes
        if each.status != "adopted"
    ]
    if rows:
        yield from ("", "## Routes that are not adopted as a whole", "")
        yield from _table(("route", "place", "status", "why"), rows)


def _reasons(reasons: Names) -> str:
    """Return the first reasons, and the number of the others."""
    shown = "; ".join(reasons[:_MOST_REASONS])
    more = len(reasons) - _MOST_REASONS
    return f"{shown}; and {more} more" if more > 0 else shown


_MOST_REASONS = 3


def _closed(entries: list[ClosedEntry]) -> Iterator[str]:
    if not entries:
        return
    yield from (
        "",
        "## Closed requests",
        "",
        "They passed before. `/a*` are the paths that continue `/a` without a slash.",
        "",
    )
    yield from _table(
        ("requests", "callers", "route", "place", "why"),
        (
            (
                _code(f"{','.join(each.methods)} {each.host}{each.path}"),
                ", ".join(each.callers) or "everybody",
                _code(each.route),
                each.place,
                each.why,
            )
            for each in entries
        ),
    )


def _notes(title: str, sentence: str, notes: list[Note]) -> Iterator[str]:
    if not notes:
        return
    yield from ("", f"## {title}", "", sentence, "")
    yield from _table(
        ("name", "place", "why"),
        ((_code(each.name), each.place, each.text) for each in notes),
    )


def _to_do(report: Report, options: Options) -> Iterator[str]:
    steps = []
    if not options.issuer:
        steps.append(
            f"Replace the identity provider in `stacks/Pulumi.{options.stack}.yaml` by yours."
        )
    if report.authorities and not options.ca:
        names = ", ".join(map(_code, report.authorities))
        steps.append(
            f"Write the CA certificates that verify {names} to `stacks/{CA_FILE}`, and add them to "
            "Kong (`/ca_certificates`)."
        )
    if report.takes_http and options.scheme == "https":
        steps.append(
            "Calls over plain http get 426. Redirect them by `gateway.plainHttp`, or adopt with "
            "`--scheme http`."
        )
    for host in report.placeholders:
        steps.append(f"Replace the placeholder in the address {_code(host)}.")
    if report.heads:
        steps.append(
            f"HEAD passes wherever GET does. This is new for {report.heads} kinds of requests."
        )
    if steps:
        yield from ("", "## To do", "")
        yield from (f"- {step}" for step in steps)


def _table(head: Names, rows: Iterable[Names]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{printable(text).replace('`', ' ')}`"
