"""The code of admissions, once for all ports: which version is which, and that ports share nothing but it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from kong_oam.kong import code, plugins
from kong_oam.kong.code import called_by, known, left_by, version, version_in, wanted
from kong_oam.kong.sources import FOLDER
from tests.support.lua_scripts import spoil

OLDER = code.code().replace("return function()\nlocal left", "local older\nreturn function()\nlocal left")


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> str:
    """A script of another version that there was."""
    name = code._digest(OLDER.replace(f"'{version()}'", "''"))
    monkeypatch.setattr(code, "known", lambda: frozenset({name, version()}))
    monkeypatch.setattr(code, "version_in", code.version_in.__wrapped__)
    return OLDER.replace(version(), name)


def having(*scripts: str) -> str:
    return json.dumps({**plugins.everywhere(scripts), "access": []})


def test_every_version_is_written_down() -> None:
    """What stands in a gateway is known by that list alone: add the name that this prints as its last line."""
    names = json.loads((FOLDER.parent / "versions.json").read_text("utf-8"))
    assert names[-1] == version(), f"add {version()} to kong_oam/kong/versions.json, as the last of its names"
    assert len(set(names)) == len(names) == len(known())


def test_a_version_is_known_by_each_of_its_bytes(older: str) -> None:
    """And by the list: whatever else leaves something under such a name is nobody's."""
    assert code.version_in(code.code()) == version()
    assert code.version_in(older) not in ("", version())
    for script in (
        f"{code.code()} ",
        f"os.exit() {code.code()}",
        older.replace("local older", "local other"),
        "x()",
        "",
    ):
        assert version_in(script) == ""
    assert version_in(OLDER) == "", "another text under the name of this version"


def test_versions_that_ports_call_stay(older: str) -> None:
    """Those that nobody calls go when there is a new one; a run behind that changes nothing, whatever is called then."""
    now, before = code.code(), code.version_in(older)
    assert wanted("{}", ()) == [now]
    assert wanted(having(older), {before}) == [older, now]
    assert wanted(having(older), ()) == [now]
    for there in ([older, now], [now], [now, older]):
        assert wanted(having(*there), ()) == there
    assert wanted(having(older, "x()"), {before}) == [older, now], "what is nobody's never stays"
    assert left_by(having(older, "x()", now)) == [older, now]


def test_without_a_version_of_its_own_only_what_is_called_stays(older: str) -> None:
    """As for the base of an estate whose partitions were not run since `sharedCode` was set to false."""
    there = having(older, code.code())
    assert wanted(there, (), shared=False) == []
    assert wanted(there, {version()}, shared=False) == [code.code()]
    assert wanted("{}", {version()}, shared=False) == []


def test_what_a_port_calls_is_read_from_its_configuration() -> None:
    """Nothing of one that brings its own, or of scripts of the version before, which called none."""
    asking = '{"cors":{},"log":{}}'
    assert called_by([json.dumps(plugins.admission(asking, shared=True))]) == {version()}
    assert called_by([json.dumps(plugins.admission(asking))]) == frozenset()
    assert called_by(["{}", json.dumps(plugins.gate("{}", "{}")), json.dumps(plugins.everywhere())]) == frozenset()


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
  local function request(...)   -- the scripts of one, in order: what they left, or the status that ended it
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
    *("version 1", "code not-admitted", "decision refused", "status 503", "requestId x"),
    *("service.name s", "route.name r", "response.status 503"),
}
"""What is recorded of a request that is refused for want of the code."""


class Worker:
    """One Lua VM: what is loaded there stays from request to request, as in a worker of Kong."""

    def __init__(self, *headers: str) -> None:
        self.messages: list[str] = []
        self._lua: Any = LuaRuntime(encoding="latin-1", unpack_returned_tuples=True, register_builtins=False)
        given = self._lua.table_from(dict.fromkeys(headers, "x"))
        self.load, self.request = self._lua.execute(HARNESS)(lambda: given, self.messages.append)

    def everywhere(self, *scripts: str) -> list[Any]:
        return [self.load(script) for script in plugins.everywhere(scripts)["rewrite"]]

    def port(self, name: str, *more: str, shared: bool = True) -> Any:
        (script,) = plugins.admission(json.dumps({"name": name, "rules": [1]}), 0, more, shared=shared)["access"]
        return self.load(script)


def test_ports_share_the_code_and_nothing_else() -> None:
    """Each its own table, and its own headers that callers must not send, in whatever order they are called."""
    worker = Worker("x-own", "x-other", "x-auth-client")
    there, one, other = worker.everywhere(), worker.port("one", "x-own"), worker.port("other", "x-other")
    for script, name, own in ((one, "one", "x-own"), (other, "other", "x-other"), (one, "one", "x-own")):
        del worker.messages[:]
        admitted, read, told = worker.request(*there, script)
        assert (json.loads(admitted)["name"], read, told) == (name, True, name)
        assert set(worker.messages) == {f"cleared {own}", "cleared x-auth-client"}


def test_a_port_reads_its_table_anew_with_another_copy_of_the_code() -> None:
    """Kong compiles all scripts again when any plugin changes, and a request may meet what is between: what another copy
    has read is nothing to this one."""
    worker = Worker()
    first, second, port = worker.everywhere(), worker.everywhere(), worker.port("one")
    for there in (first, second, first, second):
        assert worker.request(*there, port)[1:] == (True, "one")


def test_versions_stand_side_by_side(older: str) -> None:
    """Each port has that which it calls."""
    worker = Worker()
    (now,) = plugins.admission('{"name":"old"}', shared=True)["access"]
    old = worker.load(now.replace(version(), code.version_in(older)))
    there = worker.everywhere(older, code.code())
    assert worker.request(*there, old)[2] == "old"
    assert worker.request(*there, worker.port("new"))[2] == "new"
    assert worker.request(*worker.everywhere(), old) == 503


def test_without_the_code_nothing_passes_and_just_that_is_told() -> None:
    """Neither where none is there, nor where something else stands in its place; scripts on answers do nothing."""
    worker, asking = Worker(), '{"cors":{},"budget":"client","headers":{},"limits":{},"log":{}}'
    config = plugins.admission(asking, shared=True)
    scripts = {phase: worker.load(script) for phase, (script,) in config.items()}
    odd = [worker.load(f"return function() kong.ctx.shared.kong_oam_code = {odd} end") for odd in ("{}", "{ x = {} }")]
    for before in ([], *([one] for one in odd)):
        assert worker.request(*before, scripts["access"]) == 503
        for phase in ("header_filter", "body_filter"):
            assert worker.request(*before, scripts[phase])[0] is None
        assert worker.messages == []
        assert worker.request(*before, scripts["log"])[0] is None
        assert {*worker.messages[:3]} == {"a nil", "service nil", "route nil"}, "nothing stays of Kong's own record"
        assert {*worker.messages[3:-1]} == RECORDED
        assert worker.messages[-1] == "http.url nil", "or of query strings"
        del worker.messages[:]
    assert worker.request(worker.load("return function() kong.ctx.shared.kong_oam_code = true end"), scripts["access"])


def test_a_port_with_its_own_code_needs_no_other() -> None:
    """And has only what it calls."""
    worker = Worker()
    assert worker.request(worker.port("one", shared=False))[2] == "one"
    few, all_ = (plugins.admission(table)["access"][0] for table in ("{}", '{"cors":{},"log":{}}'))
    assert "CODE.cors" not in few and "CODE.cors" in all_


@pytest.mark.parametrize("phase", ["header_filter", "body_filter", "log"])
def test_what_runs_behind_is_the_same_wherever_the_code_is(phase: str) -> None:
    """A port that goes over changes in `access` alone."""
    asking = '{"cors":{},"headers":{},"log":{}}'
    assert plugins.admission(asking, 60)[phase] == plugins.admission(asking, 60, shared=True)[phase]


def test_a_fault_in_the_code_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not written down is never left, and never kept."""
    before = version()
    spoil(
        monkeypatch, "return 400, 'ambiguous-path' end\n  local authorization", "return nil end\n  local authorization"
    )
    assert code.version() != before and code.version_in.__wrapped__(code.code()) == ""
