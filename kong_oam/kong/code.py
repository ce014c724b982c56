"""The scripts of a port's `pre-function`: the port's own code, and the calls of it in each phase.

The script of phase `access` has the code of all phases. It leaves the functions in
`kong.ctx.shared.kong_oam_code`, and the scripts of later phases call them there. A request that
never came to phase `access` has no code: nothing is let through then, and nothing of Kong's own
record is logged.

The table of a port alone says which scripts there are beside admission, and a change of an
Application is a change of its table. A chunk is a script of its own: what several would carry
admission has once, and leaves (`kong.ctx.shared.kong_oam_readers`, with `left_table`, which gives
the table); what else is known of the request stands beside that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from kong_oam.access.data import JsonObject, NameLists
from kong_oam.kong.at_kong import Parts, Scripts
from kong_oam.kong.sources import sent
from kong_oam.traits.at_kong import AT_KONG

ADMISSION: Parts = (
    "json",
    "path",
    "token",
    "answer",
    "rules",
    "contains",
    "admission",
)

BARE_RECORD = (
    "local shared,said,set=kong.ctx.shared,kong.log.serialize(),kong.log.set_serialize_value local "
    "status,admitted=kong.response.get_status(),shared.kong_oam_admitted for n in pairs(said)do "
    "set(n,nil)end for n,v in pairs({version=1,code=admitted "
    "and'record-failed'or'not-admitted',decision=not admitted and'refused'or "
    "nil,status=status,requestId=ngx.var.kong_request_id or "
    "ngx.var.request_id,service=said.service and{name=said.service.name},route=said.route "
    "and{name=said.route.name},response={status=status},workspace_name=said.workspace_name})do "
    "set(n,v)end"
)
"""Clears Kong's own record, whatever is in it. Leaves which request it was, and its status."""

_RECORDED = (
    f"{BARE_RECORD} for _,s in ipairs(ngx.ctx.KONG_SPANS or{{}})do if s.attributes then "
    "s.attributes['http.url']=nil end end"
)
"""Phase `log` without the code: this alone is recorded, and the query string is taken out of the
traces."""

# {phase of `pre-function`: parts} of the scripts that are there whatever the table
# says; they run first.
ALWAYS: Mapping[str, Parts] = {
    "header_filter": ("problem",),
    "body_filter": ("problem_body",),
}

# {key of the table: {phase of `pre-function`: parts}}, in the order in which they run
# in a phase.
CHUNKS: dict[str, Mapping[str, Parts]] = {}

# {key of the table: {phase of `post-function`: parts}} of the scripts behind the gate,
# in the order in which they run: in `access` on what it let pass, in another phase on
# every request.
BEHIND: dict[str, Mapping[str, Parts]] = {}

for _trait in AT_KONG:
    CHUNKS |= _trait.scripts
    BEHIND |= _trait.behind

# Records are of what all others did.
CHUNKS["log"] = {"log": ("queries", "record")}
BEHIND["log"] = {"header_filter": ("queries", "traces")}


def phases(table: str) -> Iterator[tuple[str, str]]:
    """Yields each phase with the script that a port with this table runs there, phase `access`
    first.

    The script of phase `access` needs `TABLE` and `MORE` in front of it, which admission reads.
    """
    functions: list[Parts] = [ADMISSION]
    calls: NameLists = {"access": ["admission"]}
    for phase, parts in chunks_of(table):
        functions.append(parts)
        calls.setdefault(phase, []).append(parts[-1])
    for phase, names in calls.items():
        yield (
            phase,
            _entry(functions, names)
            if phase == "access"
            else _later(phase, names),
        )


def _entry(functions: list[Parts], names: list[str]) -> str:
    """The script of phase `access`: it has the code of all phases, leaves it, and calls these
    functions."""
    made = [
        f"CODE.{parts[-1]}=(function()\n{sent(*parts)}\nend)()"
        for parts in functions
    ]
    run = [f"CODE.{name}()" for name in names]
    lines = [
        "-- kong_oam/kong/code.py",
        "local CODE={}",
        *made,
        "return function()",
        "kong.ctx.shared.kong_oam_code=CODE",
        *run,
        "end",
    ]
    return "\n".join(lines)


def _later(phase: str, names: list[str]) -> str:
    """The script of a later phase: it calls these functions where phase `access` has left them.

    Kong may meet a request with scripts of before in one phase, and with new ones in the next: a
    function that the code of before does not have is no code, either.
    """
    lines = [
        "-- kong_oam/kong/code.py",
        "return function()",
        "local code=kong.ctx.shared.kong_oam_code or{}",
    ]
    for name in names:
        without = f" else {_RECORDED}" if phase == "log" else ""
        lines.append(f"if code.{name} then code.{name}(){without} end")
    return "\n".join([*lines, "end"])


def behind(table: str) -> Iterator[tuple[str, Parts]]:
    """Yield phase and parts of each script behind the gate of a table, in order."""
    return _asked_for(table, BEHIND)


def chunks_of(table: str) -> Iterator[tuple[str, Parts]]:
    """Yield phase and parts of each chunk beside a table, in order: those always there, and what
    it asks for."""
    yield from ALWAYS.items()
    yield from _asked_for(table, CHUNKS)


def _asked_for(table: str, scripts: Scripts) -> Iterator[tuple[str, Parts]]:
    keys = _read(table)
    for key, phases in scripts.items():
        if key in keys:
            yield from phases.items()


def _read(table: str) -> JsonObject:
    """Return the table; empty where it is none, as one that somebody wrote by hand may be."""
    try:
        value = json.loads(table)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
