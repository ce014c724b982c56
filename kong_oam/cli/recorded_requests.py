"""`explain --request`: explain a request from the gateway's records (docs/reference/records.md)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

from kong_oam.access.before import KIND_WORDS
from kong_oam.access.decide import Decision, Proof, Request, decide
from kong_oam.access.model import Component, Estate, Rule
from kong_oam.access.networks import read_address
from kong_oam.access.paths import AmbiguousPathError, read
from kong_oam.audit.proof import RecordedCaller, recorded_proof
from kong_oam.cli.command import OK, UsageError, quoted
from kong_oam.cli.console import Colour, Console
from kong_oam.cli.entries import PlaceEntry, rule_entry
from kong_oam.cli.estates import read_estate, selected_settings
from kong_oam.diagnostics import printable
from kong_oam.kong.revisions import revision_of
from kong_oam.metrics.records import (
    VERSION,
    RequestRecord,
    is_complete,
    values_in,
)
from kong_oam.oam.position import Fields
from kong_oam.traits.at_kong import AT_KONG

# Remedies by code, for codes with the same remedy for every request.
_REMEDIES: dict[str, str] = {
    "address-not-allowed": "call from an address that the rule allows",
    "ambiguous-header": "send Connection only with close, keep-alive, TE or Upgrade; spell "
    "X-Forwarded-For with `-`",
    "ambiguous-path": "send the path without dot segments, `;` and unneeded escapes",
    "client-closed": "keep the connection open until the answer arrives",
    "credential-ended": "use a token: the old key or password is over",
    "credential-not-accepted": "use a token, or a key or password of a client with `before` that "
    "this component accepts",
    "failed": "not the caller's fault: see the gateway's error log",
    "length-needed": "send the length of the body, or use HTTP/1.1",
    "malformed-authorization": "send one Authorization header, exactly `Bearer <token>`",
    "method-unknown": "use a method that the gateway accepts",
    "not-admitted": "not the caller's fault: the gate ran without admission; `kong-oam verify` "
    "finds the missing part",
    "not-exposed": "use a host and path of a component's gateway trait",
    "other-api": "send a token for this API",
    "refused": "see the settings of the plugin that answered; the gate allowed the request",
    "several-credentials": "send either a token, or an old key or password",
    "token-needed": "send an access token of the component's provider",
    "token-not-for-us": "send a token of this issuer for this audience",
    "token-not-of-issuer": "send a token that a key of this issuer signed",
    "token-not-verified": "send a token that a key of this issuer signed and that has not expired",
    "token-unreadable": "send an access token with client, subject, scopes and groups in the "
    "provider's format",
    "token-untimely": "send a token that is valid now",
    "too-large": "send a smaller body",
    "too-many-requests": "send fewer requests in this period",
    "unavailable": "not the caller's fault: the gateway has no address for the request, or a "
    "plugin closed it",
    "upstream-failed": "not the caller's fault: the workload did not answer",
    "upstream-timeout": "not the caller's fault: the workload took too long",
}
for _trait in AT_KONG:
    _REMEDIES.update(_trait.remedies)


class NowEntry(TypedDict):
    """The decision of the current Applications on a recorded request."""

    status: int
    code: str
    reason: str
    rule: PlaceEntry | None


class RecordedAnswer(TypedDict):
    """A record (docs/reference/record.schema.json), and today's decision on its request. `passes`:
    the change with which the request would pass."""

    record: dict[str, Any]
    currentRevision: str | None
    now: NowEntry
    passes: str | None


def explain_recorded(options: Namespace, console: Console) -> int:
    """Print the decision about a recorded request, its reason and rule, and the decision of the
    current Applications.

    Raises UsageError if the record is missing or invalid.
    """
    record = _record(options.logs, options.request)
    if record["stack"] != options.stack:
        stack = printable(record["stack"])
        raise UsageError(
            f"stack '{stack}' recorded the request: add --stack {stack}"
        )
    settings = selected_settings(options)
    estate = read_estate(options.applications, settings)
    component = estate.components.get(record["component"])
    address = read_address(str(record.get("address")))
    request = Request(
        record["method"],
        record["host"],
        record["path"].encode(),
        str(address) if address else None,
    )
    now = decide(estate, request, _token(estate, component, record))
    # The revision shows whether the gate had the rules of the current Applications.
    current = None
    if component and record["port"] in component.backends:
        edition = settings.gateway.edition
        current = revision_of(estate, component, record["port"], edition)
    remedy = _remedy(component, record)
    if console.json:
        answer: RecordedAnswer = {
            "record": {**record},
            "currentRevision": current,
            "now": {
                "status": now.status,
                "code": now.code,
                "reason": now.reason,
                "rule": rule_entry(now.rule),
            },
            "passes": remedy or None,
        }
        console.print_json(answer)
        return OK
    _print(console, record, current, now, remedy)
    return OK


def _print(
    console: Console,
    record: RequestRecord,
    current: str | None,
    now: Decision,
    remedy: str,
) -> None:
    head = (
        f"{record['status']} {record['method']} {record['host']}{record['path']} at "
        f"{record['time']}"
    )
    source = f"revision {record['revision']}"
    if current != record["revision"]:
        current_note = (
            f"the current revision is {current}"
            if current
            else "no current revision"
        )
        source += f", not from these Applications: {current_note}"
    colour: Colour = "green" if record["decision"] == "allowed" else "red"
    console.print(
        console.paint(colour, printable(head)),
        f"  code    {printable(record['code'])} ({printable(record['decision'])}), by "
        f"{printable(source)}",
        f"  caller  {printable(_caller(record))}",
        f"  rule    {printable(str(record.get('rule') or 'none'))}",
        f"  today   {now.status} {now.code}: {printable(now.reason)}",
    )
    if remedy:
        console.print(f"  remedy  {printable(remedy)}")
    if now.rule:
        console.print(f"    {now.rule.position}", now.rule.position.excerpt())


def _record(file: str, request_id: str) -> RequestRecord:
    """Return the last record of the request. Other lines of the log are ignored."""
    count = 0
    last: Fields | None = None
    with Path(file).open("rb") as lines:
        for record in _records(lines):
            count += 1
            if record.get("requestId") == request_id:
                last = record
    if last is None:
        raise UsageError(
            f"no record of request {quoted(request_id)} among {count} records in {quoted(file)}"
        )
    if not is_complete(last):
        raise UsageError(
            f"the record of request {quoted(request_id)} does not have version {VERSION}: fields "
            "are missing or have other types"
        )
    return last


def _records(lines: Iterable[bytes]) -> Iterator[Fields]:
    """Yield the records in lines of JSON. A line has a record or a list of records; other lines are
    ignored."""
    for line in lines:
        try:
            values = values_in(line)
        except ValueError:
            continue
        for value in values:
            if isinstance(value, dict):
                yield value


def _token(
    estate: Estate, component: Component | None, record: RequestRecord
) -> Proof | None:
    """Return the claims of the caller from the record, with the effective scopes."""
    recorded = RecordedCaller(
        record["code"],
        "client" in record,
        str(record.get("caller", "")),
        record.get("by"),
        record.get("user") is True,
        tuple(record.get("scopes", ())),
        tuple(record.get("groups", ())),
        str(record.get("subject", "")),
    )
    return recorded_proof(estate, component, recorded)


def _caller(record: RequestRecord) -> str:
    address = record.get("address")
    source = f", from {address}" if address else ""
    if "client" not in record:
        return f"nobody (no valid token){source}"
    caller = f"{record.get('caller', 'no component of the stack')} (client id {record['client']})"
    if "by" in record:
        caller += f" by {KIND_WORDS.get(record['by'], record['by'])}"
    if record.get("user"):
        groups = " and ".join(record.get("groups", ())) or "no group"
        caller += f" for user {record.get('subject') or record.get('subjectHash')} in {groups}"
    scopes = " ".join(record.get("scopes", ())) or "none"
    return f"{caller} with scopes {scopes}{source}"


def _remedy(component: Component | None, record: RequestRecord) -> str:
    """Return how the request would pass, by the current Applications. Empty if that is unknown."""
    code = record["code"]
    if code in _REMEDIES:
        return _REMEDIES[code]
    if component is None or code not in (
        "scope-missing",
        "method-not-listed",
        "tool-not-listed",
        "no-rule",
    ):
        return ""
    remedies = []
    # No rule owns an ambiguous path.
    with suppress(AmbiguousPathError):
        for rule in component.owning(read(record["path"].encode())):
            if code != "scope-missing" or rule.lists(record["method"]):
                remedies.append(f"{_requirements(rule)} ({rule.position})")
    return " or ".join(remedies) or "add a rule for the path"


def _requirements(rule: Rule) -> str:
    """Return the requirements of a rule in words."""
    methods = ", ".join(rule.methods)
    if rule.public:
        return f"{methods} without a token"
    return f"{methods} with {' and '.join(rule.scopes) or 'any valid token'}"
