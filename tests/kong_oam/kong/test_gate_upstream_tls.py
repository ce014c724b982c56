"""The gate of a workload that speaks TLS: it sends nothing where that is not verified, whatever fails or is changed."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.kong.table import address
from tests.support.gate_requests import READ, TABLE, gate_call
from tests.support.lua_scripts import Lua, LuaApiError, gate

NAMED = address("api.test", 8443, "api.orders.svc")
SERVICE = {"protocol": "https", "tls_verify": True}


def call_to(
    service: Any, leads: str = NAMED, fault: tuple[str, Any] | None = None
) -> Lua:
    """A request that may go on, at a service of Kong's."""
    call = gate_call(READ, fault=fault, **{"kong.router.get_service": service})
    call.code = gate(TABLE, leads)
    return call


def test_the_host_is_the_name_that_the_certificate_has_to_bear() -> None:
    call = call_to(SERVICE)
    assert (call.run(), call.target, call.upstream_headers["Host"]) == (
        "on",
        ("api.test", 8443),
        "api.orders.svc",
    )


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("api.orders.svc", "api.orders.svc:8443"),
        (None, "crm_1.example.net"),
        (None, "crm:8080"),
    ],
)
def test_the_host_header_of_the_stack_comes_first(
    name: str | None, header: str
) -> None:
    call = call_to(SERVICE, address("api.test", 8443, name, header))
    assert call.run() == "on"
    assert call.upstream_headers["Host"] == header


@pytest.mark.parametrize(
    "header",
    [
        *('""', "5", "null", '"a b"', '"a\\r\\nX: y"', "{}", '"a:80:80"'),
        *('"other.orders.svc"', '"api.orders.svc.evil"', '"api.orders.sv"'),
    ],
)
def test_a_host_header_that_names_another_certificate_is_none(
    header: str,
) -> None:
    leads = f'{{"host":"a","port":8443,"name":"api.orders.svc","host_header":{header}}}'
    call = call_to(SERVICE, leads)
    assert (call.denied(), call.target) == (500, None)


@pytest.mark.parametrize(
    "service",
    [
        None,
        {},
        {"protocol": "http", "tls_verify": True},
        {"protocol": "https"},
        {"protocol": "https", "tls_verify": False},
        {"protocol": "https", "tls_verify": "true"},
    ],
)
def test_nothing_is_sent_by_a_service_that_does_not_verify(
    service: Any,
) -> None:
    call = call_to(service)
    assert (call.denied(), call.target) == (500, None)


@pytest.mark.parametrize(
    "wrong", [None, True, "x", [], LuaApiError("injected")]
)
def test_nothing_is_sent_where_kong_does_not_say(wrong: Any) -> None:
    call = call_to(SERVICE, fault=("kong.router.get_service", wrong))
    assert (call.denied(), call.target) == (500, None)


@pytest.mark.parametrize(
    "name", ['""', "5", "null", '"a b"', '"a\\nb"', "{}", '"a:80"']
)
def test_a_name_that_no_certificate_bears_is_none(name: str) -> None:
    """And no reason to speak clear text."""
    call = call_to(SERVICE, f'{{"host":"api.test","port":8443,"name":{name}}}')
    assert (call.denied(), call.target) == (500, None)
