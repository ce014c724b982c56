"""External components with routes: their address in the stack, and addresses of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.model import Stack
from kong_oam.access.pods import pods_behind
from kong_oam.access.upstream import Target, Upstream
from tests.support.estates import STACK, api, compiled, external

HTTP = Upstream((Target("crm.example.net"),), "http")


def on(upstreams: dict[str, Upstream], **fields: Any) -> Stack:
    return replace(STACK, upstreams=upstreams, **fields)


def findings(*texts: str, stack: Stack) -> list[str]:
    result = compiled(*texts, stack=stack)
    return [
        f"{finding.code} {finding.message}" for finding in result.diagnostics
    ]


def test_the_port_of_the_trait_is_the_default() -> None:
    targets = Target("a.example.net"), Target("b.example.net", 9)
    stack = on({"legacy/crm": Upstream(targets, "http", balanced=True)})
    estate = compiled(external(), stack=stack).estate
    assert estate is not None
    component = estate.components["legacy/crm"]
    assert component.exposure.upstream is not None
    assert component.exposure.upstream.text == (
        "http to a.example.net:8080, b.example.net:9"
    )
    assert component.exposure.services == ()
    assert [*component.backends] == ["8080"]


def test_another_host_header_is_another_answer() -> None:
    """The text of an upstream is compared request by request (access.pods)."""
    upstream = replace(HTTP, host_header="crm:8080")
    stack = on({"legacy/crm": upstream})
    estate = compiled(external(), stack=stack).estate
    assert estate is not None
    assert pods_behind(estate.components["legacy/crm"]) == {
        "8080": "http to crm.example.net:8080 with Host crm:8080"
    }


def test_https_is_verified() -> None:
    upstream = replace(HTTP, scheme="https", server_name="crm.example.net")
    stack = on({"legacy/crm": upstream}, upstream_tls="tls")
    estate = compiled(external(), stack=stack).estate
    assert estate is not None
    assert [*estate.components["legacy/crm"].backends] == ["8080__tls"]
    assert findings(external(), stack=on({"legacy/crm": upstream})) == [
        "ACC244 the stack has no CA that verifies 'legacy/crm'; set gateway.upstreamTls.ca there, "
        "or scheme: http under gateway.upstreams"
    ]


def test_without_a_stack_the_address_is_not_judged() -> None:
    stack = replace(STACK, partial=True)
    assert findings(external(), stack=stack) == []


@pytest.mark.parametrize(
    ("texts", "upstreams", "expected"),
    [
        (
            [external()],
            {},
            "ACC271 the stack does not say where 'legacy/crm' is; write `legacy/crm: {host: ...}` "
            "under kong-oam:gateway.upstreams in stacks/Pulumi.tests.yaml",
        ),
        (
            [external()],
            {"legacy/crm": HTTP, "legacy/cmr": HTTP},
            "ACC271 kong-oam:gateway.upstreams: component 'legacy/cmr' does not exist; did you "
            "mean 'legacy/crm'?",
        ),
        (
            [external(), api()],
            {"legacy/crm": HTTP, "orders/api": HTTP},
            "ACC271 kong-oam:gateway.upstreams: component 'orders/api' is not external: it runs in "
            "a cluster; remove the entry",
        ),
        (
            [
                external(
                    more="    - {name: partner, type: external}\n"
                )
            ],
            {"legacy/crm": HTTP, "legacy/partner": HTTP},
            "ACC271 kong-oam:gateway.upstreams: component 'legacy/partner' has no route; add a "
            "gateway trait, or remove the entry",
        ),
        (
            [external(http="{/: 8080, /admin: 9090}")],
            {"legacy/crm": HTTP},
            "ACC270 an external component has one port, but its routes lead to 8080 and 9090; "
            "write one port, or two components",
        ),
        (
            [external(), external("erp").replace("legacy", "old")],
            {"legacy/crm": HTTP, "old/erp": HTTP},
            "ACC272 gateway.upstreams.old/erp: crm.example.net:8080 is the address of "
            "'legacy/crm', too; use one component",
        ),
        (
            [external(), api(domain="*.example.net")],
            {"legacy/crm": HTTP},
            "ACC272 gateway.upstreams.legacy/crm: crm.example.net:8080 is a host of the gateway "
            "itself; write the backend's host",
        ),
    ],
)  # fmt: skip
def test_settings_that_name_no_backend(
    texts: list[str], upstreams: dict[str, Upstream], expected: str
) -> None:
    assert findings(*texts, stack=on(upstreams)) == [expected]


@pytest.mark.parametrize(
    ("host", "owner"),
    [
        ("api.orders", "'orders/api'"),
        ("API.Orders", "'orders/api'"),
        ("kong-admin.kong", "the gateway"),
        ("kubernetes.default", "Kubernetes"),
    ],
)
def test_a_name_in_a_namespace_is_a_service_where_kong_runs_in_the_cluster(
    host: str, owner: str
) -> None:
    upstreams = {"legacy/crm": Upstream((Target(host),), "http")}
    inside = on(upstreams, gateway_namespace="kong")
    assert findings(external(), api(), stack=inside) == [
        f"ACC272 gateway.upstreams.legacy/crm: {host}:8080 is a name in the namespace of "
        f"{owner} for a gateway in the cluster; write another name"
    ]
    assert findings(external(), api(), stack=on(upstreams)) == []


def test_a_workload_needs_the_place_of_the_gateway() -> None:
    stack = on({"legacy/crm": HTTP}, placed=False)
    assert findings(external(), stack=stack) == []
    assert findings(external(), api(), stack=stack) == [
        "ACC273 'orders/api' runs in a cluster, but the gateway's place is missing; set namespace "
        "and podLabels in the cluster, or cidrs outside"
    ]
