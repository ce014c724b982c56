"""`explain --request`: takes one request apart that the gateway kept a record of
(docs/reference/records.md)."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.model import Component, Estate, Rule
from kong_oam.access.networks import read_address
from kong_oam.access.paths import AmbiguousPathError, read
from kong_oam.access.tokens import Claims, Refusal
from kong_oam.cli.command import OK, UsageError, quoted
from kong_oam.cli.console import Colour, Console
from kong_oam.cli.entries import rule_entry
from kong_oam.cli.estates import asked_settings, estate_of, reading_of
from kong_oam.diagnostics import printable
from kong_oam.kong import names
from kong_oam.kong.plugins import AUTHENTICATION
from kong_oam.kong.table import revision
from kong_oam.metrics.records import VERSION, RequestRecord, is_whole, values_in
from kong_oam.oam.position import Fields
from kong_oam.traits.at_kong import AT_KONG

# What would have let a request pass, by code, where that is the same for every request.
_REMEDIES: dict[str, str] = {
    "address-not-allowed": "a call from an address that the rule allows",
    "ambiguous-header": "Connection with close, keep-alive, TE or Upgrade alone; X-Forwarded-For "
    "spelled with `-`",
    "ambiguous-path": "the path spelled in one way: no dot segments, escapes of what need not be "
    "escaped, or `;`",
    "client-closed": "a caller that waits for the answer",
    "failed": "nothing of the caller's: the gateway's error log says what failed",
    "length-needed": "a body that says its length, or HTTP/1.1",
    "malformed-authorization": "one Authorization header, exactly `Bearer <token>`",
    "method-unknown": "a method that the gateway takes",
    "not-admitted": "nothing of the caller's: the gate ran without admission; `kong-oam verify` "
    "says what is not there",
    "not-exposed": "a host and path of a component's gateway trait",
    "other-api": "a token for this API",
    "refused": "what the plugin asks for that answered: none of the gate's",
    "token-needed": "an access token of the component's provider",
    "token-not-for-us": "a token of this issuer for this audience",
    "token-not-of-issuer": "a token that is signed with a key of this issuer's",
    "token-not-verified": "a token that is signed with a key of this issuer's, and has not expired",
    "token-unreadable": "an access token, with client, subject, scopes and groups as the provider "
    "spells them",
    "token-untimely": "a token that is valid at the time",
    "too-large": "a smaller body",
    "too-many-requests": "fewer requests in the time",
    "unavailable": "nothing of the caller's: the gateway has nowhere to send it, or a plugin says "
    "that it is closed",
    "upstream-failed": "nothing of the caller's: the workload did not answer",
    "upstream-timeout": "nothing of the caller's: the workload took too long",
}
for _trait in AT_KONG:
    _REMEDIES.update(_trait.remedies)


def explain_recorded(options: argparse.Namespace, console: Console) -> int:
    """Print what was decided of a recorded request, why, by which rule, and what today's
    Applications make of it.

    Raises UsageError where the record is not there, or is none.
    """
    record = _record(options.logs, options.request)
    if record["stack"] != options.stack:
        stack = printable(record["stack"])
        raise UsageError(
            f"the request was recorded by stack '{stack}'; ask with --stack {stack}"
        )
    settings = asked_settings(options)
    estate = estate_of(reading_of(options.applications, settings), settings)
    component = estate.components.get(record["component"])
    address = read_address(str(record.get("address")))
    request = Request(
        record["method"],
        record["host"],
        record["path"].encode(),
        str(address) if address else None,
    )
    now = decide(estate, request, _token(estate, component, record))
    # The revision shows whether the gate that decided had the rules that are here.
    current = None
    if component and record["port"] in component.backends:
        ring = names.ring(estate.stack.name, component.identity.provider)
        current = revision(
            estate,
            component,
            record["port"],
            ring,
            AUTHENTICATION[settings.gateway.edition],
        )
    passes = _passes(component, record)
    if console.json:
        today = {
            "status": now.status,
            "code": now.code,
            "reason": now.reason,
            "rule": rule_entry(now.rule),
        }
        console.print_json(
            {
                "record": record,
                "currentRevision": current,
                "now": today,
                "passes": passes or None,
            }
        )
        return OK
    _print(console, record, current, now, passes)
    return OK


def _print(
    console: Console,
    record: RequestRecord,
    current: str | None,
    now: Decision,
    passes: str,
) -> None:
    head = (
        f"{record['status']} {record['method']} {record['host']}{record['path']} at "
        f"{record['time']}"
    )
    source = f"revision {record['revision']}"
    if current != record["revision"]:
        current_one = (
            f"today's is {current}" if current else "today there is none"
        )
        source += f", not what the Applications here mean: {current_one}"
    colour: Colour = "green" if record["decision"] == "allowed" else "red"
    console.print(
        console.paint(colour, printable(head)),
        f"  code    {printable(record['code'])} ({printable(record['decision'])}), by "
        f"{printable(source)}",
        f"  caller  {printable(_caller(record))}",
        f"  rule    {printable(str(record.get('rule') or 'none of the Applications'))}",
        f"  today   {now.status} {now.code}: {printable(now.reason)}",
    )
    if passes:
        console.print(f"  passes  {printable(passes)}")
    if now.rule:
        console.print(f"    {now.rule.position}", now.rule.position.excerpt())


def _record(file: str, request_id: str) -> RequestRecord:
    """Return the last record of the request. What else is in the log, records of others or no text
    at all, is passed over."""
    count = 0
    last: Fields | None = None
    with Path(file).open("rb") as lines:
        for record in _records(lines):
            count += 1
            if record.get("requestId") == request_id:
                last = record
    if last is None:
        raise UsageError(
            f"none of the {count} records in {quoted(file)} is of request {quoted(request_id)}"
        )
    if not is_whole(last):
        raise UsageError(
            f"the record of request {quoted(request_id)} is none of version {VERSION}: it lacks "
            "fields, or has others of their names"
        )
    return last


def _records(lines: Iterable[bytes]) -> Iterator[Fields]:
    """The records in lines of JSON, each of one or of a list; lines of others are passed over."""
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
) -> Claims | Refusal | None:
    """What the record says of who called: of the token's scopes, those that counted."""
    code = record["code"]
    if component is None or (code == "token-needed" and "client" not in record):
        return None
    if "client" not in record:
        is_refused = code.startswith("token-")
        return Refusal("the token did not count", code) if is_refused else None
    provider = estate.provider_of(component)
    audience = provider.audience_of(component.key) if provider.per_api else None
    return Claims(
        component.identity.provider,
        str(record.get("caller", "")),
        str(record.get("subject", "")),
        record.get("user") is True,
        tuple(record.get("scopes", ())),
        tuple(map(provider.listed, record.get("groups", ()))),
        "" if code == "other-api" else audience,
    )


def _caller(record: RequestRecord) -> str:
    if "client" not in record:
        return f"nobody that a token told of, from {record.get('address')}"
    caller = f"{record.get('caller', 'no client of the estate')} (client id {record['client']})"
    if record.get("user"):
        groups = " and ".join(record.get("groups", ())) or "none"
        caller += (
            f" for user {record.get('subject') or record.get('subjectHash')}, of whose groups "
            f"{groups} counted"
        )
    return (
        f"{caller}; {' '.join(record.get('scopes', ())) or 'no scope'} counted; from "
        f"{record.get('address')}"
    )


def _passes(component: Component | None, record: RequestRecord) -> str:
    """What would let the request pass, by the Applications as they are; empty where that is not
    known."""
    code = record["code"]
    if code in _REMEDIES:
        return _REMEDIES[code]
    if component is None or code not in (
        "scope-missing",
        "method-not-listed",
        "no-rule",
    ):
        return ""
    passing = []
    rules: tuple[Rule, ...] = ()
    # A path that could be read in more than one way is no rule's.
    with suppress(AmbiguousPathError):
        rules = component.owning(read(record["path"].encode()))
    for rule in rules:
        if code != "scope-missing" or rule.lists(record["method"]):
            passing.append(f"{_asked(rule)} ({rule.position})")
    return " or ".join(passing) or "a rule that owns the path"


def _asked(rule: Rule) -> str:
    """What a rule asks for."""
    methods = ", ".join(rule.methods)
    if rule.public:
        return f"{methods} by anybody"
    return (
        f"{methods} with {' and '.join(rule.scopes) or 'a token that counts'}"
    )
