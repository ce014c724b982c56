"""Plain and rendered objects get the same checks, with findings at the properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from kong_oam.access.compile.estate import compile_estate
from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.schema import schema
from tests.support.estates import STACK
from tests.support.json_object import JsonObject
from tests.support.rendered import as_rendered

WEB = {
    "name": "web",
    "type": "webservice",
    "properties": {"image": "i"},
    "traits": [{"type": "client", "properties": {"kind": "service"}}],
}
REACHES = st.sampled_from(["cluster", "loadBalancer", "nodePort"])

texts = st.sampled_from(
    ["x", "unconfined", "web-client", "web", "hostPath", "/"]
)
keys = st.sampled_from(
    ["tier", "owner", "app.kubernetes.io/part-of", "example.com/a_b", "v1.multus-cni.io/default-network", "pulumi.com/skipAwait",
     "inject.istio.io/templates", "service.beta.kubernetes.io/aws-load-balancer-internal", "4dabf18193072939515e22adb298388d",
     "seccomp.security.alpha.kubernetes.io/pod", "external-dns.alpha.kubernetes.io/hostname", "app.oam.dev/component", "kong-oam.dev"]
)  # fmt: skip
maps = st.dictionaries(keys, texts, max_size=2)
# The properties check rejects another component's label before rendering.
pod_labels = st.dictionaries(
    keys.filter(lambda key: key != "app.oam.dev/component"), texts, max_size=2
)
secrets = st.sampled_from(["own", "web-client", "api-client"])
volumes = st.sampled_from(["a", "b"])
mounts = st.fixed_dictionaries(
    {},
    optional={
        "pvc": st.lists(st.fixed_dictionaries({"name": volumes, "mountPath": st.just("/p"), "claimName": texts}), max_size=1),
        "configMap": st.lists(st.fixed_dictionaries({"name": volumes, "mountPath": st.just("/c"), "cmName": texts}), max_size=1),
        "secret": st.lists(st.fixed_dictionaries({"name": volumes, "mountPath": st.just("/s"), "secretName": secrets}), max_size=2),
        "emptyDir": st.lists(st.fixed_dictionaries({"name": volumes, "mountPath": st.just("/e")}), max_size=1),
        "hostPath": st.lists(st.fixed_dictionaries({"name": volumes, "mountPath": st.just("/h"), "path": st.just("/")}), max_size=1),
    },
)  # fmt: skip
deprecated = st.lists(
    st.one_of(
        st.fixed_dictionaries({"name": volumes, "mountPath": st.just("/s"), "type": st.just("secret"), "secretName": secrets}),
        st.fixed_dictionaries({"name": volumes, "mountPath": st.just("/e"), "type": st.just("emptyDir")}),
    ),
    max_size=2,
)  # fmt: skip
variables = st.lists(
    st.one_of(
        st.fixed_dictionaries({"name": st.sampled_from(["A", "a_b"]), "value": texts}),
        st.builds(
            lambda name, secret: {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": "k"}}},
            st.sampled_from(["A", "B"]),
            secrets,
        ),
    ),
    max_size=3,
)  # fmt: skip
headers = st.just([{"name": "X_Y", "value": "web-client"}])
probes = st.fixed_dictionaries(
    {
        "httpGet": st.fixed_dictionaries(
            {
                "path": st.just("/"),
                "port": st.just(8080),
                "httpHeaders": headers,
            },
            optional={"host": st.sampled_from(["", "10.0.0.7"])},
        )
    }
)
properties = st.fixed_dictionaries(
    {"image": st.sampled_from(["i", "pulumi.com/web-client"])},
    optional={
        "ports": st.lists(st.fixed_dictionaries({"port": st.just(8080), "expose": st.booleans()}), min_size=1, max_size=1),
        "exposeType": st.sampled_from(["ClusterIP", "LoadBalancer", "NodePort"]),
        "labels": pod_labels,
        "annotations": maps,
        "env": variables,
        "volumeMounts": mounts,
        "volumes": deprecated,
        "imagePullSecrets": st.lists(secrets, max_size=1),
        "hostAliases": st.just([{"ip": "10.0.0.1", "hostnames": ["web-client"]}]),
        "cmd": st.lists(texts, max_size=1),
        "args": st.lists(texts, max_size=1),
        "cpu": st.just("1"),
        "limit": st.just({"cpu": "2"}),
        "livenessProbe": probes,
        "readinessProbe": probes,
        "addRevisionLabel": st.booleans(),
        "imagePullPolicy": st.just("Always"),
    },
)  # fmt: skip


def application(
    properties: Mapping[str, Any],
    kind: str = "webservice",
    metadata: Any = None,
    *,
    gateway: bool = False,
) -> Reading:
    """An Application with the component `api`, with this text, beside the client `web`."""
    traits = (
        [
            {
                "type": "gateway",
                "properties": {"domain": "a.example.com", "http": {"/": 8080}},
            }
        ]
        if gateway
        else []
    )
    document = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "shop", **(metadata or {})},
        "spec": {
            "components": [
                {
                    "name": "api",
                    "type": kind,
                    "properties": properties,
                    "traits": traits,
                },
                WEB,
            ]
        },
    }
    reading = read_bytes("shop.yaml", json.dumps(document, indent=1).encode())
    assert not reading.diagnostics, reading.diagnostics
    return reading


def codes(
    reading: Reading, reach: Any, types: tuple[str, ...] = ()
) -> set[tuple[str, str]]:
    """The codes with their paths. `types`: the stack's allowed types of Services without a route."""
    found = compile_estate(
        reading, replace(STACK, reach=reach, service_types=types)
    ).diagnostics
    return {(diagnostic.code, diagnostic.message) for diagnostic in found}


OF_WORKERS = schema("worker")["properties"]
PROBES = ("livenessProbe", "readinessProbe")
"""Probes of workers have no host."""


@given(
    properties,
    st.booleans(),
    st.booleans(),
    maps,
    maps,
    REACHES,
    st.sampled_from([(), ("LoadBalancer",)]),
)
def test_the_same_workload_is_judged_alike(
    workload: JsonObject,
    worker: bool,
    gateway: bool,
    labels: Any,
    annotations: Any,
    reach: Any,
    types: tuple[str, ...],
) -> None:
    """As plain and as rendered component. KubeVela's rendering merges two volumes of one name."""
    if worker:
        workload = {
            key: value for key, value in workload.items() if key in OF_WORKERS
        }
        workload |= {
            key: {"httpGet": {"path": "/", "port": 8080}}
            for key in PROBES
            if key in workload
        }
    metadata = {"labels": labels, "annotations": annotations}
    reading = application(
        workload,
        "worker" if worker else "webservice",
        metadata,
        gateway=gateway and not worker,
    )
    plain, rendered = (
        codes(reading, reach, types),
        codes(as_rendered(reading), reach, types),
    )
    event(" ".join(sorted({code for code, _ in plain})) or "kept")
    assert plain == rendered


BALANCED = {
    "image": "i",
    "ports": [{"port": 8080, "expose": True}],
    "exposeType": "LoadBalancer",
}
STEERED = {
    "annotations": {
        "service.beta.kubernetes.io/aws-load-balancer-internal": "false"
    }
}
REFUSED: list[tuple[str, JsonObject, Any, str]] = [
    ("ACC226", {"image": "i", "volumeMounts": {"emptyDir": [{"name": "e", "mountPath": "/e"}], "hostPath": [{"name": "h", "mountPath": "/h", "path": "/"}]}}, None, '"name": "h"'),
    ("ACC217", {"image": "i", "volumes": [{"name": "e", "mountPath": "/e"}, {"name": "h", "mountPath": "/h", "type": "secret", "secretName": "web-client"}]}, None, '"name": "h"'),
    *(("ACC226", {"image": "i", probe: {"httpGet": {"path": "/", "port": 1, "host": "10.0.0.7"}}}, None, '"host"') for probe in PROBES),
    ("ACC227", BALANCED, None, '"LoadBalancer"'),
    ("ACC228", {"image": "i", "annotations": {"a": "b", "k8s.v1.cni.cncf.io/networks": "n"}}, None, '"k8s.v1.cni.cncf.io/networks"'),
    ("ACC228", {"image": "i", "labels": {"a": "b", "pulumi.com/patchForce": "true"}}, None, '"pulumi.com/patchForce"'),
    ("ACC228", {"image": "i"}, {"annotations": {"pulumi.com/skipAwait": "true"}}, '"pulumi.com/skipAwait"'),
    ("ACC228", {"image": "i"}, {"labels": {"pulumi.com/skipAwait": "true"}}, '"pulumi.com/skipAwait"'),
    ("ACC217", {"image": "i", "env": [{"name": "A", "value": "x"}, {"name": "B", "value": "y"}, {"name": "A", "valueFrom": {"secretKeyRef": {"name": "web-client", "key": "k"}}}]}, None, '"name": "A",\n       "valueFrom"'),
    ("ACC217", {"image": "i", "volumeMounts": {"secret": [{"name": "s", "mountPath": "/s", "secretName": "own"}, {"name": "t", "mountPath": "/t", "secretName": "web-client"}]}}, None, '"name": "t"'),
]  # fmt: skip


@pytest.mark.parametrize(("code", "properties", "metadata", "near"), REFUSED)
def test_a_finding_is_where_it_is_said(
    code: str, properties: JsonObject, metadata: Any, near: str
) -> None:
    reading = application(properties, metadata=metadata)
    found = compile_estate(reading, STACK).diagnostics
    document = reading.applications[0].position.document.text
    begins = document[: document.index(near)].count("\n") + 1
    assert {diagnostic.code for diagnostic in found} == {code}
    assert all(
        diagnostic.position is not None
        and diagnostic.position.line in (begins - 1, begins)
        for diagnostic in found
    ), (
        begins,
        found,
    )


def test_a_stack_that_asks_has_load_balancers_without_a_route() -> None:
    """A Service with a route has the gateway's type, whatever else a stack allows."""
    assert codes(application(BALANCED), "cluster", ("LoadBalancer",)) == set()
    assert {
        code
        for code, _ in codes(application(BALANCED), "cluster", ("NodePort",))
    } == {"ACC227"}
    assert {
        code
        for code, _ in codes(
            application(BALANCED, gateway=True), "cluster", ("LoadBalancer",)
        )
    } == {"ACC227"}
    steered = application(BALANCED, metadata=STEERED)
    assert {
        code for code, _ in codes(steered, "cluster", ("LoadBalancer",))
    } == {"ACC228"}


def test_annotations_of_a_services_address_are_the_stacks() -> None:
    """For every reach of the gateway. An Application can filter its own annotations, as in
    KubeVela."""
    reading = application({"image": "i"}, metadata=STEERED, gateway=True)
    for reach in ("loadBalancer", "cluster"):
        assert {code for code, _ in codes(reading, reach)} == {"ACC228"}
    steered = {
        "annotations": {
            **STEERED["annotations"],
            "filter.oam.dev/annotation-keys": next(
                iter(STEERED["annotations"])
            ),
        }
    }
    assert (
        codes(
            application({"image": "i"}, metadata=steered, gateway=True),
            "loadBalancer",
        )
        == set()
    )


def test_a_load_balancer_that_the_stack_asks_for_is_taken() -> None:
    assert codes(application(BALANCED, gateway=True), "loadBalancer") == set()
    assert {
        code for code, _ in codes(application(BALANCED), "loadBalancer")
    } == {"ACC227"}
    assert {
        code
        for code, _ in codes(application(BALANCED, gateway=True), "cluster")
    } == {"ACC227"}
