"""`verify`: compare a stack's Kong with the Applications, and its cluster with the last run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict

from kong_oam.access.methods import METHODS, is_call
from kong_oam.cli.command import FOUND, OK, Command
from kong_oam.cli.console import Colour, Console, print_note
from kong_oam.cli.estates import (
    add_estate,
    read_estate,
    settings_of,
    with_definitions,
)
from kong_oam.cli.fix_entries import FixEntry
from kong_oam.cli.verify_fixes import Finding, fix_entries
from kong_oam.verify.deviations import KINDS, AffectedCalls, Deviation
from kong_oam.verify.questions import OTHER_METHOD

if TYPE_CHECKING:
    from kong_oam.access.settings.values import Settings
    from kong_oam.verify.adopted import WayAround
    from kong_oam.verify.nodes import StaleNode
    from kong_oam.verify.stack import Altered, Reason, Result, Workloads

_DETAILS = """\
Reads routes, services, plugins, consumers and credentials from the stack's Kong, derives who may
call what, and compares the result with the Applications. For each difference it prints the callers
with too much or too little access, the Kong entity that causes it, and the remedy.

Then it reads Deployments, Services, ServiceAccounts, NetworkPolicies and clients' Secrets (without
values) from the stack's cluster. It prints each field that changed since the last run, who changed
it, and the remedy. It also lists NetworkPolicies of others that let callers in to these pods.

If Kong has no database, the command first compares each node with the document: a node with another
document is stale. Then it reads the entities from a node that has the document.

Until the date of gateway.adopted, older routes to these workloads are listed as known and are no
findings. A route that takes a call from a route of the stack always is a finding.

The command changes nothing.

Exit status: 0 no findings, 1 findings, 2 Kong, the cluster or the stack's outputs cannot be read.

  python -m kong_oam verify --stack aws
  pulumi stack output -s aws --json > outputs.json
  python -m kong_oam verify --stack aws --outputs outputs.json

Kong's address is gateway.adminUrl or KONG_ADMIN_ADDR. Its credentials are KONG_ADMIN_TOKEN and
KONG_API_KEY, or secrets of the stack's configuration. kubectl reads the cluster, in the stack's
context or in the current context.
"""


class ReasonEntry(TypedDict):
    """The cause of a finding and its remedy. Another stack may own or use the cause."""

    text: str
    remedy: str
    stack: NotRequired[str]
    usedBy: NotRequired[list[str]]


class CallsEntry(TypedDict):
    """Callers, methods and URLs. Each URL includes the paths below it."""

    callers: list[str]
    methods: list[str]
    urls: list[str]


class DeviationEntry(TypedDict):
    """Calls with another decision than intended, a stale node, or an `object` of the cluster that
    changed. Without a `fix`, a person decides."""

    kind: str
    object: NotRequired[str]
    reasons: list[ReasonEntry]
    calls: list[CallsEntry]
    fix: NotRequired[FixEntry]


class VerifyAnswer(TypedDict):
    """The findings, and the older routes that the stack accepts until a date."""

    findings: list[DeviationEntry]
    known: list[DeviationEntry]


def _arguments(parser: ArgumentParser) -> None:
    add_estate(parser)
    parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="the stack's outputs as JSON (default: runs `pulumi stack output`)",
    )
    parser.add_argument(
        "--only",
        choices=("gateway", "cluster"),
        help="check only the gateway, or only the cluster (default: both)",
    )


def _run(options: Namespace, console: Console) -> int:
    # Imported here, so that other verbs start without the SDKs.
    from kong_oam.identity.kinds import describe
    from kong_oam.verify.stack import verify, workloads

    settings = with_definitions(
        settings_of(options.stack, describe=describe), options.definitions
    )
    estate = read_estate(options.applications, settings)
    result = (
        verify(settings, estate, options.outputs)
        if options.only != "cluster"
        else None
    )
    if result:
        print_note(*result.warnings)
    cluster = workloads(settings, estate) if options.only != "gateway" else None
    findings = result.findings if result else ()
    stale = result.stale if result else ()
    altered = cluster.altered if cluster else ()
    if console.json:
        entries = [*map(_stale, stale), *_entries(findings)]
        known = [*map(_known, result.known)] if result else []
        answer: VerifyAnswer = {
            "findings": [*entries, *map(_altered, altered)],
            "known": known,
        }
        console.print_json(answer)
        return FOUND if answer["findings"] else OK
    if result:
        console.print(*lines_of(result, options.stack, console))
        console.print(*known_lines(result, settings))
    if cluster:
        console.print(*_changes(cluster, options.stack, console))
    return FOUND if findings or stale or altered else OK


def lines_of(result: Result, stack: str, console: Console) -> Iterator[str]:
    """Yield the lines about a stack's Kong."""
    for node in result.stale:
        yield f"{console.paint('red', 'stale')}: {node.text}"
        if node.remedy:
            yield f"    to do: {node.remedy}"
    for finding, reasons in result.findings:
        is_minor = finding.kind in ("weakened", "closed", "limited")
        colour: Colour = "yellow" if is_minor else "red"
        yield f"{console.paint(colour, finding.kind)}: {_reasons_in_words(reasons)}"
        for calls in finding.exposures:
            yield from (f"    {methods(calls)} {url}" for url in calls.urls)
            yield f"        {KINDS[finding.kind]} {', '.join(calls.callers)}"
        if not finding.exposures:
            yield (
                "    no caller gained or lost access, but a guard, route, record, limit or answer "
                "may differ"
            )
        # Several reasons may have the same remedy.
        yield from dict.fromkeys(_remedies(reasons))
    yield _verdict(result, stack)


def known_lines(result: Result, settings: Settings) -> Iterator[str]:
    """Yield the lines about older routes that the stack accepts until a date."""
    adopted = settings.gateway.adopted
    if adopted is None or not result.known:
        return
    yield from (f"known: {way}" for way in result.known)
    yield (
        f"{len(result.known)} known way(s) around the gate are findings after {adopted.until} "
        "(gateway.adopted); to retire them: python -m kong_oam adopt retire"
    )


def _known(way: WayAround) -> DeviationEntry:
    reason: ReasonEntry = {"text": str(way), "remedy": ""}
    return {"kind": "known", "reasons": [reason], "calls": []}


def entries_of(result: Result, cluster: Workloads) -> list[DeviationEntry]:
    """Return the findings of both checks as JSON, without known routes and without fixes."""
    found = [_entry(*finding) for finding in result.findings]
    stale = map(_stale, result.stale)
    return [*stale, *found, *map(_altered, cluster.altered)]


def _changes(cluster: Workloads, stack: str, console: Console) -> Iterator[str]:
    for entry in cluster.altered:
        yield f"{console.paint('red', 'changed')}: {entry.name}: {_reasons_in_words(entry.reasons)}"
        yield from dict.fromkeys(_remedies(entry.reasons))
    objects = f"{cluster.objects} object(s) of the cluster"
    if cluster.altered:
        yield f"{len(cluster.altered)} of {objects} differ from the last run of '{stack}'"
    else:
        yield f"{objects} match the last run of '{stack}'"


def _remedies(reasons: tuple[Reason, ...]) -> Iterator[str]:
    for reason in reasons:
        if reason.used_by:
            yield f"    ask its other users first: {', '.join(reason.used_by)}"
        if reason.stack:
            yield (
                f"    stack '{reason.stack}' owns it: python -m kong_oam verify --stack "
                f"{reason.stack}"
            )
        elif reason.remedy:
            yield f"    to do: {reason.remedy}"


def _verdict(result: Result, stack: str) -> str:
    count = len(result.findings) + len(result.stale)
    if not count:
        return (
            f"{result.components} exposed component(s): the Kong of stack '{stack}' enforces the "
            "Applications"
        )
    return f"{count} finding(s): the Kong of stack '{stack}' does not enforce the Applications"


def _reasons_in_words(reasons: tuple[Reason, ...]) -> str:
    return (
        "; ".join(reason.text for reason in reasons) or "Kong's current state"
    )


def methods(calls: AffectedCalls) -> str:
    """Return the methods of these calls in words: `*` for all methods that rules can list."""
    listed = [method for method in calls.methods if method != OTHER_METHOD]
    if set(METHODS) <= set(listed):
        return ",".join(["*", *filter(is_call, listed)])
    text = ",".join(listed)
    if OTHER_METHOD in calls.methods:
        return f"{text or 'none'} (and others)"
    return text


def _altered(entry: Altered) -> DeviationEntry:
    return {
        "kind": "changed",
        "object": entry.name,
        "reasons": [*map(_reason, entry.reasons)],
        "calls": [],
    }


def _stale(node: StaleNode) -> DeviationEntry:
    reason: ReasonEntry = {"text": node.text, "remedy": node.remedy}
    return {
        "kind": "stale",
        "object": node.node,
        "reasons": [reason],
        "calls": [],
    }


def _reason(reason: Reason) -> ReasonEntry:
    entry: ReasonEntry = {"text": reason.text, "remedy": reason.remedy}
    if reason.stack:
        entry["stack"] = reason.stack
    if reason.used_by:
        entry["usedBy"] = [*reason.used_by]
    return entry


def _entries(findings: Sequence[Finding]) -> list[DeviationEntry]:
    entries = []
    for finding, fix in zip(findings, fix_entries(findings), strict=True):
        entry = _entry(*finding)
        if fix:
            entry["fix"] = fix
        entries.append(entry)
    return entries


def _entry(finding: Deviation, reasons: tuple[Reason, ...]) -> DeviationEntry:
    return {
        "kind": finding.kind,
        "reasons": [*map(_reason, reasons)],
        "calls": [
            {
                "callers": [*calls.callers],
                "methods": [*calls.methods],
                "urls": [*calls.urls],
            }
            for calls in finding.exposures
        ],
    }


COMMAND = Command(
    "verify",
    "compare a stack's Kong and cluster with the Applications",
    _DETAILS,
    _arguments,
    _run,
    VerifyAnswer,
)
