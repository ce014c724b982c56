"""Cost of the gateway's scripts by kind of call: LuaJIT alone, without Kong.

    python -m benchmarks.scripts [--rounds 9] [--requests 2000]

Runs the scripts of the cases of `benchmarks.gateway`, in the order of Kong's phases, for an allowed
call. Kong's and nginx's functions are Lua stubs, base64 is a table. Prints medians of alternating
rounds in one process (CPU time), and ratios to `guards`, admission and gate alone. Exits 1 if all
traits with records take more than LIMIT times that.
"""

from __future__ import annotations

import base64
import sys
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from lupa.luajit21 import LuaRuntime

from benchmarks.alternating import Seconds, medians, options, told
from benchmarks.gateway import HOST, Case, cases, pem_of, stack, token
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong import names
from kong_oam.kong.intended import Deployed, intended
from kong_oam.kong.key_slots import Slot

LIMIT = 2.0

HARNESS = """
return function(phases, host, tokens, decoded, ring, now)
  local function none() end
  local function open()   -- whatever is asked for is there, and does nothing
    return setmetatable({}, { __call = none, __index = function(own, name)
      own[name] = open()
      return own[name]
    end })
  end
  local function over(known) return setmetatable(known, getmetatable(open())) end
  local exit = function(status) error("answered with " .. status, 0) end
  local path, page = "/items/4/7", "https://app.benchmark.example.com"
  local headers = { host = host, origin = page, ["user-agent"] = "benchmark" }
  local variables = { request = "GET " .. path .. " HTTP/1.1", request_uri = path,
    upstream_uri = path, http_host = host, http_origin = page, kong_request_id = "7d0c1f",
    remote_addr = "127.0.0.1" }
  local said = { request = { method = "GET" }, latencies = { request = 3, kong = 1, proxy = 2 },
    started_at = now * 1000, response = { status = 200 }, service = { name = "s" },
    route = { name = "r" } }
  local env = { ngx = over({
    var = variables, arg = {}, ctx = {}, now = function() return now end,
    md5 = function() return "0cc175b9c0f1b6a831c399e269772661" end,
    decode_base64 = function(text) return decoded[text] end,
    req = over({ get_method = function() return "GET" end, http_version = function() return 1.1 end,
      get_headers = function()
        local copy = {}
        for name, value in pairs(headers) do copy[name] = value end
        return copy
      end }),
    worker = { pid = function() return 2 end },
  }), kong = over({
    node = { get_id = function() return "dfa8c4e5-c535-5c93-a6f3-15efac65a5f6" end },
    client = over({ get_consumer = function() return { id = "1", username = ring } end,
      get_credential = function() return { key = "benchmark-0-key", algorithm = "RS256",
        consumer = { id = "1" } } end,
      get_forwarded_ip = function() return "127.0.0.1" end }),
    log = over({ err = error, serialize = function() return said end, set_serialize_value = none }),
    response = over({ exit = exit, get_status = function() return 200 end }),
  }) }
  setmetatable(env, { __index = _G })
  local run = {}
  for _, code in ipairs(phases) do run[#run + 1] = assert(load(code, "=script", "t", env))() end
  local function request(number)
    local token = tokens[number % #tokens + 1]
    headers.authorization = "Bearer " .. token
    rawset(env.kong, "ctx", { shared = { authenticated_jwt_token = token } })
    for _, script in ipairs(run) do script() end
  end
  request(0)                              -- the first one reads the table
  return function(requests)
    local start = os.clock()
    for number = 1, requests do request(number) end
    return (os.clock() - start) / requests
  end
end
"""


def prepared(case: Case, key: rsa.RSAPrivateKey) -> Any:
    """Return the scripts of a case with their tables loaded: a function from requests to seconds
    for one."""
    settings, estate = stack(
        case,
        0,
        {"file": "/dev/null", "http": {"url": "http://sink.example.com/"}},
    )
    name = settings.stack.name
    host = HOST.format(0)
    slot = Slot(SigningKey("benchmark-0-key", "RS256", pem_of(key)))
    upstreams = {
        names.service(
            name, estate.components["bench/api"], "80"
        ): "127.0.0.1:80"
    }
    deployed = Deployed(
        {"main": "x"},
        {"main": (slot,)},
        upstreams,
        clients={"main": {"bench/caller": "caller"}},
    )
    made = intended(settings, estate, deployed).plugins
    configs = {plugin["name"]: plugin["config"] for plugin in made}
    before = configs["pre-function"]
    behind = configs["post-function"]
    scripts = [*before["access"], *behind["access"]]
    for phase in ("header_filter", "body_filter", "log"):
        scripts += before.get(phase) or ()
    # Two tokens in turn, so that the gate never meets the last token again.
    tokens = [token(key, 0), token(key, 0)]
    decoded = {}
    for text in tokens:
        header, claims, _ = text.split(".")
        decoded[_padded(header)] = _decoded(header)
        decoded[_padded(claims)] = _decoded(claims)
    runtime = LuaRuntime(encoding="latin-1", register_builtins=False)
    return runtime.execute(HARNESS)(
        runtime.table_from(scripts),
        host,
        runtime.table_from(tokens),
        runtime.table_from(decoded),
        names.ring(name, "main"),
        int(time.time()),
    )


def _padded(part: str) -> str:
    return part.replace("-", "+").replace("_", "/") + "=" * (-len(part) % 4)


def _decoded(part: str) -> str:
    return base64.b64decode(_padded(part)).decode("latin-1")


def measured() -> list[Case]:
    """Return the cases with different scripts: the kind of sink makes no difference here."""
    every = max((case.traits for case in cases()), key=len)
    alone = [case for case in cases() if not case.sink and not case.metrics]
    return [*alone, Case("records", sink="http"), Case("all", every, "http")]


def measure(rounds: int, requests: int) -> dict[str, float]:
    """Return seconds for one request, by case."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return medians(
        {case.name: prepared(case, key) for case in measured()},
        rounds,
        requests,
    )


def lines(seconds: Seconds) -> list[str]:
    return told(seconds, "guards", 12)


def main() -> int:
    asked = options(__doc__)
    seconds = measure(asked.rounds, asked.requests)
    print(*lines(seconds), sep="\n")
    return 0 if seconds["all"] <= LIMIT * seconds["guards"] else 1


if __name__ == "__main__":
    sys.exit(main())
