"""The gate's reading of messages alone, in LuaJIT: the script, without a gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lupa.luajit21 import LuaRuntime

from kong_oam.kong import sources

_HARNESS = """
local shared, body, headers, largest_read
kong = { ctx = {}, log = { debug = function() end },
               request = { get_raw_body = function(most) largest_read = most return body end } }
ngx = { var = {}, req = { get_headers = function() return headers end, http_version = function() return 1.1 end } }
local function run(text, fields, length, largest)
  body, headers, ngx.var.http_content_length, kong.ctx.shared = text, fields, length, {}
  local read = read_message(largest, { json_read = json_read, json_is_object = json_is_object })
  if not read then return nil end
  return read.method or '', read.name or '', read.tool or ''
end
return run
"""

PLAIN: Mapping[str, str] = {"content-type": "application/json"}
LARGEST = 2**20


class GateReading:
    """The functions of the script, compiled once."""

    def __init__(self) -> None:
        self._lua: Any = LuaRuntime(
            encoding="latin-1",
            unpack_returned_tuples=True,
            register_builtins=False,
        )
        self._run = self._lua.execute(
            sources.source("json", "message") + _HARNESS
        )

    def read(
        self,
        body: bytes,
        headers: Mapping[str, str | Sequence[str]] = PLAIN,
        length: str | None = None,
    ) -> tuple[str, str, str] | None:
        """Return method, name and tool of a message, empty where it has none; None if the script
        rejects it."""
        fields = self._lua.table_from(
            {
                name: value
                if isinstance(value, str)
                else self._lua.table_from(value)
                for name, value in headers.items()
            }
        )
        read = self._run(body.decode("latin-1"), fields, length, LARGEST)
        return read and tuple(read)
