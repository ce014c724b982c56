"""Connections inside the cluster, deployed: a chart's MySQL, and WordPress in one and in two namespaces."""

from __future__ import annotations

import pytest

from kong_oam.__main__ import main
from sandbox.local import STACK, Local
from tests.support.engine.deployment import Empty
from tests.support.network_policies import Pod, Triple, passing, pods_of
from tests.support.streams import Capsys

BLOG = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: blog, namespace: blog}
spec:
  components:
    - name: wordpress
      type: webservice
      properties: {image: registry.example.com/wordpress, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: blog.example.com, http: {/: 80}}}
        - {type: access, properties: {owner: blog, rules: [{public: {reason: blog}}]}}
    - name: near
      type: webservice
      properties: {image: registry.example.com/mysql, ports: [{port: 3306}]}
      traits:
        - {type: access, properties: {internal: [{port: 3306, components: [blog/wordpress]}]}}
"""
DATA = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: data, namespace: data}
spec:
  components:
    - name: far
      type: webservice
      properties: {image: registry.example.com/mysql, ports: [{port: 3306}]}
      traits:
        - {type: access, properties: {internal: [{port: 3306, components: [blog/wordpress]}]}}
    - name: chart
      type: helmchart
      properties: {chart: {source: mysql, repoURL: "https://charts.example.com"}}
      traits:
        - type: access
          properties:
            service: {name: chart-mysql, port: 3306, podLabels: {app.kubernetes.io/instance: chart}}
            internal: [{port: 3306, components: [blog/wordpress]}, {port: 33061, components: [data/chart]}]
"""
CHART = Pod(
    "chart", "data", {"app.kubernetes.io/instance": "chart", "role": "primary"}
)


PORTS = ("80/TCP", "3306/TCP", "33060/TCP", "33061/TCP")
WORLD = Pod("world", address="203.0.113.9")


def connections(local: Local) -> set[Triple]:
    """Return source, component and port of each connection that passes in the cluster."""
    objects = local.cluster.objects()
    pods = [pod for item in objects for pod in pods_of(item)]
    return passing(objects, [CHART, *pods], [WORLD], PORTS)


def test_declared_connections_pass_after_a_run(
    empty: Empty, monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    """The policy pack accepts them, a second run makes no change, and `verify` finds nothing."""
    deployment = empty()
    deployment.replace_applications(f"{BLOG}---\n{DATA}")
    deployment.run("up", "--policy-pack", "policies")
    assert connections(deployment.local) == {
        ("wordpress", "near", "3306/TCP"),
        ("wordpress", "far", "3306/TCP"),
        ("wordpress", "chart", "3306/TCP"),
        ("chart", "chart", "33061/TCP"),
    }
    assert deployment.changes("up") == {}
    deployment.enter(monkeypatch)
    assert main(["verify", "--stack", STACK]) == 0, capsys.readouterr()
    old = "port: 33061, components: [data/chart]"
    new = "port: 33060, components: [data/far]"
    deployment.replace_applications(f"{BLOG}---\n{DATA.replace(old, new)}")
    assert deployment.changes("up") == {"data/chart-named": "update"}
    assert connections(deployment.local) == {
        ("wordpress", "near", "3306/TCP"),
        ("wordpress", "far", "3306/TCP"),
        ("wordpress", "chart", "3306/TCP"),
        ("far", "chart", "33060/TCP"),
    }
    deployment.run("destroy")
    assert deployment.local.cluster.objects() == []
