"""`gateway.upstreams`: addresses as written, and their rejection."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import StackError
from kong_oam.access.upstream import Target, Upstream
from tests.support.small_stacks import SETTINGS


def parsed(upstream: dict[str, Any], **gateway: Any) -> Any:
    settings = {
        **SETTINGS,
        "gateway": {"upstreams": {"legacy/crm": upstream}, **gateway},
    }
    return parse("prod", settings).stack.upstreams["legacy/crm"]


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        (
            {"host": "CRM.example.net"},
            Upstream((Target("crm.example.net"),), "https", "crm.example.net"),
        ),
        (
            {"host": "10.1.2.3", "port": 81, "scheme": "http"},
            Upstream((Target("10.1.2.3", 81),), "http"),
        ),
        (
            {"host": "2001:DB8:0::1", "serverName": "Crm.example.net"},
            Upstream((Target("2001:db8::1"),), "https", "crm.example.net"),
        ),
        (
            {
                "targets": [{"host": "10.1.2.3"}, {"host": "b.net", "port": 1}],
                "scheme": "http",
            },
            Upstream(
                (Target("10.1.2.3"), Target("b.net", 1)), "http", balanced=True
            ),
        ),
        (
            {"host": "a.net", "health": "/up"},
            Upstream((Target("a.net"),), "https", "a.net", "/up", True),
        ),
        (
            {"host": "crm", "scheme": "http", "hostHeader": "Crm_1:8080"},
            Upstream((Target("crm"),), "http", host_header="Crm_1:8080"),
        ),
        (
            {"host": "a.net", "hostHeader": "A.net:8443"},
            Upstream(
                (Target("a.net"),), "https", "a.net", host_header="a.net:8443"
            ),
        ),
    ],
)
def test_the_meaning_of_an_entry(
    upstream: dict[str, Any], expected: Upstream
) -> None:
    assert parsed(upstream) == expected


@pytest.mark.parametrize(
    ("upstream", "problem"),
    [
        ({}, "set either host or targets"),
        (
            {"host": "a.net", "targets": [{"host": "b.net"}]},
            "set either host or targets",
        ),
        (
            {"port": 1, "targets": [{"host": "b.net"}], "serverName": "b.net"},
            "port belongs to each of the targets; move it there",
        ),
        (
            {"host": "a.net", "scheme": "http", "serverName": "a.net"},
            "serverName needs scheme https; remove one of them",
        ),
        (
            {"host": "10.0.0.1"},
            "https needs serverName, the name in the certificate",
        ),
        (
            {"targets": [{"host": "a.net"}]},
            "https needs serverName, the name in the certificate",
        ),
        (
            {"host": "a.net", "serverName": "10.0.0.1"},
            "serverName is an IP address; write the name in the certificate",
        ),
        (
            {"host": "10.0.0.1", "serverName": "a.net", "hostHeader": "b.net"},
            "https verifies 'a.net' by the Host header; write hostHeader as 'a.net', with or "
            "without a port",
        ),
        (
            {"host": "a.net", "hostHeader": "a.net.evil.net:443"},
            "https verifies 'a.net' by the Host header; write hostHeader as 'a.net', with or "
            "without a port",
        ),
    ],
)
def test_contradictions(upstream: dict[str, Any], problem: str) -> None:
    with pytest.raises(StackError) as error:
        parsed(upstream)
    assert str(error.value).splitlines()[1:] == [
        f"  kong-oam:gateway.upstreams.legacy/crm: {problem}"
    ]


LOOPBACK = "is the gateway's own host (loopback); write another host"
NUMBER = "is a number in place of an address; write a plain IP address"
NEITHER = "is neither a DNS name nor an IP address; write one of them"
METADATA = "is a cloud's metadata service; write another host"
INSIDE = "is an IPv4 address inside an IPv6 address; write another host"
LINK = "is a link-local address, as metadata services have; write another host"
CLUSTER = (
    "is a name in a cluster, which leads around that component's rules; "
    "write another host"
)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", LOOPBACK),
        ("127.8.8.8", LOOPBACK),
        ("::1", LOOPBACK),
        ("LocalHost", LOOPBACK),
        ("a.localhost", LOOPBACK),
        ("ip6-loopback", LOOPBACK),
        ("0.0.0.0", "is no host's address (unspecified); write another host"),
        ("0.1.2.3", "is no host's address (unspecified); write another host"),
        ("::", "is no host's address (unspecified); write another host"),
        ("169.254.169.254", LINK),
        ("fe80::1", LINK),
        ("fe80::1%eth0", NEITHER),
        ("224.0.0.1", "is a multicast address; write another host"),
        ("ff02::1", "is a multicast address; write another host"),
        ("255.255.255.255", "is a reserved address; write another host"),
        ("::ffff:169.254.169.254", INSIDE),
        ("::ffff:a9fe:a9fe", INSIDE),
        ("[::ffff:169.254.169.254]", NEITHER),
        ("::127.0.0.1", INSIDE),
        ("64:ff9b::a9fe:a9fe", INSIDE),
        ("2002:a9fe:a9fe::1", INSIDE),
        ("2001:0:a9fe:a9fe::1", INSIDE),
        ("fd00:0ec2::0254", METADATA),
        ("fd00:ec2::23", METADATA),
        ("168.63.129.16", METADATA),
        ("100.100.100.200", METADATA),
        ("Metadata.Google.Internal", METADATA),
        ("0x7f.1", NUMBER),
        ("2130706433", NUMBER),
        ("127.1", NUMBER),
        ("0177.0.0.1", NUMBER),
        ("0x7f000001", NUMBER),
        ("crm.example.net.", "ends with a dot; remove the dot"),
        ("127.0.0.1.", "ends with a dot; remove the dot"),
        ("crm.example.net:80", NEITHER),
        ("user@crm.example.net", NEITHER),
        ("\uff4cocalhost", NEITHER),
        ("api.orders.svc", CLUSTER),
        ("api.orders.svc.cluster.local", CLUSTER),
        ("api.orders.svc.example.com", CLUSTER),
        ("a.b.cluster.local", CLUSTER),
        ("10-0-0-1.kong.pod", CLUSTER),
        ("kong.example.com", "is Kong's Admin API; write another host"),
        ("node.example.com", "is a node of the cluster; write another host"),
        ("198.51.100.9", "is the gateway itself; write another host"),
    ],
)
def test_addresses_that_lead_elsewhere(host: str, reason: str) -> None:
    with pytest.raises(StackError) as error:
        parsed(
            {"host": host, "serverName": "crm.example.net"},
            adminUrl="https://kong.example.com.:8444",
            nodeAddress="Node.example.com",
            reach="nodePort",
            cidrs=["198.51.100.8/29"],
        )
    assert str(error.value).splitlines()[1:] == [
        f"  kong-oam:gateway.upstreams.legacy/crm: '{host}' {reason}"
    ]


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "192.168.1.1", "100.64.1.1", "8.8.8.8", "fd12::1"),
        *("2001:db8::1", "2a00::1", "crm", "svc.example.net", "a.pod.net"),
        *("localhost.example.net", "1.example.net", "xn--bcher-kva.example"),
        "crm_1.example.net",
    ],
)
def test_private_and_public_addresses_pass(host: str) -> None:
    upstream = parsed({"host": host, "serverName": "crm.example.net"})
    assert upstream.targets == (Target(host),)


def test_a_name_without_dots_is_a_service_where_kong_runs_in_the_cluster() -> (
    None
):
    with pytest.raises(StackError, match="'crm' is a name in a cluster"):
        parsed({"host": "crm"}, **SETTINGS["gateway"])


def test_a_stack_without_upstreams_must_say_where_its_gateway_is() -> None:
    with pytest.raises(StackError, match="the gateway's place is missing"):
        parse("prod", {**SETTINGS, "gateway": {}})
