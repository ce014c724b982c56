"""The scripts that a gateway has to run: those that lie beside this pack, as the program puts them together.

What is read here, `kong_oam/kong/plugins.py` and `kong_oam/kong/script.py` write. This imports neither: the pack guards
the program, and would take a mistake in them for what is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import kong_oam

_FOLDER = Path(kong_oam.__file__).parent / "kong" / "lua"
ADMISSION = ("json", "path", "token", "answer", "rules", "contains", "admission")
GATE = ("answer", "addresses", "gate")
ALWAYS: Mapping[str, tuple[str, ...]] = {"header_filter": ("problem",), "body_filter": ("problem_body",)}
"""The scripts that always run beside admission, {phase: files}."""
CHUNKS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cors": {"access": ("origin", "preflight"), "header_filter": ("origin", "cors")},
    "budget": {"access": ("budget",)},
    "headers": {"access": ("told",), "header_filter": ("marked",)},
    "limits": {"access": ("limits",)},
    "log": {"log": ("queries", "record")},
}
"""The scripts that run beside admission, {key of the table that asks for them: {phase: files}}."""
BEHIND: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "limits": {"access": ("body",)},
    "log": {"header_filter": ("queries", "traces")},
}
"""The scripts behind the gate, {key of the table that asks for them: {phase: files}}."""
_CODE = "-- kong_oam/kong/code.py\n"
_RECORDED = (
    "local shared,said,set=kong.ctx.shared,kong.log.serialize(),kong.log.set_serialize_value "
    "local status,admitted=kong.response.get_status(),shared.kong_oam_admitted for n in pairs(said)do set(n,nil)end "
    "for n,v in pairs({version=1,code=admitted and'record-failed'or'not-admitted',"
    "decision=not admitted and'refused'or nil,status=status,requestId=ngx.var.kong_request_id or ngx.var.request_id,"
    "service=said.service and{name=said.service.name},route=said.route and{name=said.route.name},"
    "response={status=status},workspace_name=said.workspace_name})do set(n,v)end "
    "for _,s in ipairs(ngx.ctx.KONG_SPANS or{})do if s.attributes then s.attributes['http.url']=nil end end"
)
"""What a port records of a request that its code was not left for."""
_ARGUMENTS = {"pre-function": ("TABLE",), "post-function": ("TABLE", "UPSTREAM")}
"""The arguments of each, one Lua long string after the other, before it begins."""
_NOTE = """
-- In a failed run: Kong did not take the plugin that is named above; why is said behind this script, after ']} error:'.
-- Mend that, and run it again. The cause alone: pulumi up -s STACK --yes | grep -o '} err[o]r: .*'
"""
"""The note before all of it."""

_MORE = re.compile(r"^local MORE = '[a-z0-9 -]*'\n")
"""What admission gets beside its table: words, and nothing that would run."""
_HSTS = re.compile(
    r"return function\(\) kong\.response\.set_header\('Strict-Transport-Security', 'max-age=[0-9]+'\) end"
)
"""What admission marks answers with, where browsers are told to use https only."""
_WORD = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|--.*|[0-9]+\.[0-9]+|\w+|\.\.\.?|[=~<>]=|\S""")
_DECLARED = re.compile(r"\b(?=(?:local function|local|for|function(?: \w+)? \() (\w+(?: , \w+)*))")
"""Where variables, parameters and those of loops get their names, in words with a blank between each two."""
_LUA = frozenset(
    """and break do else elseif end false for function goto if in local nil not or repeat return then true until
    while""".split()  # noqa: SIM905 - words, as Lua's manual lists them
)


@cache
def _current(parts: tuple[str, ...]) -> str:
    """A script of this version, as `nameless` has it."""
    sources = "".join((_FOLDER / f"{part}.lua").read_text("utf-8") for part in parts)
    return nameless(f"-- kong_oam/kong/lua: {', '.join(parts)}\n{_written(_words(sources))}")


@cache
def nameless(code: str) -> str:
    """A script with numbers in place of its local variables' names, so that two are the same where nothing but these
    names differs, and each stands for one variable throughout. As it is where it is not written as ours are."""
    header, _, script = code.partition("\n")
    words = _words(script)
    if script != _written(words):
        return code
    own = {name for names in _DECLARED.findall(" ".join(words)) for name in names.split(" , ")} - _LUA
    numbers: dict[str, str] = {}
    brackets = [""]
    for index, word in enumerate(words):
        if word in ("(", "[", "{"):
            brackets.append(word)
        elif word in (")", "]", "}") and len(brackets) > 1:
            brackets.pop()
        before, after = words[index - 1 : index], words[index + 1 : index + 2]
        is_key = brackets[-1] == "{" and before in (["{"], [","]) and after == ["="]
        if word in own and not is_key and before not in (["."], [":"]):
            words[index] = numbers.setdefault(word, f"{len(numbers)}$")
    return f"{header}\n{' '.join(words)}"


def _words(script: str) -> list[str]:
    return [word for word in _WORD.findall(script) if not word.startswith("--")]


def _written(words: list[str]) -> str:
    """Words with what keeps them apart: names, a number from a dot, a minus or a bracket from another. Each function
    that has a name or is returned begins a line."""
    text = ""
    for index, word in enumerate(words):
        before, after = words[index - 1 : index], words[index + 1 : index + 2]
        begins = word in ("local", "return") and after == ["function"]
        if before and before != ["local"] and (begins or (word == "function" and after != ["("])):
            text += "\n"
        elif re.fullmatch(r"\w\w|\d\.|--|\[\[", text[-1:] + word[0]):
            text += " "
        text += word
    return text


def _asked(table: Mapping[str, Any], phase: str) -> list[tuple[str, ...]]:
    """The files of each script that a port with this table runs in a phase beside admission."""
    asked = [ALWAYS.get(phase), *(phases.get(phase) for key, phases in CHUNKS.items() if key in table)]
    return [parts for parts in asked if parts]


def beside(table: Mapping[str, Any], phase: str) -> list[str]:
    """The script that a port with this table has in a phase after `access`, if it has one there."""
    asked = _asked(table, phase) if phase != "access" else []
    if not asked:
        return []
    script = f"{_CODE}return function()\nlocal code=kong.ctx.shared.kong_oam_code or{{}}\n"
    for parts in asked:
        without = f" else {_RECORDED}" if phase == "log" else ""
        script += f"if code.{parts[-1]} then code.{parts[-1]}(){without} end\n"
    return [f"{script}end"]


def behind(table: Mapping[str, Any], phase: str) -> list[str]:
    """The scripts behind the gate in a phase, as its table asks for them and as `nameless` has them."""
    asked = [phases for key, phases in BEHIND.items() if key in table]
    return [_current(phases[phase]) for phases in asked if phase in phases]


def is_gate(script: str) -> bool:
    """Whether it is the gate of this version behind what it is given, to the byte but for `nameless`."""
    code = _behind_arguments("post-function", script)
    return code is not None and nameless(code) == _current(GATE)


def is_admission(script: str) -> bool:
    """Whether it is the admission of this version, with the code that its table asks for, but for `nameless`."""
    code = _behind_arguments("pre-function", script)
    if code is None or not _MORE.match(code):
        return False
    table = table_of({"access": [script]}) or {}
    rest = _MORE.sub("", code, count=1)
    begin = f"{_CODE}local CODE={{}}\n"
    if not rest.startswith(begin):
        return False
    rest = rest.removeprefix(begin)
    functions = [ADMISSION, *ALWAYS.values()]
    functions += [parts for key, phases in CHUNKS.items() if key in table for parts in phases.values()]
    for parts in functions:
        head, opened, rest = rest.partition(f"CODE.{parts[-1]}=(function()\n")
        function, closed, rest = rest.partition("\nend)()\n")
        if head or not opened or not closed or nameless(function) != _current(parts):
            return False
    calls = "".join(f"CODE.{parts[-1]}()\n" for parts in _asked(table, "access"))
    return rest == f"return function()\nkong.ctx.shared.kong_oam_code=CODE\nCODE.admission()\n{calls}end"


def _behind_arguments(kind: str, code: str) -> str | None:
    """What stands behind a script's note and its arguments; None where these are not as they have to be."""
    if not code.startswith(_NOTE):
        return None
    code = code.removeprefix(_NOTE)
    for name in _ARGUMENTS[kind]:
        argument, closed, code = code.partition("]==]\n")
        if not argument.startswith(f"local {name} = [==[") or not closed:
            return None
    return code


def is_hsts(code: str) -> bool:
    """Whether `code` tells browsers to use https only, and does nothing else."""
    return _HSTS.fullmatch(code) is not None


def table_of(config: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The table in a plugin's configuration; None where there is none that can be read, or it is not known yet."""
    return _given(config, 0)


def address_of(config: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The address of the workload in a gate's configuration; None as for a table."""
    return _given(config, 1)


def _given(config: Mapping[str, Any] | None, index: int) -> Mapping[str, Any] | None:
    codes = (config or {}).get("access") or [""]
    rest = codes[0].removeprefix(_NOTE)
    for name in _ARGUMENTS["post-function"][: index + 1]:
        argument, closed, rest = rest.partition("]==]\n")
        start, opened, text = argument.partition(f"local {name} = [==[")
        if start or not opened or not closed:
            return None
    try:
        given = json.loads(text.replace("'", '"'))
    except ValueError:
        return None
    return given if isinstance(given, dict) else None
