"""Requests to one component, as the gate's script alone sees them in LuaJIT."""

from __future__ import annotations

import time
from typing import Any

from kong_oam.kong.script import embedded
from kong_oam.kong.table import table
from tests.support.estates import estate
from tests.support.gateway_estates import (
    issuers,
    nested_applications,
    stack,
    with_callers,
)
from tests.support.gateway_tokens import CLIENTS
from tests.support.lua_scripts import Lua, admission, gate

STACK = stack("tests")
ISSUER = issuers(STACK, time.time())["main"]
INSIDE = "192.0.2.7"
_APPLICATIONS = nested_applications("example.com")
_ALLOWED = """\
        - type: ip-allow
          properties: {rules: [{paths: [/orders], from: [192.0.2.0/24, "2001:db8::/32"]}]}
"""
ESTATE = with_callers(
    estate(_APPLICATIONS[0] + _ALLOWED, *_APPLICATIONS[1:], stack=STACK)
)
TABLE = table(
    ESTATE,
    ESTATE.components["orders/api"],
    "8080",
    "ring",
    clients={key: name for name, key in CLIENTS.items()},
)
READ = ISSUER.service(["read"])
"""A token that is let through."""


def as_left(table: str) -> str:
    """A table as admission leaves it: as it stands in its script, with quotes."""
    return (
        embedded(table)
        .removeprefix("[==[")
        .removesuffix("]==]")
        .replace("'", '"')
    )


def asked(
    token: str | None,
    table: str = TABLE,
    path: str = "/orders",
    fault: tuple[str, Any] | None = None,
    **more: Any,
) -> Lua:
    """A GET at orders.example.com as the gate sees it, behind a `jwt` that verified `token`."""
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
