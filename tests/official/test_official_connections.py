"""The connections of real products on a real Kubernetes API server, judged by kube-network-policies."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.connected_products import CONNECTIONS, PLACES, World, worlds
from tests.support.json_object import JsonObject
from tests.support.network_policies import Pod, Triple
from tests.support.official.cluster import Kubernetes


@pytest.mark.parametrize("product", CONNECTIONS)
@pytest.mark.parametrize("place", PLACES)
def test_exactly_the_declared_connections_pass(
    cluster: Kubernetes, tmp_path: Path, product: str, place: str
) -> None:
    """Sources are also impostors, neighbours of the gateway, nodes and the world. The judge knows
    TCP, and a pod always reaches itself."""
    for world in worlds(product, place):
        declared = {
            (source, target, port)
            for source, target, port in world.declared
            if source != target and port.endswith("/TCP")
        }
        assert _passing(cluster, tmp_path / "objects.json", world) == declared


def _passing(cluster: Kubernetes, file: Path, world: World) -> set[Triple]:
    """Return the TCP connections that pass on the API server."""
    sources = [*world.pods, *world.others]
    pods = {f"p{number}": pod for number, pod in enumerate(sources)}
    pods = {name: pod for name, pod in pods.items() if pod.namespace}
    spaces = {pod.namespace for pod in pods.values()}
    objects = [_object("Namespace", name) for name in sorted(spaces)]
    file.write_text(
        json.dumps({"kind": "List", "apiVersion": "v1", "items": objects})
    )
    cluster.kubectl("apply", f"--filename={file}")
    objects = [
        item for item in world.manifests if item["kind"] == "NetworkPolicy"
    ]
    objects += [_object("Pod", name, pod) for name, pod in pods.items()]
    file.write_text(
        json.dumps({"kind": "List", "apiVersion": "v1", "items": objects})
    )
    cluster.kubectl("apply", f"--filename={file}")
    try:
        addresses = _addresses(cluster, len(pods))
        at = {pod.name: addresses[name] for name, pod in pods.items()}
        asked = [
            (source.name, target.name, port)
            for source in sources
            for target in world.pods
            for port in world.ports
            if source is not target and port.endswith("/TCP")
        ]
        outside = {pod.name: pod.address for pod in sources}
        lines = [
            (
                at.get(source, outside[source]),
                at[target],
                int(port.partition("/")[0]),
            )
            for source, target, port in asked
        ]
        passes = cluster.passes(lines)
        return {
            triple
            for triple, is_open in zip(asked, passes, strict=True)
            if is_open
        }
    finally:
        cluster.kubectl("delete", f"--filename={file}", "--grace-period=0")


def _object(kind: str, name: str, pod: Pod | None = None) -> JsonObject:
    about: JsonObject = {"name": name}
    made: JsonObject = {"apiVersion": "v1", "kind": kind, "metadata": about}
    if pod:
        about |= {"namespace": pod.namespace, "labels": dict(pod.labels)}
        made["spec"] = {"containers": [{"name": "x", "image": "x"}]}
    return made


def _addresses(cluster: Kubernetes, count: int) -> dict[str, str]:
    """Return the address of each pod of this test, by name."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = {
            pod["metadata"]["name"]: pod["status"].get("podIP")
            for pod in cluster.objects("Pod")
            if pod["metadata"]["namespace"] != "default"
        }
        if len(found) == count and all(found.values()):
            return found
        time.sleep(0.2)
    raise AssertionError(found)
