"""Admission and the gate alone, in LuaJIT: each of their calls to Kong and nginx can fail.

Without a gateway: their APIs are a few lines each here, and the tests can intercept every call.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from lupa.luajit21 import LuaError, LuaRuntime

from kong_oam.kong import code, plugins, sources

CALLS = {
    "admission": ("ngx.var.request", "ngx.var.request_uri", "ngx.req.get_headers", "ngx.req.clear_header", "ngx.decode_base64"),
    "gate": (
        "ngx.var.upstream_uri", "ngx.var.http_host", "ngx.req.get_method", "ngx.now", "ngx.decode_base64", "kong.client.get_consumer",
        "kong.client.get_credential", "kong.client.get_forwarded_ip", "ngx.req.get_headers", "kong.service.request.set_header", "kong.service.request.clear_header",
        "kong.service.set_target",
    ),
}  # fmt: skip
"""The functions that each script calls or reads; both also call `kong.response.exit` and
`kong.log.err`."""

_HARNESS = """
return function(code, call, shared, before)
  local exited = {}
  local function through(name) return function(...) return call(name, ...) end end
  local function variables(name)
    return setmetatable({}, { __index = function(_, key) return call(name .. "." .. key) end })
  end
  if before then
    local left = {}
    local env = {
      ngx = { ctx = {}, var = { request = "GET / HTTP/1.1", request_uri = "/" }, decode_base64 = through("ngx.decode_base64"),
              req = { get_headers = function() return {} end } },
      kong = { ctx = { shared = left } },
    }
    assert(load(before, "=before", "t", setmetatable(env, { __index = _G })))()()
    env.ngx.var = variables("ngx.var")   -- what the gate has admission's functions read is of its own request
    shared.kong_oam_readers = left.kong_oam_readers
  end
  local env = {
    ngx = {
      ctx = {}, var = variables("ngx.var"), now = through("ngx.now"), decode_base64 = through("ngx.decode_base64"),
      req = { get_headers = through("ngx.req.get_headers"), clear_header = through("ngx.req.clear_header"),
              get_method = through("ngx.req.get_method") },
    },
    kong = {
      ctx = { shared = shared }, log = { err = through("kong.log.err") },
      client = { get_consumer = through("kong.client.get_consumer"), get_credential = through("kong.client.get_credential"),
                 get_forwarded_ip = through("kong.client.get_forwarded_ip") },
      router = { get_service = through("kong.router.get_service") },
      service = { set_target = through("kong.service.set_target"), request = { set_header = through("kong.service.request.set_header"),
                              clear_header = through("kong.service.request.clear_header"),
                              set_path = through("kong.service.request.set_path") } },
      response = { exit = function(status, ...)
        if call("kong.response.exit", status) ~= "came back" then error(exited, 0) end
      end },
    },
  }
  local chunk = assert(load(code, "=script", "t", setmetatable(env, { __index = _G })))
  local ok, script = pcall(chunk)
  if not ok then return "error", tostring(script) end
  local fine, why = pcall(script)
  if fine then return "on" end
  if why == exited then return "exit" end
  return "error", tostring(why)
end
"""


class LuaApiError(Exception):
    """An API that raises."""


@dataclass(slots=True)
class Lua:
    """One request to one script. `facts` are the answers of the APIs. `fault` replaces an API by
    name: an exception is raised, any other value is returned."""

    code: str
    facts: Mapping[str, Any]
    token: Any = None
    fault: tuple[str, Any] | None = None
    called: list[str] = field(default_factory=list)
    status: int | None = None
    admitted: Any = None
    """The table that admission left, or another value in its place."""
    hidden: str | None = None
    """The Authorization header that admission hid."""
    before: str | None = None
    """The admission that left the gate's reader."""
    readers: Any = None
    """Other values in its place."""
    target: tuple[Any, ...] | None = None
    marked: Any = None
    """The value after the script has run."""
    upstream_headers: dict[str, str] = field(default_factory=dict)
    cleared: list[str] = field(default_factory=list)

    def denied(self) -> int | None:
        """Run the script, which ends the request, and return the status."""
        assert self.run() == "exit"
        return self.status

    def run(self) -> str:
        """Run the script. `on`: the request continues; `exit`: it is denied with `status`; `error`:
        the script failed, Kong answers 500."""
        runtime = LuaRuntime(
            encoding="latin-1",
            unpack_returned_tuples=True,
            register_builtins=False,
        )

        def lua(value: Any) -> Any:
            if isinstance(value, Mapping):
                return runtime.table_from(
                    {key: lua(item) for key, item in value.items()}
                )
            return (
                runtime.table_from(value) if isinstance(value, list) else value
            )

        def call(name: str, *arguments: Any) -> Any:
            self.called.append(name)
            if self.fault and self.fault[0] == name:
                if isinstance(self.fault[1], Exception):
                    raise self.fault[1]
                return lua(self.fault[1])
            if name == "kong.response.exit":
                self.status = int(arguments[0])
            if name == "kong.service.set_target":
                self.target = arguments
            if name == "kong.service.request.clear_header":
                self.cleared.append(arguments[0])
            if name == "kong.service.request.set_header":
                self.upstream_headers[arguments[0]] = arguments[1]
            return (
                _decoded(arguments[0])
                if name == "ngx.decode_base64"
                else lua(self.facts.get(name))
            )

        harness = runtime.execute(_HARNESS)
        try:
            shared = runtime.table_from(
                {
                    "authenticated_jwt_token": self.token,
                    "kong_oam_admitted": lua(self.admitted),
                    "kong_oam_hidden_token": self.hidden,
                    "kong_oam_readers": lua(self.readers),
                }
            )
            outcome = harness(self.code, call, shared, self.before)
        except LuaError as error:  # pragma: no cover - the harness itself
            raise AssertionError(error) from error
        self.marked = shared["kong_oam_admitted"]
        return outcome if isinstance(outcome, str) else str(outcome[0])


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return None


def admission(table: str = "{}") -> str:
    (script,) = plugins.admission(table)["access"]
    return str(script)


def gate(table: str, leads: str = '{"host": "api.test", "port": 80}') -> str:
    (script,) = plugins.gate(table, leads)["access"]
    return str(script)


def spoil(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    """Replace `right` by `wrong` in the sources of scripts."""
    source = sources.source
    assert (
        sum(right in file.read_text("utf-8") for file in sources.FILES.values())
        == 1
    )
    monkeypatch.setattr(
        sources, "source", lambda *names: source(*names).replace(right, wrong)
    )
    for module in (plugins, code):
        monkeypatch.setattr(
            module, "deployed_script", sources.deployed_script.__wrapped__
        )
