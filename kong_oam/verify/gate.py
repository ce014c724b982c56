"""Decides as admission and the gate do by their tables: the meaning of `lua/gate.lua`, for scripts
exactly ours.

Scripts are never executed here: one that differs in a single byte is not judged.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import jsonschema_rs

from kong_oam.access.hosts import host_patterns
from kong_oam.access.model import METHODS
from kong_oam.access.networks import Network, Networks, admits, fewest, network
from kong_oam.access.paths import PathSegments, may_be_longer, unwritten, written
from kong_oam.errors import InputError
from kong_oam.kong import plugins, script
from kong_oam.kong.table import VERSION
from kong_oam.verify.questions import Call

Table = Mapping[str, Any]
Requirement = Literal["public"] | Sequence[Sequence[str]]
"""What a table asks of callers: nothing, or a token that is worth all scopes of one of these
alternatives."""

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")

_TEXTS = {"type": "array", "items": {"type": "string"}}
_REQUIREMENT = {"oneOf": [{"const": "public"}, {"type": "array", "items": _TEXTS}]}
_FIELDS = {
    "ring": {"type": "string"},
    "issuer": {"type": ["string", "null"]},
    "audiences": _TEXTS,
    "per_api": {"type": "boolean"},
    "authentication": {"enum": ["jwt", "openid-connect"]},
    "spelling": {"type": "object"},
    "hosts": {
        "additionalProperties": {
            "type": "object",
            "additionalProperties": {"type": "boolean"},
        }
    },
    "rules": {
        "additionalProperties": {"type": "object", "additionalProperties": _REQUIREMENT}
    },
    "services": {"additionalProperties": _TEXTS},
    "on_behalf": {"additionalProperties": _TEXTS},
    "groups": {"additionalProperties": _TEXTS},
    "depth": {"type": "integer"},
    "forward_token": {"type": "boolean"},
}
_OPENED = {
    "type": "object",
    "required": ["path", "methods", "ends"],
    "properties": {
        "path": {"type": "string"},
        "methods": _TEXTS,
        "ends": {"type": "number"},
    },
}
is_opening = jsonschema_rs.validator_for(_OPENED).is_valid
"""Whether a value is an opening that the scripts take."""

_ADDRESSES = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": {**_TEXTS, "minItems": 1},
    },
}
_OPTIONAL = {"opened": _OPENED, "addresses": _ADDRESSES}
_SHAPE = jsonschema_rs.validator_for(
    {"required": list(_FIELDS), "properties": {**_FIELDS, **_OPTIONAL}}
)


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """A caller, as a table reads it from a token. `scopes` None: whatever the caller likes.
    `groups`: a user's.

    `client`: its id at the provider.
    """

    client: str
    scopes: frozenset[str] | None
    groups: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The scopes that a caller's token is worth by a table; None: whatever they like."""

    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Script:
    """A script of ours as Kong has it. A table that it would refuse itself is empty, and lets
    nothing through.

    `upstream`: of a gate, where it sends what it allows; None where it sends nothing anywhere.
    `verified`: only by a service of Kong's that verifies the workload's certificate.
    """

    table: Table
    upstream: tuple[str, int] | None = None
    verified: bool = False


def code(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The scripts that a serverless plugin runs, by phase; phases without any are left out."""
    return {
        name: value
        for name, value in config.items()
        if isinstance(value, list) and value
    }


def script_of(plugin: Mapping[str, Any]) -> Script | None:
    """Reads admission or the gate from a serverless plugin; None where what it runs is not exactly
    one of these.

    What it does to answers may be something else: it lets nothing through.
    """
    run = code(plugin["config"])
    first = run.get("access", [None])[0]
    inputs = script.inputs_of(first) if isinstance(first, str) else None
    if inputs is None:
        return None
    text, address = inputs.table, inputs.address
    if plugin["name"] == "pre-function":
        meant = code(plugins.admission(text, more=script.stripped_in(str(first))))
        ours = address is None and _judging(run) == _judging(meant)
    else:
        ours = address is not None and _judging(run) == _judging(
            code(plugins.gate(text, address))
        )
    table = _table(text)
    verified = read_object(address or "").get("name") is not None
    return (
        Script(table, _upstream(address), verified)
        if ours and table is not None
        else None
    )


def _judging(run: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {
        phase: scripts for phase, scripts in run.items() if phase != "header_filter"
    }


def with_table(
    plugin: Mapping[str, Any], table: Callable[[str], str]
) -> dict[str, Any]:
    """The configuration of admission or a gate, one that `script_of` knows, with what `table` makes
    of its table."""
    first, *more = code(plugin["config"])["access"]
    return {"access": [script.with_table(first, table), *more]}


@cache
def _table(text: str) -> Table | None:
    """The table, parsed: empty where the scripts refuse it, None where nobody can say."""
    value = read_object(text)
    if value.get("version") != VERSION:
        return {}
    if not _SHAPE.is_valid(value):
        return None
    try:
        list(networks_named(value))
    except InputError:
        return None
    return value


def _upstream(address: str | None) -> tuple[str, int] | None:
    value = read_object(address or "")
    host, port = value.get("host"), value.get("port")
    if (
        not isinstance(host, str)
        or not _HOST.fullmatch(host)
        or type(port) is not int
        or not 0 < port < 65536
    ):
        return None
    return host, port


def read_object(text: str) -> dict[str, Any]:
    """The JSON object in a text; empty where the scripts could not read it."""
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def forged_identities(tables: Iterable[Table]) -> Iterator[CallerIdentity]:
    """Whom somebody may claim to be who writes into a token what they like: by client, with the
    most there is."""
    tables = [table for table in tables if table]
    holders = [table[name] for table in tables for name in ("services", "on_behalf")]
    groups = frozenset(group for table in tables for group in table["groups"])
    for client in sorted({"", *(client for held in holders for client in held)}):
        scopes = frozenset(scope for held in holders for scope in held.get(client, ()))
        yield CallerIdentity(client, scopes)
        yield CallerIdentity(client, scopes, groups)


def scopes_held(table: Table, client: str) -> tuple[frozenset[str], frozenset[str]]:
    """The scopes that the client holds by the table: as itself, and for its users."""
    return frozenset(table["services"].get(client, ())), frozenset(
        table["on_behalf"].get(client, ())
    )


def requirement(table: Table, call: Call) -> Requirement:
    """What a script with this table asks of whoever makes the call; no alternative: it lets nobody
    through."""
    if not table:
        return ()
    owners = [
        written(call.path[:length])
        for length in range(min(len(call.path), table["depth"]), -1, -1)
    ]
    if call.method not in METHODS or not _owned(table, call.host, owners):
        return ()
    owner = _rule(table, call, owners)
    if owner is None or not admits(
        _networks(table, owner, call.method), call.address or ""
    ):
        return ()
    return (
        "public"
        if _opened(table, call, owner)
        else _of_method(table["rules"][owner], call.method) or ()
    )


def met(required: Requirement, held: Held | None) -> bool:
    """Whether a caller has what a table requires. `held`: by that table; None for one without a
    token that it takes."""
    if required == "public":
        return True
    if held is None:
        return False
    return any(
        held.scopes is None or held.scopes.issuperset(scopes) for scopes in required
    )


def held_by(table: Table, identity: CallerIdentity) -> Held:
    """What the caller holds by the table."""
    if identity.scopes is None:
        return Held(None)
    as_itself, for_users = scopes_held(table, identity.client)
    if identity.groups is None:
        return Held(identity.scopes & as_itself)
    by_groups = {
        scope for group in identity.groups for scope in table["groups"].get(group, ())
    }
    return Held(identity.scopes & for_users & by_groups)


def networks_named(table: Table) -> Iterator[Network]:
    """Every network in a table. Raises InputError for what is none."""
    for methods in table.get("addresses", {}).values():
        yield from (network(text) for texts in methods.values() for text in texts)


def _networks(table: Table, owner: str, method: str) -> Networks:
    """The networks from which alone the rules of a path let somebody in with the method."""
    return _read_networks(
        tuple(_of_method(table.get("addresses", {}).get(owner, {}), method) or ())
    )


@cache
def _read_networks(texts: tuple[str, ...]) -> Networks:
    return fewest(map(network, texts))


def _of_method(methods: Mapping[str, Any], method: str) -> Any:
    return methods.get(method) or methods.get("*")


def _opened(table: Table, call: Call, owner: str) -> bool:
    """Whether the rule of the call was opened in an emergency, and still is."""
    opened = table.get("opened")
    if opened is None or opened["path"] != owner:
        return False
    return time.time() < opened["ends"] and call.method in opened["methods"]


def _owned(table: Table, host: str, owners: Iterable[str]) -> bool:
    for pattern in host_patterns(host):
        paths = table["hosts"].get(pattern)
        if paths is not None:
            for owner in owners:
                if owner in paths:
                    return paths[owner] is True
    return False


def _rule(table: Table, call: Call, owners: Iterable[str]) -> str | None:
    """The longest rule path that owns the call; None where none does, or another server may read a
    longer one."""
    rules: Mapping[str, Mapping[str, Any]] = table["rules"]
    owner = next((path for path in owners if path in rules), None)
    if owner is None or may_be_longer(
        call.path, len(unwritten(owner)), _folded(tuple(rules))
    ):
        return None
    return owner


@cache
def _folded(paths: tuple[str, ...]) -> frozenset[PathSegments]:
    return frozenset(unwritten(path.lower()) for path in paths)
