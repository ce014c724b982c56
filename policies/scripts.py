"""Reads the scripts in Kong's serverless functions: what they are given, and what the program would
send with it.

A script that is ours is exactly the text that `kong_oam.kong.plugins` makes of its own inputs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from kong_oam.access.data import JsonObject
from kong_oam.kong.plugins import admission, gate
from kong_oam.kong.script import ScriptInputs, inputs_of, stripped_in

_HSTS = re.compile(r"'max-age=(?P<seconds>[0-9]+)'\) end")
"""The end of the script that tells browsers to use https only."""

# An edge: a plugin's configuration, or what a script in it is given, of whatever version.
Content = JsonObject


def meant(kind: str, config: Content) -> Mapping[str, Sequence[str]]:
    """Return the scripts by phase that this version sends with the inputs of a configuration; empty
    where it has none."""
    script = _first(config, "access")
    inputs = inputs_of(script)
    if inputs is None:
        return {}
    if kind == "post-function":
        return (
            gate(inputs.table, inputs.address)
            if inputs.address is not None
            else {}
        )
    hsts = _HSTS.search(_first(config, "header_filter"))
    return admission(
        inputs.table, int(hsts["seconds"]) if hsts else 0, stripped_in(script)
    )


def table_of(config: Content | None) -> Content | None:
    """Return the table in a plugin's configuration; None where there is none that can be read, or
    it is not known yet."""
    inputs = _inputs(config)
    return _read(inputs.table) if inputs else None


def address_of(config: Content | None) -> Content | None:
    """Return the address of the workload in a gate's configuration; None as for a table."""
    inputs = _inputs(config)
    return (
        _read(inputs.address) if inputs and inputs.address is not None else None
    )


def _inputs(config: Content | None) -> ScriptInputs | None:
    return inputs_of(_first(config or {}, "access"))


def _first(config: Content, phase: str) -> str:
    scripts = config.get(phase) or [""]
    return str(scripts[0])


def _read(text: str) -> Content | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
