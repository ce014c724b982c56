"""The code that runs in `pre-function` before all else: once in a stack, and of each port only what is its own.

A global `pre-function` has it in phase `rewrite`, which runs on every request, whatever `pre-function` a service has.
It leaves its functions in `kong.ctx.shared.kong_oam_code`, by the name of their version, a digest of the text; so
several versions stand side by side. The scripts of a port call those of the version that they name, and refuse without
it. Where a gateway is to have no global one, the same code stands in front of what calls it, at each port.

What belongs to one port, as its table once it was read, is in a table of the port's own, which it hands to admission.
The policy pack reads all of this for itself (`policies/scripts.py`): it guards what is written here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from kong_oam.kong.chunks import ALWAYS, CHUNKS, Parts, chunks_of
from kong_oam.kong.sources import FOLDER, sent

ADMISSION: Parts = ("json", "path", "token", "answer", "rules", "contains", "admission")
EVERYTHING: tuple[Parts, ...] = (
    ADMISSION,
    *ALWAYS.values(),
    *(parts for phases in CHUNKS.values() for parts in phases.values()),
)
"""All functions of a version, each as its parts; it is called by the last of them."""

_REFUSED = (
    "return kong.response.exit(503,{type='urn:kong-oam:problem:not-admitted',title='The request was not admitted',"
    "status=503,requestId=ngx.var.kong_request_id or ngx.var.request_id},{['Content-Type']='application/problem+json'})"
)
BARE_RECORD = (
    "local shared,said,set=kong.ctx.shared,kong.log.serialize(),kong.log.set_serialize_value "
    "local status,admitted=kong.response.get_status(),shared.kong_oam_admitted "
    "for n in pairs(said)do set(n,nil)end "
    "for n,v in pairs({version=1,code=admitted and'record-failed'or'not-admitted',"
    "decision=not admitted and'refused'or nil,status=status,"
    "requestId=ngx.var.kong_request_id or ngx.var.request_id,service=said.service and{name=said.service.name},"
    "route=said.route and{name=said.route.name},response={status=status},workspace_name=said.workspace_name})"
    "do set(n,v)end"
)
"""Clears Kong's own record, whatever is in it, and says no more than which request that was, and what became of it."""

_RECORDED = (
    f"{BARE_RECORD} "
    "for _,s in ipairs(ngx.ctx.KONG_SPANS or{})do if s.attributes then s.attributes['http.url']=nil end end return"
)
WITHOUT: Mapping[str, str] = {"access": _REFUSED, "log": _RECORDED}
"""What scripts of a port do without the code, by phase: nothing is let through, and just that is recorded, nothing of
Kong's own record, nor the query string, which is in its traces. Elsewhere they do nothing."""

_LEAVES = re.compile(r",left\['([0-9a-f]{20})'\]=left,CODE end")
_CALLS = re.compile(r"\(kong\.ctx\.shared\.kong_oam_code or\{\}\)\['([0-9a-f]{20})'\]")


@cache
def version() -> str:
    """The name of this version: 20 hexadecimal digits."""
    return _digest(_written(EVERYTHING, ""))


@cache
def code(functions: tuple[Parts, ...] = EVERYTHING) -> str:
    """The script that leaves these functions of this version for the scripts of ports."""
    return _written(functions, version())


@cache
def known() -> frozenset[str]:
    """The names of all versions that there were, this one included."""
    return frozenset(json.loads((FOLDER.parent / "versions.json").read_text("utf-8")))


@cache
def version_in(script: str) -> str:
    """The version that a script of the global plugin leaves, to the byte; empty where it is none that there was."""
    name = next(iter(_LEAVES.findall(script)), "")
    return name if name in known() and _digest(script.replace(f"'{name}'", "''")) == name else ""


def left_by(configuration: str) -> list[str]:
    """The scripts of versions in the configuration of a global `pre-function`, as JSON; somebody's are left out."""
    scripts = json.loads(configuration).get("rewrite") or []
    return [script for script in scripts if version_in(script)]


def called_by(configurations: Iterable[str]) -> frozenset[str]:
    """The versions that ports call and do not bring, by their configurations, as JSON."""
    return frozenset(name for one in configurations for name in {*_CALLS.findall(one)} - {*_LEAVES.findall(one)})


def wanted(configuration: str, called: Iterable[str], *, shared: bool = True) -> list[str]:
    """The scripts that the global plugin is to have, which has the `configuration`: this version's, and those of others
    that ports still call. What it has stays as it is for as long as this version's is there. `shared`: whether ports
    that are made now are to call this one."""
    there, current = left_by(configuration), code()
    if shared and current in there:
        return there
    stay = [script for script in there if version_in(script) in called]
    return [*stay, current] if shared else stay


def phases(table: str, *, shared: bool) -> Iterator[tuple[str, str]]:
    """Yields phase and script of what a port with this table runs, access first, behind what admission is given.

    `shared`: the code is left by the global plugin; else it stands in front.
    """
    called: dict[str, list[str]] = {"access": ["admission(PORT)"]}
    for phase, parts in chunks_of(table):
        called.setdefault(phase, []).append(f"{parts[-1]}()")
    needed = (ADMISSION, *(parts for _, parts in chunks_of(table)))
    for phase, calls in called.items():
        yield phase, _caller(phase, calls, code(needed) if phase == "access" and not shared else "")


def _caller(phase: str, calls: Iterable[str], before: str) -> str:
    """The script that makes these calls in a phase, behind the code `before` it, if any."""
    lines = ["-- kong_oam/kong/code.py"]
    if phase == "access":
        lines += ["local PORT={table=TABLE,more=MORE}"]
    if before:
        lines += ["local LEAVE=(function()", before, "end)()"]
    lines += ["return function()", *(["LEAVE()"] if before else [])]
    lines += [f"local code=(kong.ctx.shared.kong_oam_code or{{}})['{version()}']"]
    lines += [f"if not code then {WITHOUT.get(phase, 'return')} end", *(f"code.{call}" for call in calls), "end"]
    return "\n".join(lines)


def _written(functions: Iterable[Parts], name: str) -> str:
    made = "".join(f"CODE.{parts[-1]}=(function()\n{sent(*parts)}\nend)()\n" for parts in functions)
    return (
        f"-- kong_oam/kong/code.py\nlocal CODE={{}}\n{made}return function()\n"
        f"local left=kong.ctx.shared.kong_oam_code or{{}}\nkong.ctx.shared.kong_oam_code,left['{name}']=left,CODE end"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
