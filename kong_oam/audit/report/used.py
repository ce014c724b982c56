"""The last use of each line, and the calls since a line was removed, from uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kong_oam.access.before import KIND_WORDS
from kong_oam.access.diff.wording import methods
from kong_oam.access.model import Estate
from kong_oam.audit.report.lines import LineKey, LineKind
from kong_oam.audit.uses import needs
from kong_oam.audit.uses.model import CallClass, Seen, Uses
from kong_oam.audit.uses.needs import Need
from kong_oam.oam.position import Texts

# Lines whose use is in no record of a request.
UNRECORDED: frozenset[LineKind] = frozenset({"connection", "waiver"})

# Records of denied calls do not name such lines.
UNRECORDED_DENIALS: frozenset[LineKind] = UNRECORDED | {"group", "any token"}

# Lines whose last use follows from the records alone.
_BY_RECORDS: frozenset[LineKind] = frozenset({"any token", "old credential"})

# Characters of a time, as 2026-11-28T06:23:17.
_LENGTH_OF_SECONDS = 19

# The codes of calls that need no grant.
_PUBLIC = "public"
_OPENED = "opened"


@dataclass(frozen=True, slots=True)
class CallsSince:
    """The least numbers of calls by a removed line that were allowed and denied.

    `last` is the time of the last denied call, or empty.
    """

    allowed: int = 0
    denied: int = 0
    last: str = ""


def last_uses(
    estate: Estate, keys: Iterable[LineKey], uses: Uses
) -> Mapping[LineKey, str]:
    """Return the time of the last allowed call (RFC 3339) of each line that allows a call.

    Grants, groups and public rules have the uses of `audit unused`.
    """
    found = dict(_last_by_records(keys, uses))
    for need, time in needs.last_uses(estate, uses).items():
        key = _line_of(need)
        if key:
            found[key] = max(time, found.get(key, ""))
    return found


def _line_of(need: Need) -> LineKey | None:
    """Return the line that gives a part of access; None for a client as a whole."""
    if need.kind == "grant":
        return LineKey(need.component, "client", need.holder)
    if need.kind == "group":
        return LineKey(need.component, "group", need.holder)
    if need.kind == "public rule":
        holder = f"{methods(need.detail.split(','))} {need.holder}"
        return LineKey(need.component, "public", holder)
    return None


def _last_by_records(
    keys: Iterable[LineKey], uses: Uses
) -> Iterator[tuple[LineKey, str]]:
    """Yield the last use of each line that names no scope, role or rule."""
    others = [key for key in keys if key.kind in _BY_RECORDS]
    by_component = _by_component(others)
    found: dict[LineKey, str] = {}
    for call, seen in uses.classes.items():
        if call.is_allowed and call.code not in (_PUBLIC, _OPENED):
            for key in by_component.get(call.component, ()):
                if _is_by(call, key):
                    found[key] = max(seen.last, found.get(key, ""))
    yield from found.items()


def calls_since(
    removed: Mapping[LineKey, str], uses: Uses, callers: Texts
) -> Mapping[LineKey, CallsSince]:
    """Return the calls since each line was removed. `removed` has the times (RFC 3339).

    `callers`: the component of each client id. Records name a component without calls by its id.
    """
    by_component = _by_component(removed)
    found = dict.fromkeys(removed, CallsSince())
    for recorded, seen in uses.classes.items():
        caller = recorded.caller or callers.get(recorded.client or "")
        call = replace(recorded, caller=caller)
        for key in by_component.get(call.component, ()):
            start = _second(removed[key])
            if _second(seen.last) >= start and _is_by(call, key):
                # A class that is older has at least its last call since then.
                count = seen.count if _second(seen.first) >= start else 1
                found[key] = _with_calls(found[key], key, call, seen, count)
    return found


def _second(time: str) -> str:
    """Return a time (RFC 3339) without fractions of a second, which records of runs have not."""
    return time[:_LENGTH_OF_SECONDS]


def _with_calls(
    known: CallsSince, key: LineKey, call: CallClass, seen: Seen, count: int
) -> CallsSince:
    """Return the sum with a class of calls."""
    if call.decision == "refused":
        last = max(known.last, seen.last)
        return CallsSince(known.allowed, known.denied + count, last)
    # A client may call public paths without a grant.
    by_grant = call.code not in (_PUBLIC, _OPENED)
    if call.is_allowed and (by_grant or key.kind == "public"):
        return CallsSince(known.allowed + count, known.denied, known.last)
    return known


def _by_component(keys: Iterable[LineKey]) -> Mapping[str, list[LineKey]]:
    found: dict[str, list[LineKey]] = {}
    for key in keys:
        if key.kind not in UNRECORDED:
            found.setdefault(key.component, []).append(key)
    return found


def _is_by(call: CallClass, key: LineKey) -> bool:
    """Return whether the caller, the user or the request is in the line."""
    if key.kind == "public":
        return _is_at(call, key.holder)
    if key.kind == "group":
        return key.holder in call.groups
    if key.kind == "any token":
        return True
    if not call.by:
        return key.kind == "client" and call.caller == key.holder
    caller, _, proof = key.holder.partition(" as ")
    is_proof = proof.endswith(f" by {KIND_WORDS[call.by]}")
    return caller == (call.caller or call.client) and is_proof


def _is_at(call: CallClass, holder: str) -> bool:
    """Return whether a request is at the path of a public rule: `GET /orders/health`."""
    methods, path = holder.split(" ")[:2]
    listed = methods.split(",")
    is_listed = (
        methods == "*"
        or call.method in listed
        or (call.method == "HEAD" and "GET" in listed)
    )
    if call.code == _PUBLIC:
        return is_listed and call.rule_path == path
    below = f"{path.removesuffix('/')}/"
    return is_listed and f"{call.path}/".startswith(below)
