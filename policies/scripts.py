"""Reads the scripts in Kong's serverless functions: their inputs, and the program's scripts for
these inputs.

A script is ours if it is exactly the text that `kong_oam.kong.plugins` makes of the script's
inputs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from kong_oam.access.data import JsonObject
from kong_oam.kong.plugins import admission, gate
from kong_oam.kong.script import ScriptInputs, inputs_of, stripped_in

# The end of the script that tells browsers to use https only.
_HSTS = re.compile(r"'max-age=(?P<seconds>[0-9]+)'\) end")

# An edge: a plugin's configuration, or the inputs of a script in it, of any version.
Content = JsonObject


def expected_scripts(kind: str, config: Content) -> Mapping[str, Sequence[str]]:
    """Return the scripts, by phase, that this version sends with the inputs of a configuration;
    empty for other configurations."""
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
    """Return the table in a plugin's configuration; None if it is unreadable or unknown."""
    inputs = _inputs(config)
    return _read(inputs.table) if inputs else None


def address_of(config: Content | None) -> Content | None:
    """Return the workload's address in a gate's configuration; None if it is unknown."""
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
