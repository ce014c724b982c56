"""Addresses of external components as a preview resolves them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.upstream import Target, Upstream
from kong_oam.kong.upstream_hosts import inspect
from kong_oam.kubernetes import kubectl
from tests.support.diffs import settings
from tests.support.estates import STACK, api, estate, external

NAMES = {
    "crm.example.net": ["198.51.100.7"],
    "twice.example.net": ["198.51.100.7", "127.0.0.1"],
    "aws.example.net": ["169.254.169.254"],
    "mapped.example.net": ["::ffff:127.0.0.1"],
    "admin.example.net": ["203.0.113.5"],
    "alias.example.net": ["203.0.113.5"],
    "balancer.example.net": ["203.0.113.9"],
    "pod.example.net": ["10.244.1.7"],
}


def resolve(name: str) -> tuple[str, ...]:
    return tuple(NAMES.get(name, [name] if name[0].isdigit() else ()))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("crm.example.net", ""),
        ("198.51.100.7", ""),
        (
            "unknown.example.net",
            "warning ENV417: ... does not resolve on this machine; check the name, or that the "
            "gateway's nodes resolve it",
        ),
        (
            "twice.example.net",
            "error ENV416: ... resolves to 127.0.0.1, which is the gateway's own host (loopback); "
            "write another host",
        ),
        (
            "aws.example.net",
            "error ENV416: ... resolves to 169.254.169.254, which is a link-local address, as "
            "metadata services have; write another host",
        ),
        (
            "mapped.example.net",
            "error ENV416: ... resolves to ::ffff:127.0.0.1, which is an IPv4 address inside an "
            "IPv6 address; write another host",
        ),
        (
            "admin.example.net",
            "error ENV416: ... is Kong's Admin API; write another host",
        ),
        (
            "alias.example.net",
            "error ENV416: ... resolves to 203.0.113.5, which is Kong's Admin API; write another "
            "host",
        ),
        (
            "balancer.example.net",
            "error ENV416: ... resolves to 203.0.113.9, which is an address of 'orders/api'; write "
            "another host",
        ),
        (
            "pod.example.net",
            "error ENV416: ... resolves to 10.244.1.7, which is a node or a pod of the cluster "
            "('one'); write another host",
        ),
        (
            "10.1.0.1",
            "error ENV416: ... is a node or a pod of the cluster ('one'); write another host",
        ),
    ],
)
def test_a_name_is_resolved_before_a_run(
    host: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        kubectl,
        "node_addresses",
        lambda _: {"one": ("10.1.0.1", "10.244.1.0/24")},
    )
    upstreams = {"legacy/crm": Upstream((Target(host),), "http")}
    stack = replace(STACK, upstreams=upstreams)
    found = inspect(
        replace(settings(), stack=stack),
        estate(external(), api(), stack=stack),
        "https://admin.example.net:8444",
        {"kong-oam.tests.orders.api.8080": "203.0.113.9:8080"},
        resolve,
    )
    setting = f"kong-oam:gateway.upstreams.legacy/crm: '{host}'"
    assert [str(finding).replace(setting, "...") for finding in found] == (
        [expected] if expected else []
    )


def test_nothing_is_asked_without_external_components() -> None:
    def ask(name: str) -> tuple[str, ...]:
        raise AssertionError(name)

    found = inspect(settings(), estate(api()), "http://admin", {}, ask)
    assert [*found] == []
