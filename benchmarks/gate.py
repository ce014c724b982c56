"""Cost of a decision at the gate: for 4 to 10,000 rules, and for users in 3 and in 150 groups.

    python -m benchmarks.gate [--rounds 9] [--requests 2000]

The emitted script runs in LuaJIT. Kong's and nginx's functions are Lua stubs, base64 is a table.
Each worker of the gate remembers the last token. So some cases repeat a token, and some take two
tokens in turn, which the gate must read each time.

Prints medians of alternating rounds in one process (CPU time), and ratios. Exits 1 if a case costs
more than its limit. Kong itself, and the signature, are not included.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
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

HOST = "orders.example.com"
ISSUER = "https://issuer.example.com"
AUDIENCE = "api://orders"
NOW = 1_000


@dataclass(frozen=True, slots=True)
class Case:
    """Rules in the table, groups in each token, and how many tokens come in turn. `limit`: at most
    this many times the cost of the case `to`."""

    rules: int = 4
    groups: int = 3
    tokens: int = 1
    to: str = "4 rules"
    limit: float = 2.5


TWO = "4 rules, two tokens"
CASES = {
    "4 rules": Case(),
    "100 rules": Case(rules=100),
    "1,000 rules": Case(rules=1_000),
    "10,000 rules": Case(rules=10_000),
    "4 rules, 150 groups": Case(groups=150),
    TWO: Case(tokens=2, limit=15),
    "10,000 rules, two tokens": Case(rules=10_000, tokens=2, to=TWO),
    "150 groups, two tokens": Case(groups=150, tokens=2, to=TWO, limit=10),
}

SPELLING = ClaimMapping(
    client="cid", user="uid", scopes=Listing("scp"), service_scopes=Listing("scp"), groups="groups",
    marks=(TokenType("jti", "AT.", prefix=True),),
)  # fmt: skip

HARNESS = """
return function(admission, code, path, host, tokens, decoded, now)
  local shared = {}
  local ring = { id = "1", username = "ring" }
  local credential = { key = "k", algorithm = "RS256", consumer = { id = "1" } }
  local function none() end
  local env = {
    ngx = {
      var = {
        request = "GET / HTTP/1.1", request_uri = "/", upstream_uri = path, http_host = host,
      },
      req = { get_method = function() return "GET" end, get_headers = function() return {} end },
      ctx = {}, now = function() return now end,
      decode_base64 = function(text) return decoded[text] end,
    },
    kong = {
      ctx = { shared = shared }, log = { err = error },
      client = {
        get_consumer = function() return ring end,
        get_credential = function() return credential end,
      },
      service = { set_target = none, request = { set_header = none, clear_header = none } },
      response = { exit = function(status) error("refused with " .. status, 0) end },
    },
  }
  setmetatable(env, { __index = _G })
  assert(load(admission, "=admission", "t", env))()()
  local script = assert(load(code, "=gate", "t", env))()
  local function request(number)
    shared.authenticated_jwt_token = tokens[number % #tokens + 1]
    script()
  end
  request(1)                             -- the first request reads the table
  return function(requests)
    local start = os.clock()
    for number = 1, requests do request(number) end
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


def prepared(case: Case) -> Any:
    """Return a gate with its table loaded: a function from a number of requests to the seconds for
    one. The last rule allows the requests."""
    rules = case.rules
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
    runtime = LuaRuntime(encoding="latin-1", register_builtins=False)
    decoded: dict[str, str] = {}
    tokens = [
        _token(decoded, {**_claims(case), "sub": f"user-{number}"})
        for number in range(case.tokens)
    ]
    arguments = (
        f"/items/{rules - 1}/7",
        HOST,
        runtime.table_from(tokens),
        runtime.table_from(decoded),
        NOW,
    )
    return runtime.execute(HARNESS)(admission, code, *arguments)


def _claims(case: Case) -> dict[str, Any]:
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": NOW + 1,
        "jti": "AT.1",
        "cid": "c",
        "uid": "u",
        "scp": [f"scope.{case.rules - 1}"],
        "groups": [f"group-{number}" for number in range(case.groups)],
    }


def _token(decoded: dict[str, str], claims: Mapping[str, Any]) -> str:
    """Return a token, and add its parts to `decoded`: JSON by its base64."""
    parts = []
    for part in ({"alg": "RS256", "kid": "k"}, claims):
        text = json.dumps(part)
        standard = base64.b64encode(text.encode()).decode()
        decoded[standard] = text
        parts.append(standard.rstrip("=").replace("+", "-").replace("/", "_"))
    return ".".join([*parts, "c"])


def measure(rounds: int, requests: int) -> dict[str, float]:
    """Return seconds for one request, by case."""
    return medians(
        {name: prepared(case) for name, case in CASES.items()},
        rounds,
        requests,
    )


def lines(seconds: Seconds) -> list[str]:
    return told(seconds, "4 rules", 24)


def too_slow(seconds: Seconds) -> list[str]:
    """Return the cases that cost more than their limit."""
    return [
        f"{name}: more than {case.limit:g} times {case.to}"
        for name, case in CASES.items()
        if seconds[name] > case.limit * seconds[case.to]
    ]


def main() -> int:
    asked = options(__doc__)
    seconds = measure(asked.rounds, asked.requests)
    slow = too_slow(seconds)
    print(*lines(seconds), *slow, sep="\n")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
