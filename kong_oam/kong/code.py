"""The scripts of a port's `pre-function`: the port's code, and a call of it in each phase.

The script of phase `access` has the code of all phases. It stores the functions in
`kong.ctx.shared.kong_oam_code`, and the scripts of later phases call them from there. A request
that never reached phase `access` has no code. It is denied, and Kong's own record of it is not
logged.

The table of a port alone selects its scripts, so a change of an Application changes only its table.
Each script is a chunk. Admission holds the functions that several chunks need, in
`kong.ctx.shared.kong_oam_readers`; `left_table` there returns the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from kong_oam.access.data import JsonObject
from kong_oam.kong.at_kong import Parts, Scripts
from kong_oam.kong.sources import deployed_name, deployed_script
from kong_oam.traits.at_kong import AT_KONG

ADMISSION: Parts = (
    "json",
    "path",
    "token",
    "answer",
    "rules",
    "refusals",
    "contains",
    "admission",
)

# Admission of a port with tools.
ADMISSION_WITH_TOOLS: Parts = (*ADMISSION[:-1], "discovery", "admission")

# Clears Kong's own record. Keeps only the request's id, service, route and status.
BARE_RECORD = (
    "local shared,said,set=kong.ctx.shared,kong.log.serialize(),kong.log.set_serialize_value "
    "local status,admitted=kong.response.get_status(),shared.kong_oam_admitted for n in "
    "pairs(said)do set(n,nil)end for n,v in pairs({version=1,code=admitted "
    "and'record-failed'or'not-admitted',"
    + "decision=not admitted and'refused'or nil,status=status,requestId="
    "shared.kong_oam_request_id or ngx.var.kong_request_id or ngx.var.request_id,"
    + "service=said.service and{name=said.service.name},route=said.route "
    "and{name=said.route.name},response={status=status},workspace_name=said.workspace_name})do "
    "set(n,v)end"
)

# Phase `log` without the code: the bare record, and no query string in traces.
_RECORDED = (
    f"{BARE_RECORD} for _,s in ipairs(ngx.ctx.KONG_SPANS or{{}})do if s.attributes then "
    "s.attributes['http.url']=nil end end"
)

# {phase of `pre-function`: parts} of the scripts of every table. They run first.
ALWAYS: Mapping[str, Parts] = {
    "header_filter": ("problem",),
    "body_filter": ("problem_body",),
}

# {key of the table: {phase of `pre-function`: parts}}, in the order of execution within a phase.
CHUNKS: dict[str, Mapping[str, Parts]] = {}

# {key of the table: {phase of `post-function`: parts}} of the scripts behind the gate, in the order
# of execution. In `access` they see only requests that the gate allowed; in other phases all.
BEHIND: dict[str, Mapping[str, Parts]] = {}

for _trait in AT_KONG:
    CHUNKS |= _trait.scripts
    BEHIND |= _trait.behind

# Before the plugin that finds old credentials.
CHUNKS["before"] = {"access": ("old_credential",)}

# Behind all plugins that change answers.
BEHIND["tools"] = {
    "header_filter": ("answer_headers",),
    "body_filter": ("lists",),
}

# Records come last, since they describe the effect of all other scripts.
CHUNKS["log"] = {"log": ("queries", "record")}
BEHIND["log"] = {"header_filter": ("queries", "traces")}


def phases(table: str) -> Iterator[tuple[str, str]]:
    """Yield each phase with the script of a port with this table; phase `access` first.

    The script of phase `access` needs `TABLE` and `MORE` in front of it, which admission reads.
    """
    tools = has_tools(table)
    functions = [ADMISSION_WITH_TOOLS if tools else ADMISSION]
    calls = {"access": ["admission"]}
    for phase, parts in chunks_of(table):
        functions.append(parts)
        calls.setdefault(phase, []).append(deployed_name(parts[-1]))
    for phase, names in calls.items():
        yield (
            phase,
            _entry(functions, names, tools)
            if phase == "access"
            else _later(phase, names),
        )


def _entry(functions: list[Parts], names: list[str], tools: bool) -> str:
    """Return the script of phase `access`. It stores all functions and calls `names`."""
    made = []
    for parts in functions:
        script = deployed_script(*parts, tools=tools)
        made.append(
            f"CODE.{deployed_name(parts[-1])}=(function()\n{script}\nend)()"
        )
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
    """Return the script of a later phase. It calls the functions that phase `access` stored.

    During an update, a request may meet old scripts in one phase and new scripts in the next. A
    missing function therefore counts as missing code.
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


def has_tools(table: str) -> bool:
    """Return whether rules of the table name MCP tools, so that the gate reads messages."""
    return "tools" in _read(table)


def gate(table: str) -> str:
    """Return the gate's script for a table, without its inputs."""
    if has_tools(table):
        return deployed_script(
            "answer", "addresses", "message", "gate", tools=True
        )
    return deployed_script("answer", "addresses", "gate")


def behind(table: str) -> Iterator[tuple[str, Parts]]:
    """Yield phase and parts of each script behind the gate of a table, in order."""
    return _asked_for(table, BEHIND)


def chunks_of(table: str) -> Iterator[tuple[str, Parts]]:
    """Yield phase and parts of each chunk of a table, in order."""
    yield from ALWAYS.items()
    yield from _asked_for(table, CHUNKS)


def _asked_for(table: str, scripts: Scripts) -> Iterator[tuple[str, Parts]]:
    keys = _read(table)
    for key, phases in scripts.items():
        if key in keys:
            yield from phases.items()


def _read(table: str) -> JsonObject:
    """Return the table, or an empty object if the text is not a JSON object."""
    try:
        value = json.loads(table)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
