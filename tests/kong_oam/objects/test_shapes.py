"""Every object is either rejected by the checks or deployed with all additions."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from kong_oam.access.settings.stack import parse
from kong_oam.kubernetes.rendered import placed_objects
from tests.support import small_stacks
from tests.support.components import with_fields
from tests.support.json_object import JsonObject
from tests.support.judged_components import findings, judged_component
from tests.support.rendered_components import component, rendered_object

SETTINGS = parse(
    "prod", {**small_stacks.SETTINGS, "cluster": {"imagePullSecrets": ["ecr"]}}
)
POD: JsonObject = yaml.safe_load("""
metadata:
  labels: {app: api}
  annotations: {a: b}
spec:
  containers:
  - name: c
    image: i
    args: [x]
    env:
    - {name: A, value: b}
    envFrom:
    - configMapRef: {name: m}
    ports:
    - {containerPort: 80, name: web}
    volumeMounts:
    - {name: v, mountPath: /v}
  volumes:
  - name: v
    image: {reference: r}
  imagePullSecrets:
  - {name: s}
  hostAliases:
  - ip: 192.0.2.1
    hostnames: [a]
""")
ABOUT = {"name": "api", "namespace": "orders"}
OBJECTS: list[JsonObject] = [
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": ABOUT, "spec": {"template": POD}},
    {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": ABOUT, "spec": {"jobTemplate": {"spec": {"template": POD}}}},
    {"apiVersion": "v1", "kind": "Pod", **POD, "metadata": {**ABOUT, **POD["metadata"]}},
    {"apiVersion": "argoproj.io/v1", "kind": "Rollout", "metadata": ABOUT, "spec": {"template": POD}},
    {"apiVersion": "v1", "kind": "Service", "metadata": ABOUT, "spec": {"selector": {"app": "api"}, "ports": [{"port": 80, "targetPort": "web"}]}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": ABOUT, "stringData": {"a": "b"}},
    {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "a.b.c"}, "spec": {}},
]  # fmt: skip
"""One object of each kind that gets additions."""
ALLOWED = {
    "argoproj.io/Rollout": "pods",
    "apiextensions.k8s.io/CustomResourceDefinition": "kinds",
}
JUNK: list[Any] = [None, True, 5, -1, 1.5, "x", "", [], {}, [5], [None], ["x"], [[]], [{}], {"a": 1}, {"name": ["a"]}, [{"name": ["a"]}], [{"a": []}]]  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def changed(
    manifest: JsonObject, path: tuple[Any, ...], junk: Any
) -> JsonObject:
    result = copy.deepcopy(manifest)
    holder: Any = result
    for step in path[:-1]:
        holder = holder[step]
    if junk is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = copy.deepcopy(junk)
    return result


@pytest.mark.parametrize("pod_spec_path", ["", "spec.template.spec"])
@pytest.mark.parametrize(
    "manifest", OBJECTS, ids=lambda manifest: str(manifest["kind"])
)
def test_accepted_objects_can_be_placed(
    manifest: JsonObject, pod_spec_path: str
) -> None:
    """Each field of a valid object is changed or removed: some results are rejected, others are
    not."""
    app, whole = component("", ports=(80,))
    placed = 0
    behind = rendered_object(
        {**OBJECTS[0], "metadata": {**ABOUT, "name": "behind"}}, 1
    )
    cases = [
        changed(manifest, path, junk)
        for path in paths(manifest)
        for junk in (..., *JUNK)
    ]
    for case in cases:
        if not findings(
            judged_component(
                case,
                key="orders/api",
                namespace="orders",
                pod_spec_path=pod_spec_path,
            ),
            allowed=ALLOWED,
        ):
            rendered = (
                rendered_object(case, pod_spec_path=pod_spec_path),
                behind,
            )
            assert placed_objects(
                app, with_fields(whole, rendered=rendered), SETTINGS
            ).objects, case
            placed += 1
    assert 0 < placed < len(cases)


@pytest.mark.parametrize("manifest", OBJECTS)
def test_valid_objects_are_accepted(manifest: JsonObject) -> None:
    assert (
        findings(
            judged_component(manifest, key="orders/api", namespace="orders"),
            allowed=ALLOWED,
        )
        == []
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"kind": "ConfigMap", "data": {"a": "b", "c": 5}}, "data.c"),
        ({"kind": "ConfigMap", "data": {"a": {"b": "c"}}}, "data.a"),
        ({"kind": "Secret", "stringData": {"a": True}}, "stringData.a"),
        ({"kind": "Secret", "data": {"a": 5, "b": None}}, "data.a"),
        (
            {
                "kind": "ConfigMap",
                "metadata": {**ABOUT, "annotations": {"a": 1.5}},
            },
            "metadata.annotations.a",
        ),
    ],
)
def test_data_values_are_texts(changes: JsonObject, path: str) -> None:
    """An API server would reject a number during a run."""
    (message,) = findings(
        judged_component(
            {"apiVersion": "v1", "metadata": ABOUT, **changes},
            namespace="orders",
        )
    )
    assert (
        message
        == f"OAM103 {changes['kind']} 'api' of 'shop/web': {path} must be a text"
    )


def test_containers_of_a_kind_of_others_need_no_name() -> None:
    """Knative names them."""
    template = {"spec": {"containers": [{"image": "i"}]}}
    custom, own = (
        {**OBJECTS[number], "spec": {"template": template}} for number in (3, 0)
    )
    assert (
        findings(judged_component(custom, namespace="orders"), allowed=ALLOWED)
        == []
    )
    (message,) = findings(judged_component(own, namespace="orders"))
    assert message.endswith(
        "spec.template.spec.containers[0].name must be present"
    )


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ("hostAliases", ["spec.hostAliases[0].hostnames must be present"]),
        (
            "containers",
            [
                "spec.containers must be a list",
                "spec.containers[0].name must be present",
            ],
        ),
    ],
)
def test_what_is_wrong_is_said(spec: str, wrong: list[str]) -> None:
    """With the field and the expected value."""
    pod = OBJECTS[2]
    found = []
    for junk in ({"a": {}}, [{"ip": "192.0.2.1"}]):
        found += findings(
            judged_component(
                {**pod, "spec": {**pod["spec"], spec: junk}}, namespace="orders"
            )
        )
    assert [
        expected
        for expected in wrong
        if not any(expected in message for message in found)
    ] == []
    assert all(
        message.startswith("OAM103 Pod 'api' of 'shop/web': spec.")
        for message in found
    )


@pytest.mark.parametrize(
    ("manifest", "wrong"),
    [
        ({**OBJECTS[0], "spec": {}}, "Deployment 'api' of 'shop/web': spec must be a mapping with the pod template"),
        ({**OBJECTS[2], "spec": {}}, "Pod 'api' of 'shop/web': spec.containers must be a list of at least one container"),
        ({**OBJECTS[6], "spec": "x"}, "CustomResourceDefinition 'a.b.c' of 'shop/web': spec must be a mapping"),
    ],
)  # fmt: skip
def test_nothing_is_deployed_without_its_spec(
    manifest: JsonObject, wrong: str
) -> None:
    (message,) = findings(
        judged_component(manifest, namespace="orders"), allowed=ALLOWED
    )
    assert message.startswith(f"OAM103 {wrong}")


NAMES = {
    ("v1", "Service"): (["web", "w" * 63], ["victim.other.svc.cluster.local", "A B/../@evil", "w" * 64, "1a", "a-", "a\n"]),
    ("v1", "ConfigMap"): (["web", "1.a-b.c", "kube-root-ca.crt"], ["../../x", "a..b", "A", "a_b", ".a", "a" * 254, "a\n", "é"]),
    ("apps/v1", "Deployment"): (["web"], ["D_..::"]),
    ("rbac.authorization.k8s.io/v1", "Role"): (["system:x", "A_b"], ["a/b", "..", "a%b", "a\n"]),
    ("v1", "Namespace"): (["web"], ["a.b", "A"]),
}  # fmt: skip


@pytest.mark.parametrize(("api", "kind"), NAMES)
def test_a_name_is_one_that_the_cluster_takes(api: str, kind: str) -> None:
    for names, expected in zip(NAMES[api, kind], (False, True), strict=True):
        for name in names:
            manifest = {
                "apiVersion": api,
                "kind": kind,
                "metadata": {"name": name},
            }
            messages = findings(
                judged_component(manifest, namespace="orders"),
                allowed={"Namespace": "x"},
                rbac=True,
            )
            assert (
                any(
                    " name is invalid for a " in message for message in messages
                )
                == expected
            ), name


MOUNTING = {
    "volumes": [{"name": "a", "emptyDir": {}}],
    "containers": [
        {
            "name": "x",
            "image": "i",
            "volumeMounts": [{"name": "a", "mountPath": "/a"}, {"name": "b"}],
        }
    ],
    "initContainers": [
        {
            "name": "y",
            "image": "i",
            "volumeDevices": [{"name": "c", "devicePath": "/c"}],
        }
    ],
}


def test_a_volume_that_is_mounted_is_there() -> None:
    """In every container; a StatefulSet also has the volumes of its claims. Mounts in other kinds
    are unknown."""

    def found(kind: str, **spec: Any) -> list[str]:
        manifest = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "w"}, "spec": {"template": {"spec": MOUNTING}, **spec}}  # fmt: skip
        return findings(judged_component(manifest), allowed={"apps/Other": "x"})

    at = "of 'shop/web': spec.template.spec"
    assert found("Deployment") == [
        f"OAM103 Deployment 'w' {at}.containers[0].volumeMounts[1] mounts volume 'b', but the pods have only 'a'; add the volume",
        f"OAM103 Deployment 'w' {at}.initContainers[0].volumeDevices[0] mounts volume 'c', but the pods have only 'a'; add the volume",
    ]
    assert (
        found(
            "StatefulSet",
            volumeClaimTemplates=[
                {"metadata": {"name": "b"}},
                {"metadata": {"name": "c"}},
            ],
        )
        == []
    )
    assert found("Other") == []
    pod = {
        "containers": [
            {"name": "x", "volumeMounts": [{"name": "b"}, {"name": 7}, {}]}
        ]
    }
    assert (
        findings(
            judged_component(
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "p"},
                    "spec": pod,
                }
            )
        )[-1]
        == "OAM103 Pod 'p' of 'shop/web': spec.containers[0].volumeMounts[0] mounts volume 'b', but the pods have none; add the volume"
    )
