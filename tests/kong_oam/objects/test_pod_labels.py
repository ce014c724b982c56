"""The labels with which an access trait selects pods of another owner: they must name an object of
its component."""

from __future__ import annotations

import pytest

from kong_oam.objects.component import JudgedComponent
from kong_oam.objects.selection import NamedService
from tests.support.json_object import JsonObject
from tests.support.judged_components import PLACE, findings, judged_component

RELEASE = {
    "apiVersion": "helm.sh/v3",
    "kind": "Release",
    "metadata": {"name": "es"},
    "spec": {"chart": "es"},
}
FLUX = {
    "apiVersion": "helm.toolkit.fluxcd.io/v2",
    "kind": "HelmRelease",
    "metadata": {"name": "es"},
    "spec": {},
}
ELASTICSEARCH = {
    "apiVersion": "elasticsearch.k8s.elastic.co/v1",
    "kind": "Elasticsearch",
    "metadata": {"name": "logs"},
}
KAFKA = {
    "apiVersion": "kafka.strimzi.io/v1",
    "kind": "Kafka",
    "metadata": {"name": "logs"},
}
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "es"},
}
OPERATORS = {
    "elasticsearch.k8s.elastic.co/Elasticsearch": "elasticsearch.k8s.elastic.co/cluster-name",
    "kafka.strimzi.io/Kafka": "strimzi.io/cluster",
}
STACK: JsonObject = {
    "allowed": dict.fromkeys(OPERATORS, "its operator makes pods"),
    "operator_labels": OPERATORS,
}


def naming(
    labels: dict[str, str], *objects: JsonObject, key: str = "shop/web"
) -> JudgedComponent:
    """A component of type `helmchart` with an access trait for a Service with these pod labels."""
    name = key.partition("/")[2]
    named = NamedService(
        f"{name}-http", 80, 80, labels, f"{name}-gateway", PLACE
    )
    return judged_component(*objects, key=key, type="helmchart", named=named)


@pytest.mark.parametrize(
    ("labels", "object_"),
    [
        ({"app.kubernetes.io/instance": "es"}, RELEASE),
        (
            {
                "app.kubernetes.io/instance": "es",
                "app.kubernetes.io/name": "elasticsearch",
                "role": "data",
            },
            RELEASE,
        ),
        (
            {"app.kubernetes.io/instance": "search"},
            {**RELEASE, "spec": {"name": "search"}},
        ),
        ({"app.kubernetes.io/instance": "es"}, FLUX),
        (
            {"app.kubernetes.io/instance": "search"},
            {**FLUX, "spec": {"releaseName": "search"}},
        ),
        (
            {"app.kubernetes.io/instance": "shop-es"},
            {**FLUX, "spec": {"targetNamespace": "shop"}},
        ),
        ({"elasticsearch.k8s.elastic.co/cluster-name": "logs"}, ELASTICSEARCH),
        ({"strimzi.io/cluster": "logs", "strimzi.io/kind": "Kafka"}, KAFKA),
    ],
)
def test_labels_that_name_an_object_of_the_component_lead_to_its_pods(
    labels: dict[str, str], object_: JsonObject
) -> None:
    assert findings(naming(labels, object_), **STACK) == []


ANYBODYS = [
    {"eks.amazonaws.com/fargate-profile": "es"},
    {"dapr.io/sidecar-injected": "true"},
    {"consul.hashicorp.com/connect-inject-status": "injected"},
    {"kuma.io/mesh": "default"},
    {"pod-template-hash": "es"},
    {"app.oam.dev/revision": "es"},
    {"app.kubernetes.io/name": "es"},
    {"app.kubernetes.io/instance": "logs"},
    {"app": "es"},
]


@pytest.mark.parametrize("labels", ANYBODYS)
@pytest.mark.parametrize("object_", [RELEASE, FLUX, CONFIG_MAP, ELASTICSEARCH])
def test_labels_that_other_pods_may_have_are_refused(
    labels: dict[str, str], object_: JsonObject
) -> None:
    """Whatever the component deploys."""
    (message,) = findings(naming(labels, object_), **STACK)
    assert message.startswith(
        "ACC227 podLabels may select pods that 'shop/web' does not deploy; "
    )


@pytest.mark.parametrize("object_", [{**RELEASE, "spec": {"namespace": "other"}}, {**FLUX, "spec": {"targetNamespace": "other", "releaseName": "es"}}])  # fmt: skip
def test_a_release_in_another_namespace_names_no_pods_of_this(
    object_: JsonObject,
) -> None:
    """Pods with the label here may belong to anybody."""
    component = naming({"app.kubernetes.io/instance": "es"}, object_)
    (message,) = findings(component, allowed={"other/Namespace": "x"})
    assert message.startswith(
        "ACC227 podLabels may select pods that 'shop/web' does not deploy; "
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"suspend": True},
        {"kubeConfig": {"secretRef": {"name": "west"}}},
        {"releaseName": "e" * 54},
        {"targetNamespace": "shop", "chart": {}},
    ],
)
def test_a_release_that_makes_no_pods_with_the_label_here_names_none(
    spec: JsonObject,
) -> None:
    """It is suspended, in another cluster, or its name is too long: Flux shortens it, and Helm
    rejects it."""
    long = {**FLUX, "metadata": {"name": "e" * 49}, "spec": spec}
    name = spec.get(
        "releaseName",
        "shop-" + "e" * 49 if "targetNamespace" in spec else "e" * 49,
    )
    (message,) = findings(naming({"app.kubernetes.io/instance": name}, long))
    assert message.startswith(
        "ACC227 podLabels may select pods that 'shop/web' does not deploy; "
    )


def test_an_operators_object_is_where_its_metadata_says() -> None:
    """The operator may read fields differently from Flux."""
    elsewhere = {
        **KAFKA,
        "metadata": {"name": "logs", "namespace": "other"},
        "spec": {"targetNamespace": "shop"},
    }
    allowed = {**STACK["allowed"], "other/Namespace": "x"}
    (message,) = findings(
        naming({"strimzi.io/cluster": "logs"}, elsewhere),
        **{**STACK, "allowed": allowed},
    )
    assert message.startswith(
        "ACC227 podLabels may select pods that 'shop/web' does not deploy; "
    )


CONNECT = {**KAFKA, "kind": "KafkaConnect"}
MODULE = {
    "apiVersion": "terraform.core.oam.dev/v1beta2",
    "kind": "Configuration",
    "metadata": {"name": "x"},
}
NAMED_ALIKE = [
    ({"app.kubernetes.io/instance": "es"}, RELEASE, {**FLUX, "metadata": {"name": "x"}, "spec": {"releaseName": "es"}}),
    ({"app.kubernetes.io/instance": "es"}, {**FLUX, "metadata": {"name": "x"}, "spec": {"releaseName": "es"}}, RELEASE),
    ({"app.kubernetes.io/instance": "es"}, RELEASE, {**CONNECT, "metadata": {"name": "es"}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, CONNECT),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**CONNECT, "metadata": {"name": "x"}, "spec": {"template": {"pod": {"metadata": {"labels": {"strimzi.io/cluster": "logs"}}}}}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**FLUX, "spec": {"values": {"podLabels": {"strimzi.io/cluster": "logs"}}}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**FLUX, "spec": {"values": {"podLabels": "strimzi.io/cluster: logs\n"}}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**FLUX, "spec": {"values": {"podLabels": [{"key": "strimzi.io/cluster", "value": "logs"}]}}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**FLUX, "spec": {"values": {"podLabels": ["strimzi.io/cluster=logs"]}}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**MODULE, "spec": {"hcl": 'labels = { "strimzi.io/cluster" = "logs" }'}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**MODULE, "spec": {"hcl": '"strimzi.io/\\U00000063luster" = "logs"'}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**MODULE, "spec": {"hcl": '{{ x }} "strimzi.io/clu\\\n  ster": logs'}}),
    ({"strimzi.io/cluster": "logs"}, KAFKA, {**MODULE, "spec": {"hcl": "{{ x }} !!binary c3RyaW16aS5pby9jbHVzdGVy: logs"}}),
    ({"app.kubernetes.io/instance": "es"}, RELEASE, {**CONNECT, "metadata": {"name": "x"}, "spec": {"helm": {"releaseName": "es"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "named", "manifest"), NAMED_ALIKE)
def test_no_object_of_another_component_may_have_pods_with_the_label(
    labels: dict[str, str], named: JsonObject, manifest: JsonObject
) -> None:
    """An operator may label pods of several kinds, so a name belongs to one component."""
    connect = "kafka.strimzi.io/KafkaConnect"
    stack = {
        **STACK,
        "allowed": {**STACK["allowed"], connect: "pods"},
        "metadata": {"strimzi.io/cluster": "x"},
    }
    foreign = judged_component(manifest, key="logs/kafka", type="helmchart")
    for components in (
        (naming(labels, named), foreign),
        (foreign, naming(labels, named)),
    ):
        (message,) = findings(*components, **stack)
        assert message.startswith(
            "ACC227 podLabels may also select pods of 'logs/kafka' (shop.yaml:3:9): "
        )
    elsewhere = judged_component(
        manifest, key="logs/kafka", type="helmchart", namespace="elsewhere"
    )
    assert findings(naming(labels, named), elsewhere, **stack) == []
    assert findings(naming(labels, named, manifest), **stack) == [], (
        "its own pods"
    )


def test_no_release_of_another_namespace_has_the_label() -> None:
    """With any kind: the object names the namespace."""
    release = {
        **CONNECT,
        "spec": {
            "helm": {"releaseName": "es"},
            "destination": {"namespace": "shop"},
        },
    }
    stack = {**STACK, "allowed": {"kafka.strimzi.io/KafkaConnect": "pods"}}
    named = naming({"app.kubernetes.io/instance": "es"}, RELEASE)
    (message,) = findings(
        named, judged_component(release, key="cd/app", namespace="cd"), **stack
    )
    assert message.startswith(
        "ACC227 podLabels may also select pods of 'cd/app'"
    )
    release["spec"]["destination"]["namespace"] = "elsewhere"
    assert (
        findings(
            named,
            judged_component(release, key="cd/app", namespace="cd"),
            **stack,
        )
        == []
    )


def test_no_values_of_a_chart_have_the_label() -> None:
    """Nor from a ConfigMap of a third component."""
    labels = {"strimzi.io/cluster": "logs"}
    values = {
        **CONFIG_MAP,
        "data": {"values.yaml": "podLabels: {strimzi.io/cluster: logs}"},
    }
    release = {
        **FLUX,
        "spec": {"valuesFrom": [{"kind": "ConfigMap", "name": "es"}]},
    }
    named = naming(labels, KAFKA)
    (message,) = findings(
        named,
        judged_component(release, key="logs/kafka"),
        judged_component(values, key="logs/values"),
        **STACK,
    )
    assert message.startswith(
        "ACC227 podLabels may also select pods of 'logs/kafka'"
    )
    assert (
        findings(named, judged_component(values, key="logs/values"), **STACK)
        == []
    )


def test_an_object_refers_to_another_components_by_its_own_label() -> None:
    """As topics and users refer to their Kafka."""
    topic = {
        **KAFKA,
        "kind": "KafkaTopic",
        "metadata": {"name": "t", "labels": {"strimzi.io/cluster": "logs"}},
    }
    stack = {
        **STACK,
        "allowed": {**STACK["allowed"], "kafka.strimzi.io/KafkaTopic": "x"},
    }
    found = findings(
        naming({"strimzi.io/cluster": "logs"}, KAFKA),
        judged_component(topic, key="shop/t"),
        metadata={"strimzi.io": "x"},
        **stack,
    )
    assert found == []


def test_many_releases_with_one_name_have_one_finding_each() -> None:
    """With another component and the number of others: 240 releases give 240 lines."""
    labels = {"app.kubernetes.io/instance": "es"}
    components = [
        naming(labels, RELEASE, key=f"shop/web{number}")
        for number in range(240)
    ]
    found = [
        message
        for message in findings(*components)
        if message.startswith("ACC227 podLabels")
    ]
    assert len(found) == 240
    assert "of 'shop/web1' (shop.yaml:3:9) and 238 more: " in found[0]
    assert all(
        "of 'shop/web0' (shop.yaml:3:9) and 238 more: " in message
        for message in found[1:]
    )
