"""The scripts of a port's `pre-function`: phase `access` leaves the code, and later phases call it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from kong_oam.kong import plugins

HARNESS = """
return function(headers, message)
  local kong = { ctx = {}, log = { err = message }, response = { get_status = function() return 503 end,
                 exit = function(status, body) error({ status = status, body = body }, 0) end } }
  kong.log.serialize = function() return { a = 1, service = { id = 1, name = 's' }, route = { id = 2, name = 'r' } } end
  kong.log.set_serialize_value = function(name, value)
    for part, one in pairs(type(value) == 'table' and value or { value or 'nil' }) do
      message((type(part) == 'string' and name .. '.' .. part or name) .. ' ' .. tostring(one))
    end
  end
  local url = setmetatable({}, { __newindex = function(_, name, value) message(name .. ' ' .. tostring(value)) end })
  local ngx = { ctx = { KONG_SPANS = { {}, { attributes = url } } }, var = { request = 'GET / HTTP/1.1', request_uri = '/', kong_request_id = 'x' }, req = {
    get_headers = function() return headers() end, clear_header = function(name) message('cleared ' .. name) end } }
  local function loaded(code) return assert(load(code, '=s', 't', setmetatable({ kong = kong, ngx = ngx }, { __index = _G })))() end
  local function request(...)   -- runs the scripts in order; returns what they left, or the status that ended the request
    kong.ctx.shared = {}
    for _, script in ipairs({ ... }) do
      local ok, why = pcall(script)
      if not ok then return type(why) == 'table' and why.status or tostring(why) end
    end
    local readers = kong.ctx.shared.kong_oam_readers
    local left = readers and readers.left_table()
    return kong.ctx.shared.kong_oam_admitted, left and readers.json_is_array(left.rules), left and left.name
  end
  return loaded, request
end
"""

RECORDED = {
    *(
        "version 1",
        "code not-admitted",
        "decision refused",
        "status 503",
        "requestId x",
    ),
    *("service.name s", "route.name r", "response.status 503"),
}
"""The record of a request that the code was not left for."""

ASKING = '{"cors":{},"budget":"client","headers":{},"limits":{},"log":{}}'
"""A table that asks for every script beside admission."""


class Worker:
    """A Lua VM. As in a worker of Kong, scripts that are loaded stay from request to request."""

    def __init__(self, *headers: str) -> None:
        self.messages: list[str] = []
        self._lua: Any = LuaRuntime(
            encoding="latin-1",
            unpack_returned_tuples=True,
            register_builtins=False,
        )
        header_table = self._lua.table_from(dict.fromkeys(headers, "x"))
        self.load, self.request = self._lua.execute(HARNESS)(
            lambda: header_table, self.messages.append
        )

    def port(self, name: str, *headers: str) -> Any:
        """Loads the `access` script of a port whose table has this name."""
        (script,) = plugins.admission(
            json.dumps({"name": name, "rules": [1]}), 0, headers
        )["access"]
        return self.load(script)


def test_ports_share_nothing() -> None:
    """Each has its own table, and its own headers that callers must not send."""
    worker = Worker("x-own", "x-other", "x-auth-client")
    first_port, second_port = (
        worker.port("one", "x-own"),
        worker.port("other", "x-other"),
    )
    for script, name, own in (
        (first_port, "one", "x-own"),
        (second_port, "other", "x-other"),
        (first_port, "one", "x-own"),
    ):
        del worker.messages[:]
        admitted, read, header = worker.request(script)
        assert (json.loads(admitted)["name"], read, header) == (
            name,
            True,
            name,
        )
        assert {f"cleared {own}", "cleared x-auth-client"} <= {*worker.messages}


def test_a_port_has_only_the_code_that_its_table_asks_for() -> None:
    without_plugins, with_plugins = (
        plugins.admission(table)["access"][0] for table in ("{}", ASKING)
    )
    assert "CODE.cors" not in without_plugins and "CODE.cors" in with_plugins


@pytest.mark.parametrize(
    "entry", [None, "{}", "{ x = {} }", "{ admission = 1 }"]
)
def test_without_the_code_later_phases_do_nothing_but_record_it(
    entry: str | None,
) -> None:
    """Nothing of Kong's own record is logged, and no query string is traced."""
    worker = Worker()
    scripts = {
        phase: worker.load(script)
        for phase, (script,) in plugins.admission(ASKING).items()
    }
    before = (
        [
            worker.load(
                f"return function() kong.ctx.shared.kong_oam_code = {entry} end"
            )
        ]
        if entry
        else []
    )
    for phase in ("header_filter", "body_filter"):
        assert worker.request(*before, scripts[phase])[0] is None
    assert worker.messages == []
    assert worker.request(*before, scripts["log"])[0] is None
    assert {*worker.messages[:3]} == {"a nil", "service nil", "route nil"}
    assert {*worker.messages[3:-1]} == RECORDED
    assert worker.messages[-1] == "http.url nil"


def test_admission_puts_its_code_in_the_place_of_any_other() -> None:
    """A script that ran before it cannot choose the code that later phases call."""
    worker = Worker()
    theirs = "{ problem = function() error('theirs') end }"
    foreign = worker.load(
        f"return function() kong.ctx.shared.kong_oam_code = {theirs} end"
    )
    later = worker.load(plugins.admission("{}")["header_filter"][0])
    assert "theirs" in str(worker.request(foreign, later))
    assert "theirs" not in str(
        worker.request(foreign, worker.port("one"), later)
    )
