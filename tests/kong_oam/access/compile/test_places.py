"""Components in several clusters and namespaces: one access model, and checks for each place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.model import Component
from kong_oam.access.stack import Peer
from tests.support.estates import STACK, api, compiled, estate

WEST = replace(
    STACK, clusters=frozenset({"west", "east"}), gateway_namespace="kong"
)
ACCESS = "{owner: o, scopes: {read: r}, rules: [{scopes: [read]}], roles: {all: {scopes: [read], components: [shop/job]}}}"
ORDERS = api(access=ACCESS)
JOB = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}
"""


def placed(text: str, *topologies: str) -> str:
    """Return the Application with a topology policy for each of these properties."""
    policies = "".join(
        f"    - {{name: t{number}, type: topology, properties: {properties}}}\n"
        for number, properties in enumerate(topologies)
    )
    return f"{text}  policies:\n{policies}"


def messages(*texts: str, **stack: Any) -> list[str]:
    return [
        str(diagnostic).splitlines()[0]
        for diagnostic in compiled(
            *texts, stack=replace(WEST, **stack)
        ).diagnostics
    ]


def sites(component: Component) -> list[tuple[str, str]]:
    return [(site.at, site.state_name) for site in component.instances]


@pytest.mark.parametrize(
    ("topologies", "expected"),
    [
        ([], [("orders", "orders/api")]),
        (["{namespace: blue}"], [("blue", "orders/api")]),
        (
            ["{clusters: [west, local]}"],
            [("orders", "orders/api"), ("west/orders", "west:orders/api")],
        ),
        (
            ["{clusters: [west]}", "{namespace: blue}"],
            [("blue", "orders/api"), ("west/orders", "west:orders/api")],
        ),
        (
            [
                "{namespace: blue}",
                "{clusters: [west], namespace: green}",
                "{}",
                "{clusters: [west]}",
                "{}",
            ],
            [
                ("blue", "orders/api"),
                ("orders", "/orders:orders/api"),
                ("west/green", "west:orders/api"),
                ("west/orders", "west/orders:orders/api"),
            ],
        ),
    ],
)
def test_a_component_is_in_all_of_its_places(
    topologies: list[str], expected: list[tuple[str, str]]
) -> None:
    """The stack's own cluster is first and keeps its names in the state. All places share the
    access rules."""
    text = placed(ORDERS, *topologies) if topologies else ORDERS
    component = estate(text, JOB, stack=WEST).components["orders/api"]
    assert sites(component) == expected
    assert (
        len(component.exposure.endpoints),
        len(component.exposure.rules),
        component.where,
    ) == (
        1,
        1,
        ", ".join(at for at, _ in expected),
    )


def test_clusters_are_those_of_the_stack() -> None:
    """Without a stack, clusters are not checked."""
    text = placed(ORDERS, "{clusters: [local, wst]}")
    assert messages(text, JOB) == [
        "app1.yaml:15:65: error OAM103: cluster 'wst' is no context of the stack (kong-oam:cluster.contexts); did you mean 'west'?"
    ]
    assert messages(text, JOB, clusters=frozenset())[0].endswith(
        "(kong-oam:cluster.contexts); known: local"
    )
    assert len(messages(placed(ORDERS, "{clusters: [wst]}"), JOB)) == 1, (
        "nor is it said that the gateway does not reach it"
    )
    assert messages(text, JOB, clusters=None) == []
    assert (
        messages(placed(ORDERS, "{clusters: [west]}"), JOB, clusters=None) == []
    )
    text = placed(ORDERS, "{clusterLabelSelector: {region: eu}}", "{}")
    assert messages(text, JOB, labels={"west": {"region": "us"}}) == [
        "app1.yaml:15:47: error OAM103: no context of the stack (kong-oam:cluster.contexts) has the labels region=eu; add them to a context"
    ]
    assert messages(text, JOB, clusters=None) == []


def test_the_gateway_reaches_the_stacks_own_cluster_or_load_balancers_that_know_its_addresses() -> (
    None
):
    """Another cluster does not know a Service's name, and a node port belongs to the stack's own
    address."""
    text = placed(ORDERS, "{clusters: [west, east]}")
    (found,) = messages(text, JOB)
    assert found.startswith(
        "app1.yaml:11:61: error ACC229: the gateway does not reach 'api' in cluster 'west'"
    )
    for reach in ("nodePort", "loadBalancer"):
        assert [line[17:30] for line in messages(text, JOB, reach=reach)] == [
            "error ACC229:"
        ]
    assert [
        line[17:30]
        for line in messages(text, JOB, reach="nodePort", addressed=True)
    ] == ["error ACC229:"]
    assert messages(text, JOB, reach="loadBalancer", addressed=True) == []
    assert messages(placed(ORDERS, "{clusters: [west, local]}"), JOB) == []
    assert (
        messages(ORDERS, placed(JOB, "{clusters: [west]}")) == []
    )  # it has no routes


def test_a_client_by_its_service_account_is_deployed_once() -> None:
    """Another cluster signs other tokens, and another namespace has another ServiceAccount."""
    assert messages(ORDERS, JOB, federated=frozenset({"main"})) == []
    for topology in ("{clusters: [west]}", "{clusters: [local, west]}"):
        (found,) = messages(
            ORDERS, placed(JOB, topology), federated=frozenset({"main"})
        )
        assert found.startswith(
            "app2.yaml:10:11: error ACC230: 'shop/job' is deployed to "
        ), found
        assert (
            messages(
                ORDERS, placed(JOB, topology), federated=frozenset({"other"})
            )
            == []
        )
    (found,) = messages(
        ORDERS,
        placed(JOB, "{namespace: a}", "{namespace: b}"),
        federated=frozenset({"main"}),
    )
    assert "'shop/job' is deployed to a, b, but 'main' knows" in found


def test_no_component_comes_beside_the_gateway() -> None:
    """A topology policy must not do so either. In another cluster, the namespace of that name is
    another namespace."""
    beside = "namespace 'kong' is the gateway's: pods there would count as the gateway; use another namespace"
    assert messages(placed(ORDERS, "{namespace: kong}"), JOB) == [
        f"app1.yaml:3:37: error ACC216: {beside}"
    ]
    spread = placed(ORDERS, "{clusters: [west]}", "{namespace: kong}")
    assert messages(spread, JOB) == [f"app1.yaml:6:13: error ACC216: {beside}"]
    assert (
        messages(
            placed(ORDERS, "{}", "{clusters: [west], namespace: kong}"), JOB
        )
        == []
    )


def test_objects_of_one_name_are_such_of_one_place() -> None:
    """Each cluster and each namespace is checked alone."""
    twin = JOB.replace(
        "name: shop, namespace: shop", "name: other, namespace: orders"
    ).replace("name: job", "name: api")
    twins = "OAM107: Deployment 'api' in namespace 'orders'"
    lines = messages(ORDERS.replace("shop/job", "other/api"), twin)
    assert any(twins in line for line in lines)
    apart = placed(twin, "{clusters: [west]}")
    assert messages(ORDERS.replace("shop/job", "other/api"), apart) == []
    overlapping = placed(
        ORDERS.replace("shop/job", "other/api"), "{clusters: [local, west]}"
    )
    assert any(twins in line for line in messages(overlapping, apart))


def test_a_clients_secret_is_its_own_in_every_place() -> None:
    """Only pods of the same place can read the Secret."""
    env = "{image: x, env: [{name: a, valueFrom: {secretKeyRef: {name: job-client, key: k}}}]}"
    thief = ORDERS.replace("namespace: orders", "namespace: shop").replace(
        "{image: x}", env
    )
    found = "secretKeyRef.name 'job-client' is the credential of 'shop/job'"
    assert [found in line for line in messages(thief, JOB)] == [True]
    assert messages(thief, placed(JOB, "{clusters: [west]}")) == []
    spread = placed(JOB, "{clusters: [local, west]}")
    assert [
        found in line
        for line in messages(
            placed(thief, "{}", "{clusters: [west], namespace: far}"), spread
        )
    ] == [True]
    stolen = placed(thief, "{namespace: far}", "{clusters: [west]}")
    assert [found in line for line in messages(stolen, spread)] == [True]


def test_a_gateway_that_an_override_adds_is_judged_as_any() -> None:
    """It exposes the component, and its errors have their positions in the override."""
    gateway = (
        "{type: gateway, properties: {domain: job.example.com, http: {/: 80}}}"
    )
    access = (
        "{type: access, properties: {owner: o, rules: [{public: {reason: r}}]}}"
    )

    def overridden(*traits: str) -> str:
        text = JOB.replace("type: worker", "type: webservice")
        change = f"{{name: job, traits: [{', '.join(traits)}]}}"
        return f"{text}  policies:\n    - {{name: o, type: override, properties: {{components: [{change}]}}}}\n"

    component = estate(
        ORDERS, overridden(gateway, access), stack=WEST
    ).components["shop/job"]
    assert (
        [endpoint.host for endpoint in component.exposure.endpoints],
        component.public,
    ) == (
        ["job.example.com"],
        True,
    )
    assert (
        not estate(ORDERS, overridden(gateway), stack=WEST)
        .components["shop/job"]
        .public
    )
    conflicting = gateway.replace(
        "job.example.com", "orders.example.com"
    ).replace("/: 80", "/orders: 80")
    (found,) = messages(ORDERS, overridden(conflicting, access))
    assert (
        "ACC205: orders.example.com/orders already belongs to 'orders/api'"
        in found
    )


@pytest.mark.parametrize(
    ("traits", "secret", "found"),
    [
        (
            "{type: upstream-tls, properties: {secretName: job-client}}",
            None,
            "name a Secret that only this workload uses",
        ),
        (
            "{type: upstream-tls, properties: {secretName: held}}",
            "held",
            "name a Secret that only this workload uses",
        ),
        (
            "{type: gateway, properties: {secretName: job-client, http: {/: 80}}}",
            None,
            "certificate 'job-client' of host",
        ),
    ],
    ids=[
        "key of a workload",
        "Secret that the stack names",
        "certificate of a host",
    ],
)
def test_a_clients_secret_is_nobodys_certificate_in_any_place(
    traits: str, secret: str | None, found: str
) -> None:
    """The Secret exists in all namespaces of its client. A pod that mounts it calls as this client."""
    gateway = (
        ""
        if "gateway" in traits
        else "{type: gateway, properties: {http: {/: 80}}}"
    )
    thief = (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: far, namespace: far}\nspec:\n"
        "  components:\n    - name: web\n      type: webservice\n      properties: {image: x}\n      traits:\n"
        "        - {type: access, properties: {owner: o, rules: [{public: {reason: r}}]}}\n"
    )
    thief += "".join(
        f"        - {trait}\n" for trait in (traits, gateway) if trait
    )
    known = frozenset({("shop/job", secret)} if secret else ())
    for topologies in (
        [],
        ["{namespace: far}"],
        ["{namespace: shop}", "{namespace: far}"],
    ):
        job = placed(JOB, *topologies) if topologies else JOB
        lines = messages(
            ORDERS, job, thief, upstream_tls="tls", known_secrets=known
        )
        assert [found in line and "ACC217" in line for line in lines] == [
            True
        ] * bool(topologies), (topologies, lines)


def test_no_component_comes_beside_a_peer() -> None:
    """Its pods could wear the labels of the peer."""
    peers = {"monitoring": Peer("ops", {"app": "prometheus"})}
    beside = (
        "namespace 'ops' is the peer's ('monitoring' in cluster.peers): pods there could connect "
        "as the peer; use another namespace"
    )
    assert messages(placed(ORDERS, "{namespace: ops}"), JOB, peers=peers) == [
        f"app1.yaml:6:13: error ACC216: {beside}"
    ]
    spread = placed(ORDERS, "{}", "{clusters: [west], namespace: ops}")
    assert messages(spread, JOB, peers=peers) == [
        f"app1.yaml:6:13: error ACC216: {beside}"
    ]
    assert messages(ORDERS, JOB, peers=peers) == []
