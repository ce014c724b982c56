"""All pods that may answer behind a route get labels, a NetworkPolicy and an identity, wherever a
definition puts them. The oracle knows no kinds: it looks for container names in the deployed
objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from kong_oam.access.settings.stack import parse
from kong_oam.kubernetes.rendered import placed_objects
from kong_oam.objects.component_pods import component_pods
from tests.support import small_stacks
from tests.support.components import with_fields
from tests.support.estates import STACK
from tests.support.json_object import JsonObject
from tests.support.rendered import DEPLOYMENT, application, compiled, ingress
from tests.support.rendered_components import component, rendered_object

PODS = {"app.oam.dev/name": "orders", "app.oam.dev/component": "api"}
SETTINGS = parse("prod", small_stacks.SETTINGS)
WORKLOADS = {
    ("apps/v1", "Deployment"): ("spec", "template"),
    ("batch/v1", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("v1", "Pod"): (),
}
OTHERS = [
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("terraform.core.oam.dev/v1beta2", "Configuration"),
]
CUSTOM = [
    ("argoproj.io/v1", "Rollout"),
    ("jobset.x-k8s.io/v1", "JobSet"),
    ("apps/v9", "Any"),
]

steps = st.lists(
    st.sampled_from(
        ["spec", "template", "data", "values", "0", "metadata", "labels"]
    ),
    max_size=5,
)
lies = st.sampled_from(
    [
        "",
        "spec.nothing.spec",
        "spec.template",
        "..spec",
        "metadata.labels.spec",
        "spec",
        "spec.spec",
    ]
)


@st.composite
def objects(draw: st.DrawFn) -> JsonObject:
    """An object with pods, or mappings like pods, in up to three places, possibly nested."""
    api, kind = draw(st.sampled_from([*WORKLOADS, *OTHERS, *CUSTOM]))
    manifest: JsonObject = {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": "one", "namespace": "orders"},
    }
    if (api, kind) in WORKLOADS:
        _put(manifest, WORKLOADS[api, kind], 9)
    for number, path in enumerate(
        draw(st.lists(steps, min_size=1, max_size=3))
    ):
        # The schema rejects labels that are a list before placement.
        lists_labels = path[:3] == ["metadata", "labels", "0"]
        if not lists_labels and path != [*WORKLOADS.get((api, kind), "-")]:
            _put(manifest, path, number)
    return manifest


def _put(manifest: JsonObject, path: Any, number: int) -> None:
    holder: Any = manifest
    for step, following in zip(path, [*path[1:], ""], strict=False):
        new: Any = [{}] if following == "0" else {}
        if isinstance(holder, list):
            holder = holder[0]
        elif step == "0" or not isinstance(
            holder.setdefault(step, new), dict | list
        ):
            return
        else:
            holder = holder[step]
    if isinstance(holder, dict) and isinstance(
        spec := holder.setdefault("spec", {}), dict
    ):
        spec["containers"] = [{"name": f"c{number}"}]


def holders(
    value: Any, root: bool = True
) -> Iterator[tuple[str, bool, JsonObject]]:
    """Yields the owners of containers: their name, whether it is the object itself, and the
    mapping."""
    if isinstance(value, dict):
        spec = value.get("spec")
        if isinstance(spec, dict) and isinstance(spec.get("containers"), list):
            yield spec["containers"][0]["name"], root, value
        for item in value.values():
            yield from holders(item, False)
    elif isinstance(value, list):
        for item in value:
            yield from holders(item, False)


def is_held(holder: JsonObject) -> bool:
    metadata = holder.get("metadata", {})
    labels = metadata.get("labels", {}) if isinstance(metadata, dict) else {}
    return (
        PODS.items() <= labels.items()
        and holder["spec"].get("serviceAccountName") == "api"
    )


@given(objects(), lies)
def test_exactly_possible_pods_are_controlled(
    manifest: JsonObject, pod_spec_path: str
) -> None:
    app, whole = component("", ports=())
    whole = with_fields(
        whole,
        rendered=(rendered_object(manifest, pod_spec_path=pod_spec_path),),
    )
    placed = {
        part.manifest["kind"]: part.manifest
        for part in placed_objects(app, whole, SETTINGS).objects
    }
    found = list(holders(placed[manifest["kind"]]))
    kind = (manifest["apiVersion"], manifest["kind"])
    if kind in WORKLOADS:
        expected = {"c9"}
    else:
        expected = (
            {name for name, root, _ in found if not root}
            if kind in CUSTOM
            else set()
        )
    holder_names = {name for name, root, holder in found if is_held(holder)}
    event(f"{kind[1]} {len(expected)}")
    assert holder_names == expected
    assert expected <= {"c9"} or len(
        component_pods(whole.workload.rendered[0])
    ) >= len(expected)
    assert (
        bool(component_pods(whole.workload.rendered[0]))
        == ("NetworkPolicy" in placed)
        >= bool(expected)
    )


SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: es, namespace: orders}
spec: {selector: {app: es}, ports: [{port: 80}]}
"""
WAY = ingress(
    "{rules: [{http: {paths: [{path: /, backend: {service: {name: es, port: {number: 80}}}}]}}]}"
)
POD = (
    "{metadata: {labels: {app: es}}, spec: {containers: [{name: c, image: i}]}}"
)
FAKES = [
    f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: x, namespace: orders}}, data: {{x: {POD}}}}}",
    f"{{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {{name: x, namespace: orders}}, spec: {{values: {POD}}}}}",
    f"{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: x, namespace: orders}}, spec: {{x: {POD}}}}}",
    f"{DEPLOYMENT}status: {POD}\n",
    "{apiVersion: x.org/v1, kind: Any, metadata: {name: x, namespace: orders, labels: {app: es}}, spec: {containers: [{name: c}]}}",
]  # fmt: skip


@pytest.mark.parametrize("fake", FAKES)
def test_no_route_leads_to_mappings_like_pods(fake: str) -> None:
    """Another object may deploy pods with these labels."""
    stack = replace(STACK, allowed={"x.org/Any": "nothing"})
    found = compiled(
        application(
            "---\n".join(f"{document}\n" for document in (fake, SERVICE, WAY))
        ),
        stack=stack,
    )
    (message,) = [
        diagnostic.message
        for diagnostic in found.diagnostics
        if diagnostic.severity == "error" and diagnostic.code != "OAM103"
    ]
    assert message.startswith(
        "Ingress 'way': '/' leads to Service 'es', which selects no pods of 'api'"
    )


@pytest.mark.parametrize(
    "selector", ["{app: api}", "{app.oam.dev/component: api}"]
)
def test_a_service_with_a_route_selects_none_but_its_components_pods(
    selector: str,
) -> None:
    """A workload without replicas does not allow a route to other pods with its labels."""
    text = (
        DEPLOYMENT
        + "---"
        + SERVICE.replace("{app: es}", selector).replace(
            "name: es", "name: api"
        )
    )
    app, whole = component(text)
    (service,) = [
        placed.manifest
        for placed in placed_objects(app, whole, SETTINGS).objects
        if "service" in placed.name
    ]
    assert service["spec"]["selector"].items() >= PODS.items()


def test_nested_pods_are_controlled() -> None:
    """Even if only the first of two volumes with one name stays."""
    inner = {"spec": {"containers": [{"name": "inner"}]}}
    volumes = [{"name": "a"}, {"name": "a"}, {"name": "b", "template": inner}]
    spec = {
        "template": {
            "spec": {"containers": [{"name": "outer"}], "volumes": volumes}
        }
    }
    about = {"name": "one", "namespace": "orders"}
    manifest = {
        "apiVersion": "argoproj.io/v1",
        "kind": "Rollout",
        "metadata": about,
        "spec": spec,
    }
    app, whole = component("", ports=())
    placed = placed_objects(
        app, with_fields(whole, rendered=(rendered_object(manifest),)), SETTINGS
    )
    found = [
        holders(part.manifest)
        for part in placed.objects
        if part.manifest["kind"] == "Rollout"
    ]
    assert [(name, is_held(holder)) for name, _, holder in found[0]] == [
        ("outer", True),
        ("inner", True),
    ]
