"""The scripts of lists of tools in LuaJIT: answers of a server as the caller gets them.

The functions of Kong are stand-ins, so that the parts of an answer may be of any size.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lupa.luajit21 import LuaRuntime

from kong_oam.kong import plugins
from kong_oam.kong.table import table
from tests.support.mcp_estates import desk_estate

_HARNESS = """
return function(admission, headers_code, body_code)
  local kong = { ctx = { shared = {} }, log = { err = function() end, debug = function() end } }
  local ngx = {
    arg = {}, var = { request = 'POST / HTTP/1.1', request_uri = '/', upstream_uri = '/', http_host = 'h' }, ctx = {},
    req = { get_method = function() return 'POST' end, get_headers = function() return {} end },
  }
  local headers, source = {}, 'service'
  kong.response = {
    exit = function() error('exit', 0) end,
    get_source = function() return source end,
    get_header = function(name) return headers[string.lower(name)] end,
    clear_header = function(name) headers[string.lower(name)] = nil end,
    set_header = function(name, value) headers[string.lower(name)] = value end,
  }
  local environment = setmetatable({ kong = kong, ngx = ngx }, { __index = _G })
  local function loaded(code) return assert(load(code, '=s', 't', environment))() end
  local admit, prepare, change = loaded(admission), loaded(headers_code), loaded(body_code)
  pcall(admit)
  local readers = kong.ctx.shared.kong_oam_readers
  local function begin(tools, id, is_answer, sent, from)
    kong.ctx.shared = { kong_oam_readers = readers, kong_oam_decision = { status = 200, tools = tools } }
    if is_answer then kong.ctx.shared.kong_oam_message = { meaning = { method = 'tools/list', id = id } } end
    headers, source = sent, from
    prepare()
    return headers
  end
  local function part(text, is_last)
    ngx.arg[1], ngx.arg[2] = text, is_last
    change()
    return ngx.arg[1] or ''
  end
  local function forget() kong.ctx.shared.kong_oam_list = nil end
  local function break_readers() kong.ctx.shared.kong_oam_readers = { written_id = readers.written_id } end
  return begin, part, forget, break_readers
end
"""


@dataclass(frozen=True, slots=True)
class Changed:
    """An answer as the caller gets it."""

    headers: Mapping[str, str]
    body: bytes
    parts: Sequence[bytes]

    @property
    def message(self) -> Any:
        return json.loads(self.body)


class ToolLists:
    """The deployed scripts of a port with tools."""

    def __init__(self) -> None:
        self._lua: Any = LuaRuntime(
            encoding="latin-1",
            unpack_returned_tuples=True,
            register_builtins=False,
        )
        made = desk_estate()
        component = made.components["desk/mcp"]
        decided_by = table(made, component, "8000", "ring")
        admission = plugins.admission(decided_by)["access"][0]
        gate = plugins.gate(decided_by, '{"host":"h","port":1}')
        (headers,), (body,) = gate["header_filter"], gate["body_filter"]
        self._begin, self._part, self._forget, self._break = self._lua.execute(
            _HARNESS
        )(admission, headers, body)

    def changed(
        self,
        parts: Sequence[bytes],
        kind: str = "application/json",
        *,
        tools: Collection[str] = ("search",),
        answers: int | str = 1,
        is_answer: bool = True,
        source: str = "service",
        headers: Mapping[str, str] | None = None,
        fault: str = "",
    ) -> Changed:
        """Return the answer to the `tools/list` with this id (`answers`), or else the answer to a GET.

        `fault`: `headers` if the first script did not run, `readers` if admission has another
        version.
        """
        length = sum(map(len, parts))
        sent = {"content-type": kind, "content-length": str(length)}
        sent |= headers or {}
        named = answers
        if isinstance(named, str):
            named = named.encode().decode("latin-1")
        left = self._begin(
            self._lua.table_from(dict.fromkeys(tools, True)),
            named,
            is_answer,
            self._lua.table_from(sent),
            source,
        )
        if fault == "headers":
            self._forget()
        elif fault == "readers":
            self._break()
        written = []
        for part in parts:
            written.append(self._part(part.decode("latin-1"), False))
        written.append(self._part("", True))
        encoded = [text.encode("latin-1") for text in written]
        return Changed(dict(left.items()), b"".join(encoded), encoded)
