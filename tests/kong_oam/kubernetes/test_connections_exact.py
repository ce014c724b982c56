"""Exactly the declared connections pass: for every source, pod and port of real products.

The oracle is the evaluator in `tests.support.network_policies`. It judges the objects of a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.stack import parse
from kong_oam.kubernetes.estate import objects_of
from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.model import ComponentSpec
from tests.support import small_stacks
from tests.support.json_object import JsonObject
from tests.support.network_policies import Pod, passing, pods_of
from tests.support.rendered import with_objects

# A line is a component: its ports, each with its callers. A port with `*` has a route. The pods of
# the component `chart` come from a Helm release.
PRODUCTS = {
    "wordpress": """
        wordpress *80
        mysql 3306<wordpress
        statsd 8125/UDP<wordpress,mysql 8126<peer
    """,
    "chart": """
        wordpress *80
        chart 3306<wordpress 9104<peer 33061<chart
        backup 9000<chart
    """,
    "penpot": """
        frontend *80
        backend 6060<frontend
        exporter 6061<frontend
        postgres 5432<backend
        redis 6379<backend,exporter
    """,
    "taiga": """
        proxy *80
        front 80<proxy
        back 8000<proxy
        async -
        events 8888<proxy
        protected 8003<proxy
        db 5432<back,async
        async-rabbitmq 5672<back,async 15692<peer
        events-rabbitmq 5672<back,events 15692<peer
    """,
    "boutique": """
        frontend *8080
        cart 7070<frontend,checkout
        catalog 3550<frontend,checkout,recommendation
        currency 7000<frontend,checkout
        payment 50051<checkout
        shipping 50051<frontend,checkout
        email 8080<checkout
        checkout 5050<frontend
        recommendation 8080<frontend
        ad 9555<frontend
        redis 6379<cart
        loadgenerator -
    """,
}
# The namespace of each Application, with its clusters; components take turns.
PLACES = {
    "one namespace": [("one", ["local"])],
    "two namespaces": [("one", ["local"]), ("two", ["local"])],
    "two clusters": [("one", ["local", "west"]), ("two", ["local", "west"])],
    "one shared cluster": [("one", ["west"]), ("two", ["local", "west"])],
}
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
INSTANCE = {"app.kubernetes.io/instance": "chart"}
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
class Part:
    """A component of a product in the Application `application`, which is in the namespace of that
    name."""

    name: str
    application: str
    clusters: Sequence[str]
    ports: Mapping[str, tuple[str, ...]]

    @property
    def route(self) -> str:
        """The port with a route; empty without a route."""
        return next((port[1:] for port in self.ports if port[0] == "*"), "")


def parts_of(product: str, place: str) -> dict[str, Part]:
    parts = {}
    places = PLACES[place]
    for number, line in enumerate(PRODUCTS[product].split("\n")[1:-1]):
        name, *ports = line.replace(" -", "").split()
        callers = {}
        for port in ports:
            number_of_port, _, listed = port.partition("<")
            callers[number_of_port] = tuple(listed.split(",")) if listed else ()
        parts[name] = Part(name, *places[number % len(places)], callers)
    return parts


def written(
    parts: Mapping[str, Part], application: str, clusters: Sequence[str]
) -> str:
    """Return the Application with its parts, as JSON, which is YAML as well."""
    components = []
    for part in parts.values():
        if part.application == application:
            components.append(component(part, parts))
    topology = {"clusters": clusters}
    policy = {"name": "t", "type": "topology", "properties": topology}
    return json.dumps(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": application, "namespace": application},
            "spec": {"components": components, "policies": [policy]},
        }
    )


def component(part: Part, parts: Mapping[str, Part]) -> JsonObject:
    ports = []
    access: JsonObject = {"owner": "o"}
    for text, callers in part.ports.items():
        number, _, protocol = text.lstrip("*").partition("/")
        port = {"port": int(number), "protocol": protocol or "TCP"}
        ports.append(port)
        components = [
            f"{parts[name].application}/{name}"
            for name in callers
            if name != "peer"
        ]
        peers = [name for name in callers if name == "peer"]
        if callers:
            entry = {**port, "components": components, "peers": peers}
            access.setdefault("internal", []).append(entry)
    traits = [{"type": "access", "properties": access}]
    if part.route:
        access["rules"] = [{"public": {"reason": "r"}}]
        way = {"domain": "a.test", "http": {"/": int(part.route)}}
        traits.append({"type": "gateway", "properties": way})
    if part.name == "chart":
        access["service"] = {"name": "c", "port": 3306, "podLabels": INSTANCE}
        return {"name": "chart", "type": "helmchart", "traits": traits}
    return {
        "name": part.name,
        "type": "webservice",
        "properties": {"image": "i", "ports": ports},
        "traits": traits if part.ports else [],
    }


def placed(
    parts: Mapping[str, Part], place: str
) -> Iterator[tuple[str | None, list[JsonObject]]]:
    """Yield the objects in each cluster, by the cluster's name."""
    settings = parse("prod", SETTINGS)
    applications = []
    for name, clusters in PLACES[place]:
        text = written(parts, name, clusters).encode()
        reading = read_bytes(f"{name}.yaml", text)
        assert not reading.diagnostics, reading.diagnostics
        release = RELEASE.format(name)
        for application in reading.applications:
            made = [
                in_each_place(with_objects(part, release))
                for part in application.components
            ]
            applications.append(replace(application, components=tuple(made)))
    compiled = compile_estate(Reading(tuple(applications), ()), settings.stack)
    assert compiled.estate, compiled.diagnostics
    for cluster in (None, "west"):
        yield cluster, [*objects_of(compiled.estate, settings, cluster)]


def in_each_place(part: ComponentSpec) -> ComponentSpec:
    """Return the component with its objects in each cluster."""
    targets = [
        replace(target, rendered=part.rendered) for target in part.targets
    ]
    return replace(part, targets=tuple(targets))


def labels_of(part: Part) -> Mapping[str, str]:
    """Return the labels of a component's pods in the cluster."""
    if part.name == "chart":
        return {**INSTANCE, "role": "primary"}
    return {
        "app.oam.dev/name": part.application,
        "app.oam.dev/component": part.name,
    }


def impostors(pods: Iterable[Pod]) -> Iterator[Pod]:
    """Yield pods that resemble these pods: in another namespace, or with only a part of the
    labels."""
    for pod in pods:
        yield replace(pod, name=f"{pod.name} elsewhere", namespace="elsewhere")
        if "app.oam.dev/name" in pod.labels:
            for key in ("app.oam.dev/name", "app.oam.dev/component"):
                labels = {**pod.labels, key: "other"}
                yield replace(
                    pod, name=f"{pod.name} of another {key}", labels=labels
                )


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("place", PLACES)
def test_exactly_the_declared_connections_pass(
    product: str, place: str
) -> None:
    """For every source, pod and port, also of impostors, neighbours of the gateway, nodes and the
    world. The labels of a caller are an impostor's in a cluster where the caller does not run."""
    parts = parts_of(product, place)
    ports = {"22/TCP", "8443/UDP"}
    for part in parts.values():
        for text in part.ports:
            number = text.strip("*").partition("/")[0]
            ports |= {f"{number}/TCP", f"{number}/UDP"}
    for cluster, manifests in placed(parts, place):
        here = [
            part
            for part in parts.values()
            if (cluster or "local") in part.clusters
        ]
        pods = [pod for manifest in manifests for pod in pods_of(manifest)]
        charts = [
            Pod("chart", part.application, labels_of(part))
            for part in here
            if part.name == "chart"
        ]
        absent = [
            Pod(f"absent {part.name}", part.application, labels_of(part))
            for part in parts.values()
            if part not in here
        ]
        others = [*impostors([*pods, *charts]), *absent, *OTHERS]
        found = passing(manifests, charts, others, ports)
        assert len([*pods, *charts]) == len(here)
        assert found == {*declared(here, cluster)}


def declared(
    here: Sequence[Part], cluster: str | None
) -> Iterator[tuple[str, str, str]]:
    """Yield source, component and port of each declared connection in a cluster.

    Routes lead only to a component's first cluster. From another cluster than its own, the gateway
    has only an address.
    """
    present = {"peer", *(part.name for part in here)}
    for part in here:
        for text, callers in part.ports.items():
            number, _, protocol = text.strip("*").partition("/")
            for caller in present.intersection(callers):
                yield caller, part.name, f"{number}/{protocol or 'TCP'}"
        if part.route and part.clusters[0] == (cluster or "local"):
            yield "gateway's address", part.name, f"{part.route}/TCP"
            if cluster is None:
                yield "gateway", part.name, f"{part.route}/TCP"
