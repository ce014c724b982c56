"""The registered resources of a component that definitions render, under Pulumi's mocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import set_mocks

from components.identity.issuer import Credential, Issuer, SecretReference
from components.workload.cluster import provision_clusters
from components.workload.environment import client_environment
from components.workload.objects import VERSION, is_ready
from components.workload.workload import WorkloadArgs, provision_workload
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.oam.rendered import Awaited
from tests.support.components import with_fields
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, all_of, clear, on_the_loop, recorder
from tests.support.rendered_components import OBJECTS, component, estate_of

REFERENCE = SecretReference("kept", "secret")
CREDENTIAL_DIGEST = "kong-oam.dev/client-credential"
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: orders}
spec: {template: {spec: {containers: [{name: one, image: x}]}}}
"""
DEFINED = """
apiVersion: example.com/v1
kind: Thing
metadata: {name: one, namespace: more}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {group: example.com, names: {kind: Thing, plural: things}}
---
apiVersion: v1
kind: Namespace
metadata: {name: more}
---
apiVersion: v1
kind: Secret
metadata: {name: one, namespace: orders}
stringData: {A: hidden}
---
apiVersion: helm.sh/v3
kind: Release
metadata: {name: chart, namespace: more}
spec: {name: chart, namespace: more, chart: nginx}
"""


def settings() -> Settings:
    data = {
        "cloud": "aws",
        "asOf": "2026-01-01",
        "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}},
        "identityProviders": [{"name": "main", "type": "oidc"}],
    }
    return parse("tests", data)


def _no_value(awaited: Awaited) -> pulumi.Output[str]:
    raise AssertionError(awaited)


def provisioned(
    text: str, *, client: bool = True
) -> tuple[list[Registered], JsonObject]:
    """The registered resources, and the facts about the workload."""
    application, whole = component(
        text, client=client, ports=(80,) if OBJECTS in text else ()
    )
    estate, known, monitor = estate_of(application), {}, recorder()

    async def program() -> None:
        output = pulumi.Output.from_input
        credential = Credential(
            output("id"),
            client_secret=output("s"),
            secret_reference=REFERENCE,
            federation_audience="api://cluster",
        )
        issuer = Issuer(
            output("i"),
            output("t"),
            output("a"),
            output(()),
            {"orders/api": credential},
        )
        cluster = provision_clusters(estate, settings())[None]
        parent = pulumi.ComponentResource(
            "kong-oam:index:Component", "orders/api"
        )
        environment = client_environment(whole, estate, {"main": issuer})
        args = WorkloadArgs(
            application, whole, settings(), environment, cluster, [], _no_value
        )
        made = provision_workload(args, parent)
        known["rolled out"] = await made.rolled_out.future()
        known["upstreams"] = {
            name: await upstream.address.future()
            for name, upstream in made.upstreams.items()
        }
        known["resources"] = [resource._name for resource in made.resources]

    set_mocks(
        monitor.mocks, "kong-oam", "tests", preview=False, monitor=monitor
    )
    on_the_loop(program)
    return monitor.registered, known


def test_all_containers_of_a_client_can_prove_who_they_are() -> None:
    """A secret that lies elsewhere, the file of a token, and a mark by which a new credential restarts the pods."""
    registered, known = provisioned(OBJECTS)
    (workload,) = all_of(registered, "kubernetes:apps/v1:StatefulSet").values()
    assert workload.name == "orders/api/statefulset/api"
    assert (workload.inputs["apiVersion"], workload.inputs["kind"]) == (
        "apps/v1",
        "StatefulSet",
    )
    template = workload.inputs["spec"]["template"]
    for container in [
        *template["spec"]["containers"],
        *template["spec"]["initContainers"],
    ]:
        variables = {
            variable["name"]: variable for variable in container["env"]
        }
        assert variables["OAUTH_CLIENT_SECRET"]["valueFrom"] == {
            "secretKeyRef": {"name": "kept", "key": "secret"}
        }
        (mount,) = container["volumeMounts"]
        assert (
            variables["OAUTH_ASSERTION_FILE"]["value"]
            == f"{mount['mountPath']}/token"
        )
    assert len(template["metadata"]["annotations"][CREDENTIAL_DIGEST]) == 16
    assert template["metadata"]["annotations"]["note"] == "kept"
    assert (
        clear(
            all_of(registered, "kubernetes:core/v1:Secret")["orders/api-client"]
        )["OAUTH_CLIENT_ID"]
        == "id"
    )
    assert known["upstreams"] == {"80": "api.orders.svc.cluster.local:80"}
    assert known["rolled out"] is True


def test_what_runs_comes_after_its_fence_and_all_that_it_needs() -> None:
    """And a gate after all objects that definitions made."""
    registered, known = provisioned(OBJECTS)
    (workload,) = all_of(registered, "kubernetes:apps/v1:StatefulSet").values()
    assert workload.after == {
        "orders/api-client",
        "orders/api-account",
        "orders/api-ingress",
        "orders/api/configmap/api",
    }
    assert set(known["resources"]) == {
        "orders/api-service-api",
        "orders/api/configmap/api",
        "orders/api/statefulset/api",
    }


def test_a_new_credential_runs_no_job_again() -> None:
    """Its pods cannot be changed: the mark would replace it. The Secret that its pods read is the same."""
    registered, _ = provisioned(f"{OBJECTS}---{JOB}")
    (job,) = all_of(registered, "kubernetes:batch/v1:Job").values()
    template = job.inputs["spec"]["template"]
    assert "annotations" not in template["metadata"]
    assert template["spec"]["containers"][0]["envFrom"] == [
        {"secretRef": {"name": "api-client"}}
    ]


def test_namespaces_and_definitions_come_before_what_lies_in_them() -> None:
    """They may be any component's. A Secret's values are secrets, and a chart is a release of
    Pulumi's."""
    registered, known = provisioned(DEFINED, client=False)
    (custom_object,) = all_of(
        registered, "kubernetes:example.com/v1:Thing"
    ).values()
    prefix = "orders/api/customresourcedefinition"
    assert {
        f"{prefix}/things.example.com",
        "orders/api/namespace/more",
    } <= custom_object.after
    (release,) = all_of(registered, "kubernetes:helm.sh/v3:Release").values()
    assert release.inputs == {
        "name": "chart",
        "namespace": "more",
        "chart": "nginx",
    }
    assert "orders/api/namespace/more" in release.after
    (secret,) = all_of(registered, "kubernetes:core/v1:Secret").values()
    assert secret.secret == {"data"} and secret.secret_outputs == {"data"}
    assert VERSION not in secret.inputs["metadata"].get("annotations", {})
    assert known["rolled out"] is True


def test_config_maps_are_changed_in_place_where_there_are_any() -> None:
    """One that is replaced is deleted first, and the pods with it. Stacks with plain components alone are as they
    were."""
    registered, _ = provisioned(OBJECTS)
    (provider,) = all_of(registered, "pulumi:providers:kubernetes").values()
    assert provider.inputs["enableConfigMapMutable"] == "true"
    monitor = recorder()
    application, plain = component()
    rendered = tuple(
        replace(rendered, plain=True) for rendered in plain.workload.rendered
    )
    estate = estate_of(
        replace(
            application, components=(with_fields(plain, rendered=rendered),)
        )
    )

    async def program() -> None:
        provision_clusters(estate, settings())

    set_mocks(
        monitor.mocks, "kong-oam", "tests", preview=False, monitor=monitor
    )
    on_the_loop(program)
    (provider,) = all_of(
        monitor.registered, "pulumi:providers:kubernetes"
    ).values()
    assert "enableConfigMapMutable" not in provider.inputs


OURS: Mapping[str, Any] = {"annotations": {VERSION: "v1"}, "generation": 2}


@pytest.mark.parametrize(
    ("kind", "metadata", "status", "present"),
    [
        ("ConfigMap", OURS, None, True),
        ("ConfigMap", {"annotations": {VERSION: "v0"}}, None, False),
        ("ConfigMap", {}, None, False),
        ("CronJob", OURS, {}, True),
        (
            "Deployment",
            OURS,
            {
                "conditions": [
                    {"type": "Progressing", "reason": "NewReplicaSetAvailable"}
                ]
            },
            True,
        ),
        (
            "Deployment",
            OURS,
            {
                "conditions": [
                    {
                        "type": "Progressing",
                        "reason": "ProgressDeadlineExceeded",
                    }
                ]
            },
            False,
        ),
        (
            "StatefulSet",
            OURS,
            {
                "observedGeneration": 2,
                "currentRevision": "b",
                "updateRevision": "b",
            },
            True,
        ),
        (
            "StatefulSet",
            OURS,
            {
                "observedGeneration": 2,
                "currentRevision": "a",
                "updateRevision": "b",
            },
            False,
        ),
        (
            "StatefulSet",
            OURS,
            {
                "observedGeneration": 1,
                "currentRevision": "a",
                "updateRevision": "a",
            },
            False,
        ),
        ("StatefulSet", OURS, None, True),
        (
            "DaemonSet",
            OURS,
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2},
            True,
        ),
        (
            "DaemonSet",
            OURS,
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 1},
            False,
        ),
    ],
)
def test_a_gate_opens_once_the_objects_of_this_version_are_there(
    kind: str,
    metadata: Mapping[str, Any],
    status: Mapping[str, Any] | None,
    present: bool,
) -> None:
    """All pods of that version were available once, whatever happened to one since."""
    assert is_ready(kind, "v1", metadata, status) is present
