"""Objects that would bypass a component's network policy, or take another's identity, in one run of
the engine. No Application of the run is deployed."""

from __future__ import annotations

import json
from typing import Any

from sandbox.local import STACK
from tests.support.engine.deployment import Empty
from tests.support.engine.inventory import entities
from tests.support.json_object import JsonObject

CREDENTIAL = "checkout-client"
"""The Secret of shop/checkout, which is a client in the sample estate."""
OF_CREDENTIAL = {
    "secretKeyRef": {"name": CREDENTIAL, "key": "OAUTH_CLIENT_SECRET"}
}
POD: JsonObject = {"apiVersion": "v1", "kind": "Pod"}
SERVICE = {"selector": {"app": "x"}, "ports": [{"port": 80}]}


def pod(container: JsonObject | None = None, **spec: Any) -> JsonObject:
    return {
        **POD,
        "spec": {
            "containers": [{"name": "c", "image": "i", **(container or {})}],
            **spec,
        },
    }


def labelled(label: str, value: str) -> JsonObject:
    template = {"metadata": {"labels": {label: value}}, "spec": pod()["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"template": template},
    }


def job(**container: Any) -> JsonObject:
    template = {
        "spec": {"restartPolicy": "Never", **pod(container=container)["spec"]}
    }
    spec = {
        "schedule": "* * * * *",
        "jobTemplate": {"spec": {"template": template}},
    }
    return {"apiVersion": "batch/v1", "kind": "CronJob", "spec": spec}


def service(**spec: Any) -> JsonObject:
    return {"apiVersion": "v1", "kind": "Service", "spec": {**SERVICE, **spec}}


def of(api: str, kind: str, **fields: Any) -> JsonObject:
    return {"apiVersion": api, "kind": kind, **fields}


def way(name: str) -> JsonObject:
    backend = {"service": {"name": name, "port": {"number": 8080}}}
    return of(
        "networking.k8s.io/v1", "Ingress", spec={"defaultBackend": backend}
    )


RBAC = "rbac.authorization.k8s.io/v1"
FENCE = [
    (
        "ACC224",
        of(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            spec={"podSelector": {}, "ingress": [{}]},
        ),
    ),
    ("ACC224", of("cilium.io/v2", "CiliumNetworkPolicy", spec={})),
    ("ACC224", of("crd.projectcalico.org/v1", "GlobalNetworkPolicy", spec={})),
    ("ACC226", pod(hostNetwork=True)),
    ("ACC226", pod(hostPID=True)),
    (
        "ACC226",
        pod(container={"ports": [{"containerPort": 80, "hostPort": 80}]}),
    ),
    ("ACC226", pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}])),
    ("ACC226", pod(container={"securityContext": {"privileged": True}})),
    ("ACC226", job(securityContext={"privileged": True})),
    ("ACC226", labelled("app.oam.dev/component", "api")),
    ("ACC226", labelled("app.oam.dev/name", "orders")),
    ("ACC227", service(selector={})),
    ("ACC227", service(type="ExternalName", externalName="example.org")),
    ("ACC227", service(externalIPs=["192.0.2.1"])),
    ("ACC227", service(type="LoadBalancer")),
    ("ACC227", service(type="NodePort")),
    ("OAM108", way("api")),
    ("ACC224", of("gateway.networking.k8s.io/v1", "HTTPRoute", spec={})),
    ("ACC224", of("gateway.networking.k8s.io/v1", "Gateway", spec={})),
    ("ACC224", of("networking.istio.io/v1", "VirtualService", spec={})),
    ("ACC224", of("traefik.io/v1alpha1", "IngressRoute", spec={})),
    ("ACC224", of("configuration.konghq.com/v1", "KongPlugin")),
    ("ACC224", of("discovery.k8s.io/v1", "EndpointSlice", endpoints=[])),
    ("ACC225", of("v1", "ConfigMap", metadata={"namespace": "kong"})),
]
IDENTITY = [
    (
        "ACC217",
        pod(container={"env": [{"name": "A", "valueFrom": OF_CREDENTIAL}]}),
    ),
    (
        "ACC217",
        pod(container={"envFrom": [{"secretRef": {"name": CREDENTIAL}}]}),
    ),
    (
        "ACC217",
        pod(
            initContainers=[
                {
                    "name": "i",
                    "image": "i",
                    "envFrom": [{"secretRef": {"name": CREDENTIAL}}],
                }
            ]
        ),
    ),
    ("ACC217", job(envFrom=[{"secretRef": {"name": CREDENTIAL}}])),
    (
        "ACC217",
        pod(volumes=[{"name": "v", "secret": {"secretName": CREDENTIAL}}]),
    ),
    (
        "ACC217",
        pod(
            volumes=[
                {
                    "name": "v",
                    "projected": {
                        "sources": [{"secret": {"name": CREDENTIAL}}]
                    },
                }
            ]
        ),
    ),
    ("ACC217", pod(serviceAccountName="checkout")),
    ("ACC217", of("v1", "Secret", type="kubernetes.io/service-account-token")),
    ("ACC224", of(RBAC, "Role", rules=[])),
    (
        "ACC224",
        of(
            RBAC,
            "ClusterRoleBinding",
            roleRef={"kind": "ClusterRole", "name": "cluster-admin"},
        ),
    ),
    ("OAM107", of("v1", "Secret", metadata={"name": CREDENTIAL})),
    ("OAM107", of("v1", "ServiceAccount", metadata={"name": "checkout"})),
]
TRAITS = [
    ("ACC217", {"type": "service-binding", "properties": {"envMappings": {"A": {"secret": CREDENTIAL, "key": "k"}}}}),
    ("ACC217", {"type": "storage", "properties": {"secret": [{"name": CREDENTIAL, "mountPath": "/s", "mountOnly": True}]}}),
    ("ACC217", {"type": "sidecar", "properties": {"name": "s", "image": "i", "env": [{"name": "A", "valueFrom": OF_CREDENTIAL}]}}),
    ("ACC217", {"type": "service-account", "properties": {"name": "checkout"}}),
]  # fmt: skip


def components() -> list[tuple[str, str, JsonObject]]:
    """Return a component with each object: its error code, the text in the message, and the
    component."""
    found: list[tuple[str, str, JsonObject]] = []
    for number, (code, item) in enumerate((*FENCE, *IDENTITY)):
        named = {
            **item,
            "metadata": {"name": f"c{number}", **item.get("metadata", {})},
        }
        says = f"{item['kind']} '{named['metadata']['name']}'"
        found.append(
            (
                code,
                says,
                {
                    "name": f"c{number}",
                    "type": "k8s-objects",
                    "properties": {"objects": [named]},
                },
            )
        )
    for number, (code, trait) in enumerate(TRAITS):
        component = {
            "name": f"t{number}",
            "type": "worker",
            "properties": {"image": "i"},
            "traits": [trait],
        }
        found.append(
            (code, f"Deployment 't{number}' of 'evil/t{number}'", component)
        )
    return found


def test_a_run_rejects_objects_that_bypass_access(
    empty: Empty,
) -> None:
    """`up` like `preview`: each is reported, with its code and its place, and the estate beside it
    is not created."""
    deployment, found = empty(), components()
    application = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "evil"},
        "spec": {"components": [component for _, _, component in found]},
    }
    (deployment.folder / "applications/worse.yaml").write_text(
        json.dumps(application, indent=1), "utf-8"
    )
    for stopped in (
        deployment.run("up", check=False),
        deployment.pulumi("preview", "-s", STACK, check=False),
    ):
        assert (
            stopped.returncode != 0
            and "Traceback" not in stopped.stdout + stopped.stderr
        )
        findings = [
            line
            for line in stopped.stdout.splitlines()
            if "applications/worse.yaml:" in line
        ]
        missing = [
            finding
            for finding in found
            if not any(
                f" {finding[0]}: {finding[1]}" in line for line in findings
            )
        ]
        assert missing == []
    assert [resource["type"] for resource in deployment.state()] in (
        [],
        ["pulumi:pulumi:Stack"],
    )
    assert entities(deployment.local) == {}
    assert all(
        deployment.local.cluster.objects(kind) == []
        for kind in ("Deployment", "Secret", "Service")
    )
