"""Where a rule may be called from: the emitted Lua reads addresses as the model does, and judges them last."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from lupa.luajit21 import LuaRuntime

import kong_oam
from kong_oam.access.networks import admits, fewest, network, read_address
from kong_oam.kong.script import embedded
from sandbox.kong import Kong
from tests.support.estates import api, estate
from tests.support.gate_requests import (
    INSIDE,
    READ,
    TABLE,
    gate_call,
    table_with,
)
from tests.support.gateway_cases import Case, cases
from tests.support.gateway_estates import (
    ACCESS,
    Scene,
    generated_applications,
    issuers,
    nested_applications,
    stack,
)
from tests.support.json_object import JsonObject
from tests.support.lua_scripts import gate, spoil
from tests.support.scenes import gateway_of
from tests.support.tiers import examples

NETWORKS = (
    *(
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.0/31",
        "192.0.2.7/32",
        "128.0.0.0/1",
        "0.0.0.0/0",
    ),
    *(
        "2001:db8::/32",
        "2001:db8:0:1::/64",
        "2001:db8::1:0/113",
        "::1/128",
        "::/0",
        "::ffff:203.0.113.0/120",
    ),
)
MAPPED = 0xFFFF << 32
STRANGE = (
    *("", "unix:", "10.1.2", "10.1.2.3.4", "10.1.2.300", "010.1.2.0", "10.1.2.0:80", " 10.1.2.0", "10.1.2.0/31", "1", "a" * 60),
    *(":", "::", ":::", "1::2::3", "::1%eth0", "[::1]", "::g", "12345::", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", ":1::", "1::2:"),
    *("::10.1.2.0", "::a10.1.2.0", "::ffff:10.1.2.0", "::FFFF:a01:200", "1:2:3:4:5:6:10.1.2.0", "::fffe:10.1.2.0", "x10.1.2.0"),
)  # fmt: skip
"""Texts that are no address, or not one as everybody writes it."""


def edges() -> Iterator[str]:
    """Return addresses on both sides of every network's ends, as written; IPv4 also as mapped
    addresses."""
    for block in map(ip_network, NETWORKS):
        kind = type(block.network_address)
        for number in (
            int(block.network_address),
            int(block.broadcast_address),
        ):
            for near in (number - 1, number, number + 1):
                if 0 <= near < 2**block.max_prefixlen:
                    yield str(kind(near))
                    if kind is IPv4Address:
                        yield str(IPv6Address(MAPPED + near))


EDGES = tuple(dict.fromkeys(edges()))
ADDRESSES = st.sampled_from([*EDGES, *EDGES, *STRANGE]) | st.ip_addresses().map(
    str
)


def lua() -> Any:
    """`holds(network, address)` of the script itself."""
    source = (
        Path(kong_oam.__file__).parent / "traits" / "ip_allow" / "addresses.lua"
    ).read_text("utf-8")
    ask = "return function(network, text) return is_in_one_of({ network_of(network) }, text) end"
    return LuaRuntime(register_builtins=False).execute(f"{source}\n{ask}")


HOLDS = lua()


@settings(max_examples=examples(4000), deadline=None)
@given(
    st.sampled_from(NETWORKS),
    ADDRESSES | st.text("0123456789abf:.", max_size=20),
)
def test_lua_reads_networks_and_addresses_as_the_model_does(
    text: str, address: str
) -> None:
    block = network(text)
    assert HOLDS(str(block), address) == (
        read_address(address) is not None and admits((block,), address)
    )


@pytest.mark.parametrize("text", NETWORKS)
def test_lua_knows_the_ends_of_every_network(text: str) -> None:
    """All of them against all edges and everything strange: what is no address is in no network."""
    block = network(text)
    for address in (*EDGES, *STRANGE):
        assert HOLDS(str(block), address) == (
            read_address(address) is not None and admits((block,), address)
        ), address


# Requests to an estate


def restricted(text: str, random: Random) -> str:
    """The Application with an ip-allow trait on most of its components."""
    data = json.loads(text)
    for component in data["spec"]["components"]:
        rules = [
            rule
            for trait in component["traits"]
            if trait["type"] == "access"
            for rule in trait["properties"]["rules"]
        ]
        singles, taken = [], set[str]()
        for rule in random.sample(rules, min(len(rules), random.randint(0, 3))):
            if rule["paths"][0] not in taken:
                taken.add(rule["paths"][0])
                methods = (
                    {"methods": rule["methods"]}
                    if random.random() < 0.7
                    else {}
                )
                singles.append(
                    {
                        "paths": rule["paths"],
                        **methods,
                        "from": some_networks(random),
                    }
                )
        properties = (
            {"from": some_networks(random)}
            if random.random() < 0.6 or not singles
            else {}
        )
        properties |= {"rules": singles} if singles else {}
        if random.random() < 0.9:
            component["traits"].append(
                {"type": "ip-allow", "properties": properties}
            )
    return json.dumps(data)


def some_networks(random: Random) -> list[str]:
    return random.sample(NETWORKS, random.randint(1, 3))


STACK = stack("tests")
RANDOM = Random(7)
TEXTS = [
    *nested_applications("example.com"),
    *(
        restricted(text, RANDOM)
        for text in generated_applications("generated.test", 24, 7)
    ),
]
SCENE = Scene(estate(*TEXTS, stack=STACK), issuers(STACK, time.time()))
generated = partial(
    settings,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with gateway_of(SCENE) as gateway:
        yield gateway


SEEN = {True: 0, False: 0}


@pytest.mark.generated
@pytest.mark.timeout(600)
@seed(7)
@generated(max_examples=examples(4000))
@given(case=st.deferred(lambda: cases(SCENE)), address=ADDRESSES)
def test_the_gate_answers_as_decide_from_wherever_one_calls(
    kong: Kong, case: Case, address: str
) -> None:
    """The calls have good and bad tokens, and some have an invalid address."""
    case = replace(case, address=address)
    decision = case.meant(SCENE)
    answer = kong.handle(case.raw(), scheme=STACK.scheme, peer=address)
    assert answer.status in case.statuses(decision), (
        answer.status,
        decision,
        answer.body,
    )
    assert (answer.upstream is not None) == decision.allowed
    anywhere = replace(case, address=None).meant(SCENE)
    assert not decision.allowed or anywhere.allowed
    if (
        anywhere.allowed
        and anywhere.component
        and anywhere.component.allowed_from
    ):
        SEEN[decision.allowed] += 1


@pytest.mark.generated
def test_addresses_decided_often_enough() -> None:
    assert min(SEEN.values()) >= examples(4000) // 100, (
        "runs behind the test above"
    )


# One component


def test_from_another_address_a_call_is_refused_with_a_code_of_its_own() -> (
    None
):
    """Which says nothing of rules, whoever asks."""
    text = (
        api(http="{/orders: 8080, /docs: 8080}", access=ACCESS)
        + "        - type: ip-allow\n          properties: {from: [203.0.113.0/24]}\n"
    )
    scene = Scene(estate(text, stack=STACK), SCENE.issuers)
    with gateway_of(scene) as kong:
        token = f"Bearer {scene.issuers['main'].service(['read'])}"
        allowed = Case("GET", "orders.example.com", b"/orders", (token,))
        assert kong.handle(allowed.raw(), "https", "203.0.113.9").status == 200
        refused = kong.handle(allowed.raw(), "https", "203.0.112.9")
        assert refused.status == 403
        body = json.loads(refused.body)
        assert body["type"] == "urn:kong-oam:problem:address-not-allowed"
        assert body["title"] == "This may not be called from this address"
        for nobodys in (
            Case("GET", "orders.example.com", b"/orders"),
            replace(allowed, method="POST"),
            replace(allowed, target=b"/orders/no"),
        ):
            answers = [
                kong.handle(nobodys.raw(), "https", peer)
                for peer in ("203.0.113.9", "203.0.112.9")
            ]
            outside = json.loads(answers[1].body)
            if answers[0].status != 200:
                inside = json.loads(answers[0].body)
                # Nothing is learnt from elsewhere.
                assert {**inside, "requestId": ""} == {
                    **outside,
                    "requestId": "",
                }


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_a_call_from_any_network_of_a_list_is_let_in(address: str) -> None:
    """The rule lists 192.0.2.0/24 and 2001:db8::/32."""
    assert (
        gate_call(READ, fault=("kong.client.get_forwarded_ip", address)).run()
        == "on"
    )


@pytest.mark.parametrize(
    "address", ["192.0.3.7", "", "unix:", None, 7, "2001:db9::1"]
)
def test_an_address_that_cannot_be_read_is_refused(address: Any) -> None:
    """Whatever the gateway says instead of one."""
    request_ = gate_call(READ, fault=("kong.client.get_forwarded_ip", address))
    assert (request_.run(), request_.status) == ("exit", 403)


BROKEN: JsonObject = {
    "a list": [],
    "a text": "192.0.2.0/24",
    "null": None,
    "methods as a list": {"/orders": ["192.0.2.0/24"]},
    "networks as a text": {"/orders": {"*": "192.0.2.0/24"}},
    "numbers": {"/orders": {"*": [7]}},
    "no network": {"/orders": {"*": ["192.0.2.0"]}},
    "no address": {"/orders": {"*": ["192.0.2/24"]}},
    "elsewhere": {"/other": {"*": ["x"]}},
}


@pytest.mark.parametrize("addresses", BROKEN.values(), ids=BROKEN)
def test_networks_that_cannot_be_read_open_nothing(addresses: Any) -> None:
    """This holds for the gate's table and for admission's."""
    request_ = gate_call(READ, table_with(addresses=addresses))
    assert (request_.run(), request_.status) == ("exit", 500)


def test_a_network_that_only_one_table_has_is_enforced() -> None:
    """During a run, a rule that closes takes effect with the first table, and a rule that opens
    with the second."""
    wider = table_with(addresses={"/orders": {"*": ["0.0.0.0/0"]}})
    pieces = json.loads(TABLE)
    del pieces["addresses"]
    without = json.dumps(pieces)
    for written_table, read_table in (
        (TABLE, wider),
        (wider, TABLE),
        (TABLE, without),
        (without, TABLE),
    ):
        for address, status in ((INSIDE, None), ("198.51.100.1", 403)):
            request = gate_call(READ, written_table)
            request.admitted, request.facts = (
                read_table,
                {**request.facts, "kong.client.get_forwarded_ip": address},
            )
            request.run()
            assert request.status == status


def test_before_the_gate_is_of_this_version_it_opens_nothing_that_its_own_table_does_not() -> (
    None
):
    """Admission changes first, so an old gate sees unknown networks in admission's table. It also
    asks its own table, so nobody gets new access. The networks apply when the gate is replaced."""
    request_ = gate_call(READ, TABLE)
    with pytest.MonkeyPatch.context() as monkeypatch:
        spoil(monkeypatch, "value.addresses", "value.of_later")
        known = gate(TABLE)
    elsewhere = {
        **request_.facts,
        "kong.client.get_forwarded_ip": "198.51.100.1",
    }
    protected = json.loads(TABLE)
    table = {
        name: value for name, value in protected.items() if name != "addresses"
    }
    closed = {
        **table,
        "rules": {**table["rules"], "/orders": {"GET": [["write"]]}},
    }
    for own, status in ((json.dumps(table), None), (json.dumps(closed), 403)):
        code = known.replace(embedded(TABLE), embedded(own))
        before = replace(request_, facts=elsewhere, called=[], code=code)
        before.run()
        assert before.status == status
    after = replace(request_, facts=elsewhere, called=[])
    after.run()
    assert after.status == 403


def test_the_fewest_networks_say_the_same() -> None:
    assert fewest(
        map(network, ("10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"))
    ) == (network("10.0.0.0/8"),)
    assert fewest(map(network, ("0.0.0.0/0", "::/0"))) == ()
