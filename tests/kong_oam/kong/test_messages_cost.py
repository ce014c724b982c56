"""The cost of reading messages, in LuaJIT: admission and the gate with APIs that do nothing."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from kong_oam.kong import plugins
from kong_oam.kong.table import table
from tests.support.mcp_estates import desk_scene, search_of

_HARNESS = """
local admission, gate, decode_base64, seconds = ...
local method, body, headers
local function nothing() end
ngx = {
  ctx = {}, var = {}, now = function() return seconds end, decode_base64 = decode_base64,
  req = { get_headers = function() return headers end, get_method = function() return method end,
          clear_header = nothing, http_version = function() return 1.1 end },
}
kong = {
  ctx = {}, log = { err = function(...) error(table.concat({ ... }, ' '), 0) end },
  client = { get_consumer = function() return { id = '1', username = 'ring' } end,
             get_credential = function() return { key = 'k1', algorithm = 'RS256', consumer = { id = '1' } } end,
             get_forwarded_ip = function() return '192.0.2.1' end },
  service = { set_target = nothing, request = { set_header = nothing, clear_header = nothing } },
  request = { get_raw_body = function() return body end },
  response = { exit = function(status) error('status ' .. status, 0) end },
}
local first, second = assert(load(admission))(), assert(load(gate))()
return function(count, of, text, token)
  method, body = of, text
  headers = { host = 'desk.example.com', authorization = 'Bearer ' .. token, ['content-type'] = 'application/json' }
  for _ = 1, count do
    kong.ctx.shared = { authenticated_jwt_token = token }
    ngx.var = { request = of .. ' /mcp HTTP/1.1', request_uri = '/mcp', upstream_uri = '/mcp',
                http_host = 'desk.example.com', http_content_length = tostring(#text) }
    first()
    second()
  end
end
"""

Requests = Callable[[int, str, bytes], float]


@pytest.fixture(scope="module")
def requests() -> Requests:
    """A function of a count, a method and a body: the seconds that each request takes at best."""
    scene = desk_scene()
    issuer = scene.issuers["main"]
    component = scene.estate.components["desk/mcp"]
    decided_by = table(scene.estate, component, "8000", "ring")
    lua: Any = LuaRuntime(
        encoding="latin-1",
        unpack_returned_tuples=True,
        register_builtins=False,
    )
    run = lua.execute(
        _HARNESS,
        plugins.admission(decided_by)["access"][0],
        plugins.gate(decided_by, '{"host":"h","port":1}')["access"][0],
        lambda text: base64.b64decode(text).decode("latin-1"),
        issuer.now,
    )
    token = issuer.service(["tickets.use", "tickets.read"], client="desk/bot")

    def timed(count: int, method: str, body: bytes) -> float:
        found = []
        for _ in range(7):
            start = time.process_time()
            run(count, method, body.decode("latin-1"), token)
            found.append(time.process_time() - start)
        return min(found) / count

    return timed


def test_a_kilobyte_costs_at_most_three_decisions(requests: Requests) -> None:
    """Besides the decision itself."""
    decision = requests(2000, "GET", b"")
    with_message = requests(2000, "POST", search_of(1024))
    assert with_message - decision <= 3 * decision


def test_a_large_message_costs_its_size(requests: Requests) -> None:
    """1 MiB costs at most 20 times 64 KiB."""
    small = requests(50, "POST", search_of(2**16))
    large = requests(4, "POST", search_of(2**20))
    assert large <= 20 * small
