"""The objects of components in several clusters and namespaces: their callers and names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.model import Application, Component, FurtherTarget
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.kong.certificates import hosts_by_certificate
from kong_oam.kubernetes.estate import (
    clusters_of,
    foundations,
    objects_of,
    provider_of,
)
from kong_oam.kubernetes.rendered import placed_objects
from kong_oam.objects.pods import Manifest
from tests.support import small_stacks
from tests.support.components import with_fields
from tests.support.estates import STACK, api, estate
from tests.support.rendered_components import OBJECTS, component, estate_of

OUTSIDE = {
    "cidrs": ["192.0.2.0/28"],
    "reach": "loadBalancer",
    "namespace": "kong",
    "podLabels": {"app": "kong"},
}
IN_KONG = {
    "namespaceSelector": {
        "matchLabels": {"kubernetes.io/metadata.name": "kong"}
    },
    "podSelector": {"matchLabels": {"app": "kong"}},
}
FROM_OUTSIDE = {"ipBlock": {"cidr": "192.0.2.0/28"}}


def settings(**gateway: Any) -> Settings:
    data = {
        "cluster": {"context": "here", "contexts": {"west": "there"}},
        "gateway": gateway or OUTSIDE,
    }
    return parse("prod", {**small_stacks.SETTINGS, **data})


def in_places(topologies: str) -> tuple[Application, Component]:
    """The only component of an Application at these targets; `plain` properties make its objects."""
    text = f"{api()}  policies:\n" + "".join(
        f"    - {{name: t{number}, type: topology, properties: {properties}}}\n"
        for number, properties in enumerate(topologies.split(";"))
    )
    stack = replace(
        STACK,
        clusters=frozenset({"west"}),
        reach="loadBalancer",
        addressed=True,
    )
    (application,) = estate(text, stack=stack).applications
    return application, application.components[0]


def test_a_component_of_properties_keeps_who_connects_from_outside() -> None:
    """If its Service has an external address: the NetworkPolicy filters by address."""
    properties = (
        "{image: x, exposeType: NodePort, ports: [{port: 80, expose: true}]}"
    )
    text = api().partition("      traits:")[0].replace("{image: x}", properties)
    (application,) = estate(
        text, stack=replace(STACK, service_types=("NodePort",))
    ).applications
    service = named(application, application.components[0])[
        "orders/api-service-api"
    ]
    assert (
        service["spec"]["type"],
        service["spec"]["externalTrafficPolicy"],
    ) == (
        "NodePort",
        "Local",
    )


def named(application: Application, site: Component) -> dict[str, Manifest]:
    """The objects of a component at a target, by their names in the state."""
    return {
        placed.name: placed.manifest
        for placed in placed_objects(application, site, settings()).objects
    }


def peers(fence: Manifest) -> list[Any]:
    return [peer for rule in fence["spec"]["ingress"] for peer in rule["from"]]


@pytest.mark.parametrize(
    ("topologies", "expected"),
    [
        ("{}", [("orders", [IN_KONG, FROM_OUTSIDE], "LoadBalancer")]),
        (
            "{clusters: [west]}",
            [("west/orders", [FROM_OUTSIDE], "LoadBalancer")],
        ),
        (
            "{clusters: [west]};{namespace: blue};{namespace: green}",
            [
                ("blue", [IN_KONG, FROM_OUTSIDE], "LoadBalancer"),
                ("green", [], "ClusterIP"),
                ("west/orders", [], "ClusterIP"),
            ],
        ),
    ],
)
def test_the_gateway_is_let_in_where_it_leads_to(
    topologies: str, expected: list[tuple[str, list[Any], str]]
) -> None:
    """At one target. In another cluster only the gateway's addresses may connect, since pods there
    may belong to others. A copy has a Service only in its cluster, and nobody may connect."""
    application, whole = in_places(topologies)
    found = []
    for site in whole.instances:
        made = named(application, site)
        service = made[f"{site.state_name}-service-api"]["spec"]
        found.append(
            (
                site.at,
                peers(made[f"{site.state_name}-ingress"]),
                service.get("type", "ClusterIP"),
            )
        )
        assert {
            manifest["metadata"]["namespace"] for manifest in made.values()
        } == {site.workload.namespace}
    assert found == expected


def test_so_it_is_with_what_definitions_render() -> None:
    """Their logical names start with the target."""
    application, whole = component(OBJECTS, client=True, ports=(80,))
    far = FurtherTarget("west", "orders", rendered=whole.workload.rendered)
    on_second, on_second_target = with_fields(
        whole, further_targets=(far, FurtherTarget(None, "more", "/more"))
    ).instances[:2]
    names = {
        placed.name: placed.manifest
        for placed in placed_objects(
            application, on_second_target, settings()
        ).objects
    }
    assert (
        list(names)
        == [
            f"west:{name.name}"
            for name in placed_objects(
                application, on_second, settings()
            ).objects
        ]
        and "west:orders/api-ingress" in names
    )
    assert names["west:orders/api-ingress"]["spec"]["ingress"] == []
    assert "type" not in names["west:orders/api-service-api"]["spec"]
    alone = {
        placed.name: placed.manifest
        for placed in placed_objects(
            application,
            with_fields(on_second_target, further_target=None),
            settings(),
        ).objects
    }
    assert peers(alone["west:orders/api-ingress"]) == [FROM_OUTSIDE]
    assert (
        alone["west:orders/api-service-api"]["spec"]["type"] == "LoadBalancer"
    )


def test_each_cluster_has_its_objects() -> None:
    """Including namespaces and kinds of other objects."""
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: more}\n"
    application, whole = component(namespace, client=False, ports=())
    whole = with_fields(
        whole,
        further_targets=(
            FurtherTarget("west", "orders", rendered=whole.workload.rendered),
        ),
    )
    spread = estate_of(replace(application, components=(whole,)))
    assert clusters_of(spread) == (None, "west")
    assert [provider_of(cluster) for cluster in clusters_of(spread)] == [
        "cluster",
        "cluster-west",
    ]
    assert [
        [foundation.name for foundation in foundations(spread, cluster)]
        for cluster in (None, "west", "east")
    ] == [
        ["orders/api/namespace/more"],
        ["west:orders/api/namespace/more"],
        [],
    ]
    for cluster, count in ((None, 1), ("west", 1), ("east", 0)):
        assert len([*objects_of(spread, settings(), cluster)]) == count


def test_a_certificate_lies_where_its_component_is() -> None:
    """In the component's cluster."""
    text = api().replace(
        'domain: "orders.example.com"',
        'domain: "orders.example.com", secretName: tls',
    )
    policy = "  policies:\n    - {name: t, type: topology, properties: {clusters: [west], namespace: blue}}\n"
    stack = replace(
        STACK,
        clusters=frozenset({"west"}),
        reach="loadBalancer",
        addressed=True,
    )
    assert hosts_by_certificate(estate(text + policy, stack=stack)) == {
        ("west/blue", "tls"): ("orders.example.com",)
    }
