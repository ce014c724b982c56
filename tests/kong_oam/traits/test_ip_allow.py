"""The ip-allow trait from the Application to the answer: what is an error, where, and from where one may call what."""

from __future__ import annotations

from ipaddress import ip_address
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.access.decide import Request, decide
from kong_oam.access.diff.change import AffectedCaller, Change
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.kind import Kind
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import ModelError, dump_model, load_model
from kong_oam.access.networks import (
    Source,
    address_classes,
    addresses_outside,
    admits,
    fewest,
    network,
)
from kong_oam.access.principals import Principal
from kong_oam.access.report import access_table
from kong_oam.access.request_classes import Region, Subtree
from kong_oam.access.tokens import Claims
from tests.support.diffs import API, BEFORE, SHOP, edited, model
from tests.support.estates import api, compiled
from tests.support.tiers import examples

TRAIT = "        - type: ip-allow\n          properties: %s\n"
ACCESS = "{owner: o, rules: [{paths: [/orders], methods: [GET, POST], public: {reason: x}}, {paths: [/orders/health], public: {reason: y}}]}"
ORDERS = api(access=ACCESS)


def messages(properties: str, text: str = ORDERS) -> list[str]:
    return [
        str(diagnostic).splitlines()[0]
        for diagnostic in compiled(text + TRAIT % properties).diagnostics
    ]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ("{from: [10.0.0.1/8]}", "15:31: error ACC238: '10.0.0.1/8' is an address inside a network: write 10.0.0.0/8 for the network"),
        ("{from: [10.0.0.0/8, 10.0.0.0/33]}", "15:43: error ACC238: '10.0.0.0/33' has too many bits after the slash"),
        ('{from: ["2001:db8::/129"]}', "15:31: error ACC238: '2001:db8::/129' has too many bits after the slash"),
        ('{from: ["::ffff:0:0/95"]}', "15:31: error ACC238: '::ffff:0:0/95' mixes IPv4 and IPv6 addresses: write the IPv4 network as 192.0.2.0/24"),
        ("{from: [10.0.0.7]}", "15:31: error ACC238: '10.0.0.7' is not a network: write it as 192.0.2.0/24, 192.0.2.1/32 or 2001:db8::/32"),
        ("{from: [office]}", "15:31: error ACC238: 'office' is not a network: write it as 192.0.2.0/24, 192.0.2.1/32 or 2001:db8::/32"),
        ("{from: [10.0.0.0/255.0.0.0]}", "15:31: error ACC238: '10.0.0.0/255.0.0.0' is not a network: write it as 192.0.2.0/24, 192.0.2.1/32 or 2001:db8::/32"),
        ("{rules: [{paths: [/order], from: [10.0.0.0/8]}]}", "15:41: error ACC239: no rule of this component has the path '/order'; did you mean '/orders'?"),
        ("{rules: [{paths: [/orders], methods: [DELETE], from: [10.0.0.0/8]}]}", "15:61: error ACC239: no rule on /orders lists DELETE; its rules list GET, HEAD, POST"),
        ("{rules: [{paths: [/orders], from: [10.0.0.0/8]}, {paths: [/orders], methods: [GET], from: [10.0.0.0/9]}]}", "15:81: error ACC239: GET /orders is already in line 15; keep one of them"),
        ("{rules: [{paths: [/orders/*], from: [10.0.0.0/8]}]}", "15:41: error ACC213: path '/orders/*' is not plain; write /element/element, unencoded, of letters, digits and -._~!$&'()+,:=@, without patterns"),
    ],
    ids=lambda value: value if value.startswith("{") else None,
)  # fmt: skip
def test_a_mistake_is_found_where_it_stands(
    properties: str, expected: str
) -> None:
    assert f"app1.yaml:{expected}" in messages(properties)


def test_it_is_for_what_the_gateway_leads_to() -> None:
    """A component without a gateway trait is called by nobody through it."""
    text = ORDERS[: ORDERS.index("        - type: gateway")]
    assert any(
        "ACC231" in message
        for message in messages("{from: [10.0.0.0/8]}", text)
    )


@pytest.mark.parametrize(
    ("properties", "allowed"),
    [
        ("{from: [10.0.0.0/8]}", {"GET": "10.0.0.0/8", "HEAD": "10.0.0.0/8", "POST": "10.0.0.0/8"}),
        ("{from: [10.0.0.0/9, 10.128.0.0/9]}", {"GET": "10.0.0.0/8", "HEAD": "10.0.0.0/8", "POST": "10.0.0.0/8"}),
        ('{from: ["::ffff:10.0.0.0/104"]}', {"GET": "10.0.0.0/8", "HEAD": "10.0.0.0/8", "POST": "10.0.0.0/8"}),
        ('{from: [0.0.0.0/0, "::/0"]}', {}),
        ("{rules: [{paths: [/orders], methods: [GET], from: [10.0.0.0/8]}]}", {"GET": "10.0.0.0/8", "HEAD": "10.0.0.0/8"}),
        (
            '{from: [10.0.0.0/8], rules: [{paths: [/orders], methods: [POST], from: [192.0.2.0/24]}, {paths: [/orders], methods: [HEAD], from: [0.0.0.0/0, "::/0"]}]}',
            {"GET": "10.0.0.0/8", "POST": "192.0.2.0/24"},
        ),
    ],
)  # fmt: skip
def test_a_rules_own_networks_stand_in_place_of_the_components(
    properties: str, allowed: dict[str, str]
) -> None:
    """By method; GET includes HEAD, unless that has its own."""
    result = compiled(ORDERS + TRAIT % properties)
    assert result.estate, result.diagnostics
    found = result.estate.components["orders/api"].allowed_from.get(
        ("orders",), {}
    )
    assert {
        method: ", ".join(map(str, networks))
        for method, networks in found.items()
    } == allowed


def test_a_component_without_an_access_trait_may_have_one() -> None:
    """Its rules are on the paths of its gateway trait."""
    result = compiled(
        api() + TRAIT % "{rules: [{paths: [/orders], from: [10.0.0.0/8]}]}"
    )
    assert result.estate
    assert (
        len(result.estate.components["orders/api"].allowed_from["orders",]) == 7
    )


RESTRICTED = model(API + TRAIT % "{from: [10.0.0.0/8]}", SHOP)
CLAIMS = Claims("okta", "shop/checkout", "shop/checkout", False, ("read",))


def answer(
    path: str,
    claims: Claims | None,
    address: str | None,
    of: AccessModel = RESTRICTED,
) -> tuple[int, str]:
    decision = decide(
        of.estate,
        Request("GET", "orders.example.com", path.encode(), address),
        claims,
    )
    return decision.status, decision.reason


def test_each_method_has_its_own_networks() -> None:
    """Where one is not restricted, the networks of the other do not hold it."""
    result = compiled(
        ORDERS
        + TRAIT
        % "{rules: [{paths: [/orders], methods: [POST], from: [10.0.0.0/8]}]}"
    )
    assert result.estate
    for method, address, meant in (
        ("GET", "192.0.2.1", 200),
        ("POST", "192.0.2.1", 403),
        ("POST", "10.1.2.3", 200),
    ):
        request = Request(method, "orders.example.com", b"/orders", address)
        assert decide(result.estate, request, None).status == meant


def test_an_address_is_judged_last() -> None:
    """So that nobody learns from elsewhere what they would not learn from there; and where it is not said, it is told."""
    assert answer("/orders", CLAIMS, "10.1.2.3") == (200, "has read")
    assert answer("/orders", CLAIMS, "::ffff:10.1.2.3") == (200, "has read")
    assert answer("/orders", CLAIMS, None) == (
        200,
        "has read; from 10.0.0.0/8 only",
    )
    refused = (403, "it may be called from 10.0.0.0/8 only, not from 192.0.2.1")
    assert answer("/orders", CLAIMS, "192.0.2.1") == refused
    assert answer("/orders/health", None, "192.0.2.1") == refused
    assert answer("/orders/health", None, "unix:")[0] == 403
    for address in ("10.1.2.3", "192.0.2.1", None):
        assert answer("/orders", None, address) == (401, "a token is needed")


CALLED = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: ip-allow
          properties: {from: [10.0.0.0/8]}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read}
            rules: [{paths: [/orders], methods: [GET], scopes: [read]}]
            roles: {viewer: {scopes: [read], groups: [sales], components: [shop/web]}}
"""
CALLING = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: external
      traits:
        - {type: client, properties: {kind: native, redirectUris: ["com.example.app:/callback"], calls: [{component: orders/api, scopes: [read]}]}}
"""
FROM_8 = Source((network("10.0.0.0/8"),))
BEYOND_9 = Source((network("10.0.0.0/8"),), (network("10.0.0.0/9"),))


def users(group: str, source: Source) -> AffectedCaller:
    """The users of shop/web in a group, calling from these networks."""
    groups = frozenset({frozenset({group})})
    return AffectedCaller(
        Principal("shop/web", "okta", users=True), groups, source
    )


FEWER = edited(CALLED, ("10.0.0.0/8", "10.0.0.0/9"))
MORE_GROUPS = edited(CALLED, ("groups: [sales]", "groups: [sales, desk]"))


@pytest.mark.parametrize(
    ("before", "after", "kind", "callers"),
    [
        (FEWER, CALLED, "widened", (users("sales", BEYOND_9),)),
        (CALLED, FEWER, "narrowed", (users("sales", BEYOND_9),)),
        (FEWER, MORE_GROUPS, "widened", (users("desk", FROM_8), users("sales", BEYOND_9))),
        (MORE_GROUPS, FEWER, "narrowed", (users("desk", FROM_8), users("sales", BEYOND_9))),
    ],
    ids=["addresses come", "addresses go", "and a group comes", "and a group goes"],
)  # fmt: skip
def test_other_networks_are_told_of_beside_other_groups(
    before: str, after: str, kind: Kind, callers: tuple[AffectedCaller, ...]
) -> None:
    """A new or removed group has all addresses in the change; other groups have the new or removed
    addresses."""
    region = Region(Subtree(("orders",)))
    assert diff(model(before, CALLING), model(after, CALLING)) == (
        Change(
            kind, callers, ("GET", "HEAD"), "orders.example.com", region, ANY
        ),
    )


def test_the_same_networks_written_otherwise_are_no_change() -> None:
    """As two halves, or with a part of one beside it."""
    halves = edited(
        CALLED, ("[10.0.0.0/8]", "[10.128.0.0/9, 10.0.0.0/9, 10.7.0.0/16]")
    )
    assert diff(model(CALLED, CALLING), model(halves, CALLING)) == ()


def test_a_model_of_before_has_no_networks_and_one_of_now_says_them() -> None:
    """So what an earlier version deployed is compared as open from anywhere, and networks that are none are refused."""
    assert (
        load_model(dump_model(RESTRICTED))
        .estate.components["orders/api"]
        .allowed_from
    )
    assert '"from"' not in dump_model(BEFORE)
    earlier = load_model(dump_model(BEFORE))
    assert diff(earlier, RESTRICTED) == diff(BEFORE, RESTRICTED) != ()
    with pytest.raises(ModelError):
        load_model(dump_model(RESTRICTED).replace("10.0.0.0/8", "10.0.0.1/8"))


def test_the_table_of_a_preview_says_where_from() -> None:
    lines = access_table(RESTRICTED.estate).splitlines()
    assert all(
        line.endswith("; from 10.0.0.0/8 only")
        for line in lines
        if "orders/api:" in line
    )
    single = model(
        API
        + TRAIT
        % "{rules: [{paths: [/orders], methods: [HEAD], from: [10.0.0.0/8]}]}",
        SHOP,
    )
    found = [
        line
        for line in access_table(single.estate).splitlines()
        if "orders.example.com/orders  " in line
    ]
    assert [line.split()[0] for line in found] == ["GET", "HEAD", "POST"]
    assert found[1].endswith("; from 10.0.0.0/8 only")


# Sets of addresses

NETWORKS = st.lists(
    st.sampled_from(
        [
            network(f"10.{number}.0.0/{bits}")
            for number, bits in (
                (0, 8),
                (0, 9),
                (128, 9),
                (0, 16),
                (1, 16),
                (64, 10),
            )
        ]
        + [
            network(text)
            for text in (
                "0.0.0.0/0",
                "::/0",
                "2001:db8::/32",
                "2001:db8::/33",
                "192.0.2.0/24",
            )
        ]
    ),
    max_size=4,
).map(fewest)
ADDRESSES = ("9.255.255.255", "10.0.0.0", "10.0.255.255", "10.1.0.0", "10.2.0.0", "10.64.0.1", "10.127.255.255", "10.128.0.0",
             "11.0.0.0", "192.0.2.7", "::", "2001:db8::1", "2001:db8:8000::", "2001:db9::")  # fmt: skip


def holds(source: Source, address: str) -> bool:
    return admits(source.networks, address) and not any(
        ip_address(address) in network for network in source.but
    )


@settings(max_examples=examples(2000), deadline=None)
@given(NETWORKS, NETWORKS)
def test_what_is_beyond_other_networks_is_just_what_they_do_not_hold(
    networks: tuple[()], other: tuple[()]
) -> None:
    """Its example, too."""
    source = addresses_outside(networks, other)
    for address in ADDRESSES:
        assert (source is not None and holds(source, address)) == (
            admits(networks, address) and not admits(other, address)
        )
    if source and (example := source.example()):
        assert admits(networks, str(example)) and not admits(
            other, str(example)
        )


@settings(max_examples=examples(1000), deadline=None)
@given(NETWORKS)
def test_classes_of_addresses_are_told_apart_by_networks_alone(
    networks: tuple[()],
) -> None:
    """Each address is in a single class, and its networks equal the networks of the class's example."""
    classes = address_classes(networks)
    for address in ADDRESSES:
        (found,) = (source for source in classes if holds(source, address))
        example = str(found.example() or address)
        for listed in networks:
            assert admits((listed,), address) == admits((listed,), example)
