"""Connections inside the cluster: each mistake in `internal`, and the pods of each caller."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.internal import PodGroup
from kong_oam.access.model import Stack
from kong_oam.access.partitions import deployed_by
from kong_oam.access.stack import Peer
from kong_oam.oam.application import Reading, read_bytes
from tests.support.estates import STACK, compiled, estate
from tests.support.rendered import application, with_objects
from tests.support.rendered import compiled as compiled_objects

PEERED = replace(
    STACK,
    peers={"monitoring": Peer("watch", {"app": "prometheus"})},
    clusters=frozenset({"west", "east"}),
    reach="loadBalancer",
    addressed=True,
)
BLOG = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: blog, namespace: blog}
spec:
  components:
    - name: wordpress
      type: webservice
      properties: {image: wordpress, ports: [{port: 80}]}
      traits:
        - type: gateway
          properties: {domain: blog.example.com, http: {/: 80}}
        - type: access
          properties: {owner: o, rules: [{public: {reason: r}}]}
"""
DB = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: data, namespace: data}
spec:
  components:
    - name: db
      type: webservice
      properties: {image: mysql, ports: [{port: 3306}, {port: 33060, protocol: UDP}]}
      traits:
        - type: access
          properties:
            internal: INTERNAL
"""
LEGACY = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: old, namespace: old}
spec:
  components:
    - {name: crm, type: external, properties: {}}
    - {name: settings, type: own, properties: {}}
"""


def callee(internal: str, text: str = DB) -> str:
    """Return the Application of the database with these entries."""
    return text.replace("INTERNAL", internal)


def of(member: str) -> str:
    return f"[{{port: 3306, components: [{member}]}}]"


def placed(text: str, *topologies: str) -> str:
    """Return the Application with a topology policy for each of these properties."""
    policies = "".join(
        f"    - {{name: t{number}, type: topology, properties: {properties}}}\n"
        for number, properties in enumerate(topologies)
    )
    return f"{text}  policies:\n{policies}"


def messages(*texts: str, stack: Stack = PEERED) -> list[str]:
    """Return the errors without their source lines."""
    return [
        str(diagnostic).splitlines()[0]
        for diagnostic in compiled(*texts, stack=stack).diagnostics
    ]


AT = "app1.yaml:12:"


@pytest.mark.parametrize(
    ("internal", "expected"),
    [
        ("[{port: 3306}]", "24: error ACC252: port 3306 names no caller; write `components` or `peers`, or remove the entry"),
        ("[{port: 33060, protocol: UDP, components: [], peers: []}]", "24: error ACC252: port 33060/UDP names no caller; write `components` or `peers`, or remove the entry"),
        (of("blog/wordpres"), "50: error ACC252: component 'blog/wordpres' does not exist; did you mean 'blog/wordpress'?"),
        (of("shop/cart"), "50: error ACC252: component 'shop/cart' does not exist; if it was deleted, remove it here"),
        (of("old/crm"), "50: error ACC252: component 'old/crm' runs outside the cluster; let it call through the gateway"),
        (of("old/settings"), "50: error ACC252: component 'old/settings' renders no pods; write access.service there for the pods of a release or an operator, or remove it here"),
        (of("data/db"), "50: error ACC252: 'data/db' has one pod, and a pod reaches itself without this; remove it, or give the component more replicas"),
        ("[{port: 3306, components: [blog/wordpress, blog/wordpress]}]", "66: error ACC252: 'blog/wordpress' is already named for port 3306 (app1.yaml:12:50); remove one of them"),
        ("[{port: 3306, peers: [monitoring]}, {port: 3306, protocol: TCP, peers: [monitoring]}]", "95: error ACC252: 'monitoring' is already named for port 3306 (app1.yaml:12:45); remove one of them"),
        ("[{port: 3306, peers: [monitorin]}]", "45: error ACC255: the stack has no peer 'monitorin'; write its pods under cluster.peers.monitorin in the stack's settings: namespace and podLabels; did you mean 'monitoring'?"),
        ("[{port: 3307, peers: [monitoring]}]", "31: error ACC254: no container of 'data/db' lists port 3307; it lists 3306; correct the port, or add it to the container's ports"),
        ("[{port: 3306, protocol: UDP, peers: [monitoring]}]", "31: error ACC254: no container of 'data/db' lists port 3306/UDP; it lists 33060; correct the port, or add it to the container's ports"),
    ],
)  # fmt: skip
def test_mistakes_of_an_entry_are_named_at_its_place(
    internal: str, expected: str
) -> None:
    texts = callee(internal), BLOG
    found = [
        str(diagnostic).splitlines()[0]
        for diagnostic in compiled_objects(
            *texts, f"{LEGACY}\x00{CONFIG}", stack=PEERED
        ).diagnostics
    ]
    assert found == [f"{AT}{expected}"]


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: old}\ndata: {}\n"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ("type: external\n      properties: {}", "app1.yaml:12:31: error ACC254: 'data/db' runs outside the cluster, where no NetworkPolicy applies; remove `internal`"),
        ("type: webservice\n      properties: {image: mysql}", "app1.yaml:12:31: error ACC254: no container of 'data/db' lists port 3306; correct the port, or add it to the container's ports"),
    ],
)  # fmt: skip
def test_a_port_needs_pods_that_listen(properties: str, expected: str) -> None:
    mysql = "type: webservice\n      properties: {image: mysql, ports: [{port: 3306}, {port: 33060, protocol: UDP}]}"
    text = callee("[{port: 3306, peers: [monitoring]}]")
    assert messages(text.replace(mysql, properties)) == [expected]


WORKLOAD = """
apiVersion: apps/v1
kind: KIND
metadata: {name: api, namespace: orders}
spec:
  selector: {matchLabels: {app.oam.dev/component: api}}
  template:
    metadata: {labels: {app.oam.dev/component: api}}
    spec: {containers: [{name: api, image: i, ports: [{containerPort: 8080, name: web}, {containerPort: 9090, name: data}]}]}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: api, namespace: orders}
spec: {selector: {app.oam.dev/component: api}, ports: [{port: 90, targetPort: 9090}, {PORT}]}
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: way, namespace: orders}
spec: {rules: [{host: a.test, http: {paths: [{path: /x, backend: {service: {name: api, port: {number: PORT}}}}]}}]}
"""


def workload(words: str) -> str:
    """Return a workload of this kind, with this number of replicas if there is one."""
    kind, _, replicas = words.partition(" ")
    text = WORKLOAD.replace("KIND", kind)
    return (
        text.replace("spec:\n", f"spec:\n  replicas: {replicas}\n", 1)
        if replicas
        else text
    )


def objects(internal: str, *made: str, more: str = "") -> list[str]:
    """Return the errors about component orders/api with these objects and entries."""
    traits = f"[{{type: access, properties: {{owner: o, internal: {internal}{more}}}}}]"
    text = application("---".join(made), traits)
    return [
        str(diagnostic).splitlines()[0]
        for diagnostic in compiled_objects(text, stack=PEERED).diagnostics
    ]


SCALER = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: api, namespace: orders}
spec: {scaleTargetRef: {name: api}}
"""
ALONE = (
    "app1.yaml:8:91: error ACC252: 'orders/api' has one pod, and a pod reaches itself without "
    "this; remove it, or give the component more replicas"
)


@pytest.mark.parametrize(
    ("workloads", "is_alone"),
    [
        ("Deployment", True),
        ("Deployment 1", True),
        ("StatefulSet 1", True),
        ("StatefulSet 2", False),
        ("DaemonSet", False),
        ("Deployment,StatefulSet", False),
    ],
)
def test_a_component_names_itself_only_with_several_pods(
    workloads: str, is_alone: bool
) -> None:
    """Its replicas, several workloads, or an autoscaler of any kind make them."""
    itself = "[{port: 9090, components: [orders/api]}]"
    made = [*map(workload, workloads.split(","))]
    assert objects(itself, *made) == [ALONE] * is_alone
    stack = replace(PEERED, allowed=frozenset({"keda.sh/ScaledObject"}))
    text = application(
        "---".join([*made, SCALER]),
        f"[{{type: access, properties: {{internal: {itself}}}}}]",
    )
    assert compiled_objects(text, stack=stack).diagnostics == ()


ROUTED = (
    "error ACC253: a route leads to port 8080 of 'orders/api', which trusts the gate's X-Auth-* "
    "headers; name another port, or let the callers use the gateway"
)
WEB = ", rules: [{public: {reason: r}}]"


@pytest.mark.parametrize(
    ("port", "service", "ingress", "expected"),
    [
        (8080, "port: 80, targetPort: web", 80, ROUTED),
        (8080, "port: 80, targetPort: 8080", 80, ROUTED),
        (8080, "port: 8080}], clusterIP: None}  #", 8080, ROUTED),
        (9090, "port: 80, targetPort: web", 80, ""),
        (80, "port: 80, targetPort: 8080", 90, "error ACC254: Service 'api' leads from port 80 to port 8080 of the pods; write port: 8080"),
        (80, "port: 80, targetPort: web", 90, "error ACC254: no container of 'orders/api' lists port 80; it lists 8080, 9090; correct the port, or add it to the container's ports"),
    ],
)  # fmt: skip
def test_no_entry_names_a_port_that_a_route_leads_to(
    port: int, service: str, ingress: int, expected: str
) -> None:
    """Ports are compared as the pods have them: by number, through a named target, headless."""
    made = (
        workload("Deployment"),
        SERVICE.replace("PORT", service),
        INGRESS.replace("PORT", str(ingress)),
    )
    entry = f"[{{port: {port}, peers: [monitoring]}}]"
    wanted = [f"app1.yaml:8:72: {expected}"] if expected else []
    assert objects(entry, *made, more=WEB) == wanted


def test_a_port_that_only_a_copy_routes_to_is_refused() -> None:
    """The name of the target port is another number in the pods of the second place."""
    text = placed(
        application(
            "",
            f"[{{type: access, properties: {{owner: o, internal: [{{port: 7070, peers: [monitoring]}}]{WEB}}}}}]",
        ).rstrip("\x00"),
        "{namespace: orders}",
        "{namespace: blue}",
    )
    (read,) = read_bytes("app1.yaml", text.encode()).applications
    service = SERVICE.replace("PORT", "port: 80, targetPort: web")
    ingress = INGRESS.replace("PORT", "80")
    made = f"{workload('Deployment')}---{service}---{ingress}"
    copy = made.replace("8080", "7070").replace("ce: orders", "ce: blue")
    part = with_objects(read.components[0], made)
    there = with_objects(part, copy).targets[1]
    part = replace(part, targets=(part.targets[0], there))
    reading = Reading((replace(read, components=(part,)),), ())
    assert [
        found.message for found in compile_estate(reading, PEERED).diagnostics
    ] == [ROUTED.partition(": ")[2].replace("8080", "7070")]


ELSEWHERE = (
    "app1.yaml:12:50: error ACC252: component 'blog/wordpress' runs in west/blog, in no cluster "
    "of 'data/db'; let it call through the gateway"
)


def test_a_caller_shares_a_cluster_with_the_component() -> None:
    text = callee(of("blog/wordpress"))
    west = "{clusters: [west]}"
    assert messages(text, placed(BLOG, west)) == [ELSEWHERE]
    both = placed(text, west, "{namespace: blue}")
    assert messages(both, placed(BLOG, west)) == []


def test_callers_in_an_unreadable_application_are_not_judged() -> None:
    """Only the unreadable file has findings, and the result names its Application."""
    broken = BLOG.replace("components:", "componentz:")
    result = compiled(callee(of("blog/wordpress")), broken, stack=PEERED)
    assert {found.code for found in result.diagnostics} == {"OAM102", "OAM109"}
    assert result.unjudged == ("blog",)


def test_peers_and_callers_are_not_judged_without_a_stack() -> None:
    """A partial estate has a connection without pods for each of them."""
    partial = replace(STACK, partial=True)
    text = callee(
        "[{port: 3306, components: [shop/cart], peers: [monitoring]}]"
    )
    database = estate(text, stack=partial).components["data/db"]
    assert [(made.by, made.pods) for made in database.connections] == [
        ("shop/cart", ()),
        ("peer monitoring", ()),
    ]
    assert messages(text, stack=STACK) == [
        "app1.yaml:12:50: error ACC252: component 'shop/cart' does not exist; if it was deleted, remove it here",
        "app1.yaml:12:70: error ACC255: the stack has no peer 'monitoring'; write its pods under cluster.peers.monitoring in the stack's settings: namespace and podLabels",
    ]


WORDPRESS = {
    "app.oam.dev/name": "blog",
    "app.oam.dev/component": "wordpress",
}


def test_connections_have_the_callers_pods_in_order() -> None:
    """By port and caller, platform peers last; in each cluster where both run."""
    text = callee(
        "[{port: 33060, protocol: UDP, components: [blog/wordpress]}, "
        "{port: 3306, peers: [monitoring], components: [blog/wordpress]}]"
    )
    texts = (
        placed(text, "{clusters: [local, west]}"),
        placed(BLOG, "{namespace: blue}", "{clusters: [west, east]}"),
    )
    found = estate(*texts, stack=PEERED).components["data/db"].connections
    wordpress = (
        PodGroup(None, "blue", WORDPRESS),
        PodGroup("west", "blog", WORDPRESS),
    )
    prometheus = {"app": "prometheus"}
    peer = (
        PodGroup(None, "watch", prometheus),
        PodGroup("west", "watch", prometheus),
    )
    assert [(made.at, made.by, made.pods) for made in found] == [
        ("3306", "blog/wordpress", wordpress),
        ("3306", "peer monitoring", peer),
        ("33060/UDP", "blog/wordpress", wordpress),
    ]


RELEASE = "apiVersion: helm.sh/v3\nkind: Release\nmetadata: {name: es, namespace: orders}\nspec: {chart: es}\n"
CHART = "[{type: access, properties: {owner: o, service: {name: es, port: 9200, podLabels: {app.kubernetes.io/instance: es}}INTERNAL}}]"


def test_the_pods_of_a_chart_connect_by_the_labels_in_its_access_trait() -> (
    None
):
    """As a caller, and as a caller of itself; also beside own pods."""
    text = callee("[{port: 3306, components: [orders/api]}]")
    own = {"app.oam.dev/name": "orders", "app.oam.dev/component": "api"}
    chart = PodGroup(None, "orders", {"app.kubernetes.io/instance": "es"})
    deployment = workload("Deployment")
    cases = (
        (RELEASE, (chart,)),
        (
            f"{RELEASE}---{deployment}",
            (PodGroup(None, "orders", own), chart),
        ),
    )
    internal = ", internal: [{port: 9300, components: [orders/api]}]"
    for made, pods in cases:
        api = application(
            made, CHART.replace("INTERNAL", internal), "type: helmchart"
        )
        result = compiled_objects(text, api, stack=PEERED).estate
        assert result
        for key in ("data/db", "orders/api"):
            (connection,) = result.components[key].connections
            assert connection.pods == pods


def test_a_chart_may_admit_callers_at_any_port_but_the_routed_port() -> None:
    """Its Service needs no route, and no CA for a scheme. Its pods' ports are in no file."""
    entry = ", internal: [{port: 9200, peers: [monitoring]}]"
    access = CHART.replace("INTERNAL", entry)
    tls = access.replace("port: 9200, pod", "port: 9200, scheme: https, pod")
    way = INGRESS.replace("name: api", "name: es").replace("PORT", "9200")
    found = compiled_objects(
        application(RELEASE, tls, "type: helmchart"), stack=PEERED
    )
    assert found.diagnostics == ()
    routed = access.replace(", internal", f"{WEB}, internal")
    (error,) = compiled_objects(
        application(f"{RELEASE}---{way}", routed, "type: helmchart"),
        stack=PEERED,
    ).diagnostics
    assert error.message == (
        "a route leads to port 9200 of 'orders/api', which trusts the gate's X-Auth-* headers; "
        "name another port, or let the callers use the gateway"
    )


def test_the_labels_of_a_chart_are_no_other_components() -> None:
    """Otherwise its callers would reach the other component's pods. No route is needed for that."""
    access = CHART.replace("INTERNAL", "")
    text = callee("[{port: 3306, peers: [monitoring]}]")
    for old in ("name: data,", "namespace: data"):
        text = text.replace(old, old.replace("data", "shop"))
    text = text.replace("namespace: shop", "namespace: orders").replace(
        "image: mysql", "image: mysql, labels: {app.kubernetes.io/instance: es}"
    )
    found = compiled_objects(
        application(RELEASE, access, "type: helmchart"), text, stack=PEERED
    ).diagnostics
    assert [finding.message for finding in found] == [
        "pods of 'shop/db' have the labels that Service 'es' of 'orders/api' (app1.yaml:6:13) "
        "selects (app.kubernetes.io/instance: es), so they would receive its calls; change their "
        "labels"
    ]


def test_a_thousand_callers_take_a_bounded_time() -> None:
    """Each becomes one entry of one rule."""
    caller = BLOG.partition("      traits")[0]
    texts = [caller.replace("blog", f"blog{number}") for number in range(1000)]
    members = ", ".join(f"blog{number}/wordpress" for number in range(1000))
    begun = time.process_time()
    made = estate(callee(of(members)), *texts, stack=PEERED)
    assert time.process_time() - begun < 10
    assert len(made.components["data/db"].connections) == 1000


def admitted(*texts: str, partition: str | None = None) -> list[str]:
    """Return the places of the pods that the database admits, in a run of the stack or of a
    partition."""
    partitions = {"one": ("data",), "two": ("*",)} if partition else {}
    made = estate(*texts, stack=replace(PEERED, partitions=partitions))
    database = deployed_by(made, partition).own["data/db"]
    (connection,) = database.connections
    return [group.text.partition(" in ")[2] for group in connection.pods]


@pytest.mark.parametrize("partition", [None, "one"])
def test_the_callee_follows_a_caller_that_moves(partition: str | None) -> None:
    """To another namespace or cluster. A partition's run knows callers of other partitions."""
    text = callee(of("blog/wordpress"))
    both = placed(text, "{clusters: [local, west]}")
    moved = BLOG.replace("namespace: blog", "namespace: green")
    west = placed(moved, "{clusters: [west]}")
    assert admitted(text, BLOG, partition=partition) == ["blog"]
    assert admitted(text, moved, partition=partition) == ["green"]
    assert admitted(both, moved, partition=partition) == ["green"]
    assert admitted(both, west, partition=partition) == ["west/green"]
