"""Cost of a decision at the gate: for 4 to 10,000 rules, and for a user in 150 groups.

    python -m benchmarks.gate [--rounds 9] [--requests 2000]

The emitted script runs in LuaJIT. Kong's and nginx's functions are Lua stubs, base64 is a table.
Prints medians of alternating rounds in one process (CPU time), and ratios. Exits 1 if 1,000 or
10,000 rules cost more than LIMIT times as much as 4. Kong itself, and the signature, are not
included.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from lupa.luajit21 import LuaRuntime

from benchmarks.alternating import Seconds, medians, options, told
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Stack
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.kong import plugins
from kong_oam.kong.table import address, table
from kong_oam.oam import document
from kong_oam.oam.application import read_bytes

LIMIT = 2.5
HOST = "orders.example.com"
ISSUER = "https://issuer.example.com"
AUDIENCE = "api://orders"
NOW = 1_000
CASES = {
    "4 rules": (4, 3),
    "100 rules": (100, 3),
    "1,000 rules": (1_000, 3),
    "10,000 rules": (10_000, 3),
    "4 rules, 150 groups": (4, 150),
}
"""Rules in the table, and groups in the token."""

SPELLING = ClaimMapping(
    client="cid", user="uid", scopes=Listing("scp"), service_scopes=Listing("scp"), groups="groups",
    marks=(TokenType("jti", "AT.", prefix=True),),
)  # fmt: skip

HARNESS = """
return function(admission, code, path, host, token, decoded, now)
  local exited
  local ring = { id = "1", username = "ring" }
  local credential = { key = "k", algorithm = "RS256", consumer = { id = "1" } }
  local function none() end
  local env = {
    ngx = {
      var = { request = "GET / HTTP/1.1", request_uri = "/", upstream_uri = path,
        http_host = host },
      req = { get_method = function() return "GET" end, get_headers = function() return {} end },
      ctx = {}, now = function() return now end,
      decode_base64 = function(text) return decoded[text] end,
    },
    kong = {
      ctx = { shared = { authenticated_jwt_token = token } }, log = { err = error },
      client = { get_consumer = function() return ring end,
        get_credential = function() return credential end },
      service = { set_target = none, request = { set_header = none, clear_header = none } },
      response = { exit = function(status) error("refused with " .. status, 0) end },
    },
  }
  setmetatable(env, { __index = _G })
  assert(load(admission, "=admission", "t", env))()()
  local script = assert(load(code, "=gate", "t", env))()
  script()                               -- the first request reads the table
  return function(requests)
    local start = os.clock()
    for _ = 1, requests do script() end
    return (os.clock() - start) / requests
  end
end
"""


def application(rules: int) -> str:
    """Return a component with so many rules, each with its own path and its own scope."""
    scopes = {f"scope.{number}": "s" for number in range(rules)}
    access = {
        "owner": "team",
        "scopes": scopes,
        "rules": [
            {
                "paths": [f"/items/{number}"],
                "methods": ["GET"],
                "scopes": [f"scope.{number}"],
            }
            for number in range(rules)
        ],
        "roles": {
            "reader": {
                "scopes": [f"scope.{rules - 1}"],
                "groups": ["group-0"],
                "components": ["shop/web"],
            }
        },
    }
    traits = [
        {
            "type": "gateway",
            "properties": {"domain": HOST, "http": {"/items": 80}},
        },
        {"type": "access", "properties": access},
    ]
    component = {
        "name": "api",
        "type": "webservice",
        "properties": {"image": "x"},
        "traits": traits,
    }
    calls = {
        "kind": "native",
        "redirectUris": ["com.example.app:/callback"],
        "calls": [
            {"component": "orders/api", "scopes": [f"scope.{rules - 1}"]}
        ],
    }
    client = {
        "name": "web",
        "type": "worker",
        "properties": {"image": "x"},
        "traits": [{"type": "client", "properties": calls}],
    }
    return (
        _document("orders", component) + "\n---\n" + _document("shop", client)
    )


def _document(name: str, component: Mapping[str, Any]) -> str:
    head = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name},
    }
    return json.dumps({**head, "spec": {"components": [component]}})


def prepared(rules: int, groups: int) -> Any:
    """Return a gate with its table loaded, for a request that its last rule allows: a function from
    requests to seconds for one."""
    provider = Provider("main", AUDIENCE, SPELLING, issuer=ISSUER)
    # No file may have so many rules, but a gate accepts them.
    with patch.multiple(document, MAX_ENTRIES=1_000_000, MAX_NODES=1_000_000):
        reading = read_bytes("orders.yaml", application(rules).encode())
    compiled = compile_estate(reading, Stack("s", {"main": provider}))
    assert compiled.estate is not None, compiled.diagnostics[0]
    decided_by = table(
        compiled.estate,
        compiled.estate.components["orders/api"],
        "80",
        "ring",
        clients={"shop/web": "c"},
    )
    (admission,) = plugins.admission(decided_by)["access"]
    (code,) = plugins.gate(decided_by, address("api.test", 80))["access"]
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 1, "jti": "AT.1", "cid": "c", "uid": "u",
        "sub": "someone",
        "scp": [f"scope.{rules - 1}"], "groups": [f"group-{number}" for number in range(groups)],
    }  # fmt: skip
    runtime = LuaRuntime(encoding="latin-1", register_builtins=False)
    decoded = {}
    parts = []
    for part in ({"alg": "RS256", "kid": "k"}, claims):
        text = json.dumps(part)
        standard = base64.b64encode(text.encode()).decode()
        decoded[standard] = text
        parts.append(standard.rstrip("=").replace("+", "-").replace("/", "_"))
    arguments = (
        f"/items/{rules - 1}/7",
        HOST,
        ".".join([*parts, "c"]),
        runtime.table_from(decoded),
        NOW,
    )
    return runtime.execute(HARNESS)(admission, code, *arguments)


def measure(rounds: int, requests: int) -> dict[str, float]:
    """Return seconds for one request, by case."""
    return medians(
        {name: prepared(*case) for name, case in CASES.items()},
        rounds,
        requests,
    )


def lines(seconds: Seconds) -> list[str]:
    return told(seconds, "4 rules", 20)


def main() -> int:
    asked = options(__doc__)
    seconds = measure(asked.rounds, asked.requests)
    print(*lines(seconds), sep="\n")
    slowest = max(seconds["1,000 rules"], seconds["10,000 rules"])
    return int(slowest > LIMIT * seconds["4 rules"])


if __name__ == "__main__":
    sys.exit(main())
