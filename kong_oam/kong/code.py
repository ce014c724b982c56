"""The scripts of a port's `pre-function`: the port's own code, and the calls of it in each phase.

The script of phase `access` has the code of all phases. It leaves the functions in
`kong.ctx.shared.kong_oam_code`, and the scripts of later phases call them there. A request that
never came to phase `access` has no code: nothing is let through then, and nothing of Kong's own
record is logged.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.kong.at_kong import Parts
from kong_oam.kong.chunks import chunks_of
from kong_oam.kong.sources import sent

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


def phases(table: str) -> Iterator[tuple[str, str]]:
    """Yields each phase with the script that a port with this table runs there, phase `access`
    first.

    The script of phase `access` needs `TABLE` and `MORE` in front of it, which admission reads.
    """
    functions: list[Parts] = [ADMISSION]
    calls: dict[str, list[str]] = {"access": ["admission"]}
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
