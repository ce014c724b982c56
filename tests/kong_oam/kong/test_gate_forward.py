"""Refusals and paths at the workload at the sandbox's gateway (a stand-in for Kong)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from kong_oam.kong.table import table
from sandbox.kong import Answer, Kong
from tests.support.estates import api, estate
from tests.support.gate_requests import READ, gate_call, table_with
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene, issuers, stack
from tests.support.scenes import gateway_of

HOST = "crm.example.com"
ACCESS = """{owner: t, scopes: {read: r}, forward: {/crm: /, /foo: /base},
  rules: [{paths: [/], public: {reason: x}, refusals: {exactly: [/auth/v1], below: [/crm/orders]}}]}"""
STACK = stack("tests")
TEXT = (
    api("crm", domain=HOST, http="{/: 80, /admin: 81}", access=ACCESS)
    + "        - {type: cors, properties: {origins: ['https://page.example']}}\n"
)
SCENE = Scene(estate(TEXT, stack=STACK), issuers(STACK, time.time()))


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with gateway_of(SCENE) as gateway:
        yield gateway


def asked(kong: Kong, target: bytes, *headers: bytes) -> Answer:
    case = Case("GET", HOST, target, headers=headers)
    return kong.handle(case.raw(), scheme=STACK.scheme)


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        (b"/crm", "/"),
        (b"/crm/a%21b?c=%2F", "/a%21b?c=%2F"),
        (b"/crm/%C3%A9", "/%C3%A9"),
        (b"/foo/", "/base/"),
        (b"/crmX", "/crmX"),
        (b"/admin/crm", "/admin/crm"),
    ],
)
def test_the_workload_gets_its_own_path(
    kong: Kong, target: bytes, sent: str
) -> None:
    answer = asked(kong, target)
    assert answer.upstream is not None
    assert answer.upstream.target == sent


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/auth/v1", 401),
        (b"/auth/v1/", 200),
        (b"/AUTH/v1", 401),
        (b"/crm/orders", 200),
        (b"/crm/orders/", 401),
        (b"/crm/ordersX", 200),
    ],
)
def test_the_gate_decides_on_the_exposed_path(
    kong: Kong, target: bytes, status: int
) -> None:
    """A refusal names the exposed path, not the path at the workload."""
    assert asked(kong, target).status == status


def test_a_page_reads_the_answer_of_a_forwarded_request(kong: Kong) -> None:
    """The script for CORS judges the exposed path, although the workload got another path."""
    answer = asked(kong, b"/crm/a", b"Origin: https://page.example")
    allowed = [
        value
        for name, value in answer.headers
        if name.lower() == "access-control-allow-origin"
    ]
    assert allowed == ["https://page.example"]


def test_a_table_has_an_entry_only_for_what_an_application_uses() -> None:
    """An Application without the features has the table of before."""
    component = SCENE.estate.components["crm/api"]
    used = json.loads(table(SCENE.estate, component, "80", "ring"))
    assert used["forward"] == {"/crm": "/", "/foo": "/base"}
    refused = {"begins": ["/crm/orders/"], "exactly": ["/auth/v1"]}
    assert used["refusing"] == {"/": {"*": [["public", refused]]}}
    assert used["rules"] == {"/": {}}
    plain = estate(api("crm", domain=HOST), stack=STACK)
    without = json.loads(
        table(plain, plain.components["crm/api"], "8080", "ring")
    )
    assert {"forward", "refusing"}.isdisjoint(without)


@pytest.mark.parametrize(
    "pieces",
    [
        {"refusing": []},
        {"refusing": {"/orders": {"GET": [["public", []]]}}},
        {"refusing": {"/orders": {"GET": [["public", {"begins": "/"}]]}}},
        {"forward": []},
        {"forward": {"/orders": 7}},
        {"forward": {"/orders": "other"}},
    ],
)
def test_a_table_of_another_shape_opens_nothing(
    pieces: dict[str, object],
) -> None:
    """The gate answers 500, with a valid token and without."""
    rules = (
        {"/orders": {}}
        if "refusing" in pieces
        else {"/orders": {"GET": "public"}}
    )
    for token in (None, READ):
        call = gate_call(token, table_with(rules=rules, **pieces))
        assert (call.run(), call.status) == ("exit", 500)
