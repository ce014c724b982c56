"""Requests to one component, as the gate's script sees them in LuaJIT, and its table of rules."""

from __future__ import annotations

import json
import time
from typing import Any

from kong_oam.kong.script import embedded
from tests.support.gateway_estates import issuers, stack
from tests.support.lua_scripts import Lua, admission, gate

STACK = stack("tests")
ISSUER = issuers(STACK, time.time())["main"]
INSIDE = "192.0.2.7"
TABLE = """\
{"addresses": {
 "/orders": {"*":["192.0.2.0/24","2001:db8::/32"]}},
"audiences": ["api://tests"],
"authentication": "jwt",
"callers": {
 "c": ["callers/all","native",{},"48502bcd15536d43651ab4624009745a"],
 "d": ["callers/some","native",{},"29fe67d2b90d45185a3c8e1d18f6b013"]},
"component": "orders/api",
"depth": 3,
"forward_token": false,
"groups": {
 "de]==]sk": ["read","write"],
 "desk": ["read","write"],
 "sales": ["read"]},
"hosts": {
 "orders.example.com": {"/docs":true,"/orders":true,"/orders/files":false,"/orders/nested":false}},
"issuer": "https://issuer.tests.example.com",
"logical": {},
"on_behalf": {
 "c": ["a.b","read","write"],
 "d": ["a.b"]},
"per_api": false,
"ring": "ring",
"rules": {
 "/docs": {"GET":"public","HEAD":"public","OPTIONS":"public"},
 "/orders": {"GET":[["read"]],"HEAD":[["read"]],"POST":[["read","write"]],"PUT":[["a.b"],["read","write"]]},
 "/orders/health": {"GET":"public","HEAD":"public"},
 "/orders/health/deep": {"*":[["write"]]},
 "/orders/x:y": {"GET":"public","HEAD":"public"}},
"services": {
 "c": ["a.b","read","write"],
 "d": ["a.b"]},
"spelling": {"client":"cid","groups":"groups","marks":[{"claim":"jti","prefix":true,"value":"AT."}],"overage":["more"],"own":"sub","own_value":null,"scopes":{"claim":"scp","form":"list","prefix":""},"service_scopes":{"claim":"scp","form":"list","prefix":""},"subject":"sub","user":"uid"},
"version": 4}"""
"""The table of `orders/api` in the estate of `gateway_estates`: `test_lowering` checks the
program's output."""
READ = ISSUER.service(["read"])
"""A token that the gate allows."""


def table_with(**pieces: Any) -> str:
    """Return the table with other parts, as `rules={"/orders": {"GET": "public"}}`."""
    return json.dumps({**json.loads(TABLE), **pieces})


def as_left(table: str) -> str:
    """Return a table as admission leaves it: as in its script, with quotes."""
    return (
        embedded(table)
        .removeprefix("[==[")
        .removesuffix("]==]")
        .replace("'", '"')
    )


def gate_call(
    token: str | None,
    table: str = TABLE,
    path: str = "/orders",
    fault: tuple[str, Any] | None = None,
    **more: Any,
) -> Lua:
    """Return a GET at orders.example.com as the gate sees it, behind a `jwt` that verified `token`."""
    consumer = {"id": "1", "username": "ring"} if token else None
    credential = (
        {"key": ISSUER.kid, "algorithm": "RS256", "consumer": {"id": "1"}}
        if token
        else None
    )
    facts = {
        "ngx.var.upstream_uri": path, "ngx.var.http_host": "orders.example.com", "ngx.req.get_method": "GET",
        "ngx.now": ISSUER.now, "kong.client.get_forwarded_ip": INSIDE,
        "kong.client.get_consumer": consumer, "kong.client.get_credential": credential,
        "ngx.req.get_headers": {"authorization": f"Bearer {token}"} if token else {},
    }  # fmt: skip
    return Lua(
        gate(table),
        {**facts, **more},
        token,
        fault,
        admitted=as_left(table),
        before=admission(),
    )
