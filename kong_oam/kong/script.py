"""The inputs in front of a script, such as its table: writes and reads them.

A script begins with a note for people. Then comes `local TABLE = [==[...]==]` with the table
(`kong_oam.kong.table`). The gate also has `local UPSTREAM = [==[...]==]` with the workload's
address as JSON. The script itself follows.

The JSON is written with `'` instead of `"`, which takes four characters in the state. The script
converts it back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from kong_oam.access.before import By
from kong_oam.access.client import ClientKind
from kong_oam.access.data import NameLists, Names, Texts

# A rule's requirement: public, or all scopes of one alternative.
Alternatives = Literal["public"] | list[list[str]]

# An alternative that refuses some paths, with its refusals by form (`kong_oam.kong.table`).
RefusingAlternative = tuple[Literal["public"] | list[str], NameLists]


class OpeningEntry(TypedDict):
    """A table's entry about a path that is open in an emergency."""

    path: str
    methods: Sequence[str]
    ends: float


class BeforeEntry(TypedDict):
    """A table's entry about a caller with an old credential (kong_oam.kong.old_credentials)."""

    client: str
    caller: str
    ends: float
    scopes: list[str]


class BeforePlaces(TypedDict):
    """The kind of a table's old credentials, and the places of keys."""

    by: By
    names: list[str]
    header: bool
    query: bool


class Table(TypedDict, total=False):
    """The parts of a table (`kong_oam.kong.table`) that the program reads back. An empty table
    allows nothing."""

    authentication: str
    ring: str
    issuer: str | None
    audiences: list[str]
    spelling: Any
    hosts: dict[str, dict[str, bool]]
    rules: dict[str, dict[str, Alternatives]]
    refusing: dict[str, dict[str, list[RefusingAlternative]]]
    forward: Texts
    services: NameLists
    on_behalf: NameLists
    # By client id: the client's key, its kind, groups by name, and its workload.
    callers: dict[str, tuple[str, ClientKind, Texts, str]]
    groups: NameLists
    logical: Texts
    depth: int
    addresses: dict[str, NameLists]
    # By consumer.
    before: dict[str, BeforeEntry]
    before_in: BeforePlaces
    opened: OpeningEntry
    # By path of an MCP endpoint.
    tools: dict[str, int]


# The beginning of a script.
#
# If Kong rejects a plugin, the official plugin prints the whole configuration and then Kong's
# error. The program cannot change this. The script comes first in that configuration.
NOTE = """
-- In a failed run: Kong did not take the plugin that is named above; why is said behind this \
script, after ']} error:'.
-- Mend that, and run it again. The cause alone: pulumi up -s STACK --yes | grep -o '} err[o]r: .*'
"""

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


def with_inputs(inputs: ScriptInputs, script: str) -> str:
    """Return the script behind its note and its inputs."""
    assigned = f"local TABLE = {embedded(inputs.table)}\n"
    if inputs.address is not None:
        assigned += f"local UPSTREAM = {embedded(inputs.address)}\n"
    return f"{NOTE}{assigned}{script}"


def inputs_of(script: str) -> ScriptInputs | None:
    """Return a script's inputs with any note and any code, or None for a script without a table."""
    match = _INPUTS.match(script)
    if match is None:
        return None
    address = match["address"]
    return ScriptInputs(_json(match["table"]), address and _json(address))


def stripped_in(script: str) -> Names:
    """Return the headers that the stack adds to admission's list of removed headers."""
    inputs = _INPUTS.match(script)
    more = _MORE.match(script, inputs.end()) if inputs else None
    return tuple(more["names"].split()) if more else ()


def with_table(script: str, change: Callable[[str], str]) -> str:
    """Return the script with a table changed by `change`. All other bytes stay. The script must
    have a table."""
    match = _INPUTS.match(script)
    assert match is not None
    begin = match.start("table") - len("[==[")
    end = match.end("table") + len("]==]")
    table = change(_json(match["table"]))
    return script[:begin] + embedded(table) + script[end:]


def embedded(text: str) -> str:
    """Return JSON as a Lua long string with `'` for `"`.

    A `]` or a `'` inside a JSON text becomes an escape, so no input can end the string early.
    """
    escaped = _TEXT.sub(
        lambda match: (
            match.group().replace("]", "\\u005d").replace("'", "\\u0027")
        ),
        text,
    )
    return f"[==[{escaped.translate(_QUOTES)}]==]"


def _json(text: str) -> str:
    """Return the JSON that `embedded` got, with its escapes."""
    return text.replace("'", '"')
