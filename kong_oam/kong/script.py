"""The inputs of a script of ours, what it decides by: written in front of it here, and read back
here.

    -- a note for people
    local TABLE = [==[...]==]         the table (`kong_oam.kong.table`)
    local UPSTREAM = [==[...]==]      the gate's alone: the address of the workload, JSON as well
    ...                               the script itself

JSON stands there with `'` for `"`, which takes four characters in the state; the script makes it
JSON again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from kong_oam.access.client import ClientKind
from kong_oam.access.data import NameLists, Names, Texts

# What a rule asks of callers: nothing, or all scopes of one of these.
Alternatives = Literal["public"] | list[list[str]]


class OpeningEntry(TypedDict):
    """What a table says of a path that is open in an emergency."""

    path: str
    methods: Sequence[str]
    ends: float


class Table(TypedDict, total=False):
    """A table (`kong_oam.kong.table`) as JSON, as far as the program reads it back; empty for one
    that lets nothing through."""

    authentication: str
    ring: str
    issuer: str | None
    audiences: list[str]
    spelling: Any
    hosts: dict[str, dict[str, bool]]
    rules: dict[str, dict[str, Alternatives]]
    services: NameLists
    on_behalf: NameLists
    # By client id: the client's key, its kind, groups by name, and its workload.
    callers: dict[str, tuple[str, ClientKind, Texts, str]]
    groups: NameLists
    logical: Texts
    depth: int
    addresses: dict[str, NameLists]
    opened: OpeningEntry


NOTE = """
-- In a failed run: Kong did not take the plugin that is named above; why is said behind this script, after ']} error:'.
-- Mend that, and run it again. The cause alone: pulumi up -s STACK --yes | grep -o '} err[o]r: .*'
"""
"""What a script begins with. Of a plugin that Kong did not take, the official plugin prints the
whole configuration and only then what Kong said, and the program is not asked. The script is the
first thing in that configuration."""

_INPUTS = re.compile(
    r"(?:\n(?:--[^\n]*\n)+)?local TABLE = \[==\[(?P<table>.*?)\]==\]\n"
    r"(?:local UPSTREAM = \[==\[(?P<address>.*?)\]==\]\n)?",
    re.DOTALL,
)
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_QUOTES = str.maketrans('"', "'")


_MORE = re.compile(r"local MORE = '(?P<names>[a-z0-9 -]*)'\n")


@dataclass(frozen=True, slots=True)
class ScriptInputs:
    """The inputs of a script, as JSON texts. Only a gate has an `address`."""

    table: str
    address: str | None = None


def framed(inputs: ScriptInputs, script: str) -> str:
    """The script behind its note and its inputs."""
    assigned = f"local TABLE = {embedded(inputs.table)}\n"
    if inputs.address is not None:
        assigned += f"local UPSTREAM = {embedded(inputs.address)}\n"
    return f"{NOTE}{assigned}{script}"


def inputs_of(script: str) -> ScriptInputs | None:
    """Reads a script's inputs, whatever its note says and whatever it does; None where it is not
    given a table."""
    match = _INPUTS.match(script)
    if match is None:
        return None
    address = match["address"]
    return ScriptInputs(_json(match["table"]), address and _json(address))


def stripped_in(script: str) -> Names:
    """The headers that an admission takes from callers beside the script's own, as the stack
    says."""
    inputs = _INPUTS.match(script)
    more = _MORE.match(script, inputs.end()) if inputs else None
    return tuple(more["names"].split()) if more else ()


def with_table(script: str, change: Callable[[str], str]) -> str:
    """The script, one that is given a table, with what `change` makes of that. All else stays, to
    the byte."""
    match = _INPUTS.match(script)
    assert match is not None
    begin = match.start("table") - len("[==[")
    end = match.end("table") + len("]==]")
    table = change(_json(match["table"]))
    return script[:begin] + embedded(table) + script[end:]


def embedded(text: str) -> str:
    """JSON as a Lua long string with `'` for `"`. No input can leave it, or be taken for one of
    these: a `]` or a `'` inside a JSON text is written as an escape."""
    escaped = _TEXT.sub(
        lambda match: (
            match.group().replace("]", "\\u005d").replace("'", "\\u0027")
        ),
        text,
    )
    return f"[==[{escaped.translate(_QUOTES)}]==]"


def _json(text: str) -> str:
    """The JSON that `embedded` was given, with its escapes."""
    return text.replace("'", '"')
