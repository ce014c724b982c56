"""Our own scripts, read back from the plugins of a gateway.

Scripts are never executed here. A script that differs in a single byte is not judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

from jsonschema_rs import validator_for

from kong_oam.access.data import JsonObject, NameLists, Network
from kong_oam.access.networks import network
from kong_oam.errors import InputError
from kong_oam.kong import plugins, script
from kong_oam.kong.entities import Config, Entity
from kong_oam.kong.script import Table
from kong_oam.kong.table import VERSION

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")

_SCHEMA = json.loads(
    Path(__file__).with_name("table.schema.json").read_text("utf-8")
)
_SHAPE = validator_for(_SCHEMA)

# Whether a value is an opening that the scripts accept.
is_opening = validator_for(_SCHEMA["properties"]["opened"]).is_valid


@dataclass(frozen=True, slots=True)
class Script:
    """A script of ours as Kong has it. A table that it would refuse itself is empty, and lets
    nothing through.

    `upstream`: of a gate, where it sends what it allows; None where it sends nothing anywhere.
    `verified`: only by a service of Kong's that verifies the workload's certificate.
    `host_header`: of a gate, the Host header that the stack sets; None for another header.
    """

    table: Table
    upstream: tuple[str, int] | None = None
    verified: bool = False
    host_header: str | None = None


def scripts_by_phase(config: Config) -> NameLists:
    """Return the scripts that a serverless plugin runs, by phase. Empty phases are left out."""
    return {
        name: value
        for name, value in config.items()
        if isinstance(value, list) and value
    }


def script_of(plugin: Entity) -> Script | None:
    """Return the admission or gate that a serverless plugin runs, or None for any other script.

    Scripts that only change answers may differ, since they cannot allow a request.
    """
    run = scripts_by_phase(plugin["config"])
    first = run.get("access", [None])[0]
    inputs = script.inputs_of(first) if isinstance(first, str) else None
    if inputs is None:
        return None
    intended_config = _intended_config(plugin["name"], inputs, str(first))
    table = _table(inputs.table)
    if (
        table is None
        or intended_config is None
        or _judging(run) != _judging(scripts_by_phase(intended_config))
    ):
        return None
    address = read_object(inputs.address or "")
    return Script(
        table,
        _upstream(address),
        address.get("name") is not None,
        address.get("host_header"),
    )


def _intended_config(
    kind: str, inputs: script.ScriptInputs, first: str
) -> Config | None:
    """Return the configuration of our plugin of this kind with these inputs, or None for wrong
    inputs."""
    if kind == "pre-function":
        if inputs.address is not None:
            return None
        return plugins.admission(inputs.table, more=script.stripped_in(first))
    if inputs.address is None:
        return None
    return plugins.gate(inputs.table, inputs.address)


def _judging(run: Mapping[str, list[str]]) -> NameLists:
    return {
        phase: scripts
        for phase, scripts in run.items()
        if phase != "header_filter"
    }


def with_table(plugin: Entity, table: Callable[[str], str]) -> Config:
    """Return the configuration of admission or a gate with its table changed by `table`.

    `script_of` must be able to read the plugin.
    """
    first, *more = scripts_by_phase(plugin["config"])["access"]
    return {"access": [script.with_table(first, table), *more]}


@cache
def _table(text: str) -> Table | None:
    """Parse a table. Empty: the scripts reject it. None: it is unknown whether they do."""
    value = read_object(text)
    if value.get("version") != VERSION:
        return {}
    if not _is_table(value):
        return None
    try:
        list(networks_named(value))
    except InputError:
        return None
    return value


def _is_table(value: JsonObject) -> TypeGuard[Table]:
    return _SHAPE.is_valid(value)


def networks_named(table: Table) -> Iterator[Network]:
    """Yield every network in a table. Raises InputError for an invalid network."""
    for methods in table.get("addresses", {}).values():
        for texts in methods.values():
            yield from map(network, texts)


def _upstream(address: JsonObject) -> tuple[str, int] | None:
    host = address.get("host")
    port = address.get("port")
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        return None
    # A boolean is an int, but no port.
    if type(port) is not int or not 0 < port < 65536:
        return None
    return host, port


def read_object(text: str) -> JsonObject:
    """Return the JSON object in a text, or an empty object if the scripts could not read it."""
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value
