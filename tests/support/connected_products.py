"""Real products with connections inside the cluster, as a run places them, and their impostors.

Each product is a file in `products/` with the Applications `one` and `two`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.stack import parse
from kong_oam.kubernetes.estate import objects_of
from kong_oam.oam.application import Reading, read_bytes
from tests.support import small_stacks
from tests.support.json_object import JsonObject
from tests.support.network_policies import Pod, Triple, pods_of
from tests.support.rendered import with_objects

CONNECTIONS = {
    "wordpress": """
        gateway wordpress 80/TCP
        wordpress mysql 3306/TCP
        wordpress statsd 8125/UDP
        mysql statsd 8125/UDP
        peer statsd 8126/TCP
    """,
    "chart": """
        gateway wordpress 80/TCP
        wordpress chart 3306/TCP
        peer chart 9104/TCP
        chart chart 33061/TCP
        chart backup 9000/TCP
    """,
    "penpot": """
        gateway frontend 80/TCP
        frontend backend 6060/TCP
        frontend exporter 6061/TCP
        backend postgres 5432/TCP
        backend redis 6379/TCP
        exporter redis 6379/TCP
    """,
    "taiga": """
        gateway proxy 80/TCP
        proxy front 80/TCP
        proxy back 8000/TCP
        proxy events 8888/TCP
        proxy protected 8003/TCP
        back db 5432/TCP
        async db 5432/TCP
        back async-rabbitmq 5672/TCP
        async async-rabbitmq 5672/TCP
        peer async-rabbitmq 15692/TCP
        back events-rabbitmq 5672/TCP
        events events-rabbitmq 5672/TCP
        peer events-rabbitmq 15692/TCP
    """,
    "boutique": """
        gateway frontend 8080/TCP
        frontend cart 7070/TCP
        checkout cart 7070/TCP
        frontend catalog 3550/TCP
        checkout catalog 3550/TCP
        recommendation catalog 3550/TCP
        frontend currency 7000/TCP
        checkout currency 7000/TCP
        checkout payment 50051/TCP
        frontend shipping 50051/TCP
        checkout shipping 50051/TCP
        checkout email 8080/TCP
        frontend checkout 5050/TCP
        frontend recommendation 8080/TCP
        frontend ad 9555/TCP
        cart redis 6379/TCP
    """,
}
"""Source, component and port of each connection that a product in `products/` declares."""
GATEWAYS = ("gateway", "gateway's address")
PLACES = {
    "one namespace": ([("namespace: two", "namespace: one")], {None: GATEWAYS}),
    "two namespaces": ([], {None: GATEWAYS}),
    "two clusters": ([("[local]", "[local, west]")], {None: GATEWAYS}),
    # In a cluster without its pods, the gateway has only an address.
    "one shared cluster": (
        [("[local]", "[local, west]"), ("one, type: topology, properties: {clusters: [local, ", "one, type: topology, properties: {clusters: [")],
        {"west": GATEWAYS[1:]},
    ),
}  # fmt: skip
"""For each placement, the changes of the file, and the sources of the gateway by cluster: routes
lead only to the first cluster."""
SETTINGS = {
    **small_stacks.SETTINGS,
    "cluster": {
        "context": "here",
        "contexts": {"west": "there"},
        "peers": {"peer": {"namespace": "watch", "podLabels": {"app": "peer"}}},
    },
    "gateway": {
        "namespace": "kong",
        "podLabels": {"app": "kong"},
        "cidrs": ["192.0.2.0/28"],
        "reach": "loadBalancer",
    },
}
RELEASE = "{{apiVersion: helm.sh/v3, kind: Release, metadata: {{name: chart, namespace: {0}}}, spec: {{chart: mysql}}}}"
INSTANCE = {"app.kubernetes.io/instance": "chart", "role": "primary"}
OTHERS = (
    Pod("gateway", "kong", {"app": "kong", "more": "x"}),
    Pod("gateway's address", address="192.0.2.3"),
    Pod("peer", "watch", {"app": "peer"}),
    Pod("beside the gateway", "kong", {"app": "other"}),
    Pod("the gateway's labels", "one", {"app": "kong"}),
    Pod("beside the peer", "watch", {"app": "other"}),
    Pod("the peer's labels", "one", {"app": "peer"}),
    Pod("node", address="10.0.0.5"),
    Pod("beside the gateway's addresses", address="192.0.2.16"),
    Pod("world", address="203.0.113.9"),
)


@dataclass(frozen=True, slots=True)
class World:
    """A cluster with a product: its pods, all other sources, and the connections that it
    declares."""

    manifests: list[JsonObject]
    pods: list[Pod]
    others: list[Pod]
    ports: set[str]
    declared: set[Triple]


def worlds(product: str, place: str) -> Iterator[World]:
    """Yield each cluster of a placement."""
    changes, gateways = PLACES[place]
    file = Path(__file__).parent / f"products/{product}.yaml"
    text = file.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    declared = [
        tuple(line.split())
        for line in CONNECTIONS[product].strip().splitlines()
    ]
    ports = {"22/TCP", "8443/UDP"}
    for _, _, port in declared:
        number = port.partition("/")[0]
        ports |= {f"{number}/TCP", f"{number}/UDP"}
    clusters = {
        cluster: [*_placed(text, cluster)] for cluster in (None, "west")
    }
    everywhere = [pod for _, pod in chain(*clusters.values()) if pod]
    for cluster, placed in clusters.items():
        pods = [pod for _, pod in placed if pod]
        names = {"peer", *(pod.name for pod in pods)}
        passing: set[Triple] = set()
        for source, target, port in declared:
            sources = {source} & names
            if source == "gateway":
                sources = {*gateways.get(cluster, ())}
            if target in names:
                passing |= {(name, target, port) for name in sources}
        # Where a caller does not run, its labels are an impostor's.
        absent = [
            replace(pod, name=f"absent {pod.name}")
            for pod in everywhere
            if pod.name not in names
        ]
        others = [*absent, *_impostors(pods), *OTHERS]
        manifests = [manifest for manifest, _ in placed]
        yield World(manifests, pods, others, ports, passing)


def _placed(
    text: str, cluster: str | None
) -> Iterator[tuple[JsonObject, Pod | None]]:
    """Yield the objects in a cluster, each with its pod."""
    settings = parse("prod", SETTINGS)
    applications = []
    for read in read_bytes("product.yaml", text.encode()).applications:
        release = RELEASE.format(read.namespace)
        parts = [with_objects(part, release) for part in read.components]
        applications.append(replace(read, components=tuple(parts)))
    compiled = compile_estate(Reading(tuple(applications), ()), settings.stack)
    assert compiled.estate, compiled.diagnostics
    for manifest in objects_of(compiled.estate, settings, cluster):
        pod = next(pods_of(manifest), None)
        about = manifest["metadata"]
        if about["name"] == "chart-gateway":
            pod = Pod("chart", about["namespace"], INSTANCE)
        yield manifest, pod


def _impostors(pods: Iterable[Pod]) -> Iterator[Pod]:
    """Yield pods that resemble these pods: in another namespace, or with one other label."""
    for pod in pods:
        yield replace(pod, name=f"{pod.name} elsewhere", namespace="elsewhere")
        for key in pod.labels:
            if key in ("app.oam.dev/name", "app.oam.dev/component"):
                labels = {**pod.labels, key: "other"}
                name = f"{pod.name} of another {key}"
                yield replace(pod, name=name, labels=labels)
