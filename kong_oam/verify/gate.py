"""The decisions of admission and the gate by their tables: `lua/gate.lua` in Python, for our
scripts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Literal

from kong_oam.access.data import Names, Networks, PathSegments, T
from kong_oam.access.discovery import WELL_KNOWN
from kong_oam.access.hosts import host_patterns
from kong_oam.access.methods import http_method, is_known
from kong_oam.access.networks import admits, fewest, network
from kong_oam.access.paths import (
    beginnings,
    may_be_longer,
    unwritten,
    within,
    written,
)
from kong_oam.access.refusals import Refusals
from kong_oam.kong.script import RefusingAlternative, Table
from kong_oam.verify.identities import Held
from kong_oam.verify.questions import Call

# The requirement of a rule: public, or a token with all scopes of some alternative.
Requirement = Literal["public"] | Sequence[Sequence[str]]


def requirement(table: Table, call: Call) -> Requirement:
    """Return the requirement of a table for the call. Without alternatives, the script denies the
    call."""
    if not table or not is_known(call.method) or _is_document(table, call):
        return ()
    owner = _owner(table, call)
    if owner is None:
        return ()
    method = _method_at(table, owner, call.method)
    if not admits(_networks(table, owner, method), call.address or ""):
        return ()
    always = _of_method(table["rules"][owner], method)
    refusing = _of_method(table.get("refusing", {}).get(owner, {}), method)
    required: Requirement = always or ()
    if refusing and always != "public":
        required = _with_applying(required, refusing, call.path)
        # An opening concerns no path that the rule refuses.
        if not required:
            return ()
    return "public" if _opened(table, method, owner) else required


def _is_document(table: Table, call: Call) -> bool:
    """Return whether admission answers the call with a document about an MCP endpoint."""
    if call.method != "GET" or not within(call.path, WELL_KNOWN):
        return False
    endpoint = call.path[len(WELL_KNOWN) :]
    paths = [*map(written, beginnings(endpoint))]
    is_endpoint = written(endpoint) in table.get("tools", {})
    return is_endpoint and _leads_here(table, call.host, paths)


def _method_at(table: Table, owner: str, method: str) -> str:
    """Return the method by which the gate decides: it reads messages at MCP endpoints only."""
    return method if owner in table.get("tools", {}) else http_method(method)


def _with_applying(
    always: Requirement,
    refusing: Iterable[RefusingAlternative],
    path: PathSegments,
) -> Requirement:
    """Return the alternatives together with those that do not refuse the path."""
    required = [*always]
    for needed, refused in refusing:
        texts = {form: tuple(listed) for form, listed in refused.items()}
        if not Refusals(**texts).refuse(path):
            if needed == "public":
                return "public"
            required.append(needed)
    return required


def is_met(required: Requirement, held: Held | None) -> bool:
    """Return whether a caller meets a requirement. `held`: the caller's scopes by that table; None:
    the caller has no valid token."""
    if required == "public":
        return True
    if held is None:
        return False
    scopes = held.scopes
    return any(
        scopes is None or scopes.issuperset(needed) for needed in required
    )


def _networks(table: Table, owner: str, method: str) -> Networks:
    """Return the only networks that may call the rules of a path with the method."""
    of_path = table.get("addresses", {}).get(owner, {})
    return _read_networks(tuple(_of_method(of_path, method) or ()))


@cache
def _read_networks(texts: Names) -> Networks:
    return fewest(map(network, texts))


def _of_method(methods: Mapping[str, T], method: str) -> T | None:
    return methods.get(method) or methods.get("*")


def _opened(table: Table, method: str, owner: str) -> bool:
    """Return whether an emergency opening covers the call now."""
    opened = table.get("opened")
    if opened is None or opened["path"] != owner:
        return False
    return time.time() < opened["ends"] and method in opened["methods"]


def _owner(table: Table, call: Call) -> str | None:
    """Return the longest rule path that owns the call.

    None if no path owns it, if host and path belong to another component, or if another server may
    read a longer path.
    """
    longest = min(len(call.path), table["depth"])
    paths = [*map(written, beginnings(call.path[:longest]))]
    if not _leads_here(table, call.host, paths):
        return None
    rules = table["rules"]
    owner = next((path for path in paths if path in rules), None)
    if owner is None:
        return None
    longer = may_be_longer(
        call.path, len(unwritten(owner)), _folded(tuple(rules))
    )
    return None if longer else owner


def _leads_here(table: Table, host: str, candidates: Iterable[str]) -> bool:
    for pattern in host_patterns(host):
        paths = table["hosts"].get(pattern, {})
        for path in candidates:
            if path in paths:
                return paths[path] is True
    return False


@cache
def _folded(paths: Names) -> frozenset[PathSegments]:
    return frozenset(unwritten(path.lower()) for path in paths)
