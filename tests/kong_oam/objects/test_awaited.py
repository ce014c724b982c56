"""Values that only the cluster knows are allowed only where no check reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.oam.rendered import Awaited
from kong_oam.objects.component import JudgedComponent
from tests.support.judged_components import findings, judged_component

VALUE = "awaited-value-0123456789abcdef"
GIVEN = Awaited(
    VALUE, "giver", "v1", "Service", "shop", "giver", ("spec", "clusterIP")
)
OBJECT = "{{apiVersion: {}, kind: {}, metadata: {{name: a{}}}{}}}"
POD = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {%s: [{name: c, image: i, %s}]}}"
TERRAFORM = "terraform.core.oam.dev/v1beta2"


def awaiting(component: JudgedComponent) -> JudgedComponent:
    """The component with the value in its objects."""
    return replace(
        component,
        objects=tuple(
            replace(manifest, awaited=(GIVEN,))
            for manifest in component.objects
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        *(
            POD % (kind, f"env: [{{name: A, value: 'http://{VALUE}:80'}}]")
            for kind in (
                "containers",
                "containers: [{name: d}], initContainers",
            )
        ),
        POD
        % ("containers", f"args: [--at, '{VALUE}'], command: [run, {VALUE}]"),
        OBJECT.format("v1", "ConfigMap", "", f", data: {{A: 'x {VALUE}'}}"),
        OBJECT.format(
            TERRAFORM,
            "Configuration",
            "",
            f", spec: {{variable: {{a: {VALUE}}}}}",
        ),
    ],
)
def test_programs_may_be_told_what_only_the_cluster_knows(text: str) -> None:
    """No value can add objects or callers."""
    assert findings(awaiting(judged_component(text))) == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (OBJECT.format("v1", "ConfigMap", VALUE, ""), "metadata.name"),
        (OBJECT.format("v1", "ConfigMap", f", annotations: {{a: {VALUE}}}", ""), "metadata.annotations.a"),
        (OBJECT.format("v1", "ConfigMap", f", labels: {{a: {VALUE}}}", ""), "metadata.labels.a"),
        (OBJECT.format("v1", "ConfigMap", "", f", data: {{{VALUE}: x}}"), f"data.{VALUE}"),
        (OBJECT.format("v1", "ConfigMap", "", f", data: {{secretName: {VALUE}}}"), "data.secretName"),
        (OBJECT.format("v1", "ConfigMap", "", f", binaryData: {{a: {VALUE}}}"), "binaryData.a"),
        (OBJECT.format("v1", "Secret", "", f", stringData: {{a: {VALUE}}}"), "stringData.a"),
        (OBJECT.format("v1", "Service", "", f", spec: {{selector: {{app: {VALUE}}}, ports: [{{port: 80}}]}}"), "spec.selector.app"),
        (OBJECT.format("networking.k8s.io/v1", "Ingress", "", f", spec: {{rules: [{{host: {VALUE}}}]}}"), "spec.rules[0].host"),
        (OBJECT.format("helm.toolkit.fluxcd.io/v2beta1", "HelmRelease", "", f", spec: {{values: {{a: {VALUE}}}}}"), "spec.values.a"),
        (OBJECT.format(TERRAFORM, "Configuration", "", f", spec: {{hcl: {VALUE}}}"), "spec.hcl"),
        (OBJECT.format(TERRAFORM, "Configuration", "", f", spec: {{variable: {{dbSecret: {VALUE}}}}}"), "spec.variable.dbSecret"),
        (POD % ("containers", f"env: [{{name: {VALUE}}}]"), "spec.containers[0].env[0].name"),
        (POD % ("containers", f"env: [{{name: A, valueFrom: {{secretKeyRef: {{name: {VALUE}, key: k}}}}}}]"), "spec.containers[0].env[0].valueFrom.secretKeyRef.name"),
        (POD % ("containers", f"workingDir: {VALUE}"), "spec.containers[0].workingDir"),
        (POD.replace("image: i", f"image: {VALUE}") % ("containers", "args: []"), "spec.containers[0].image"),
        (POD.replace("spec: {", f"spec: {{serviceAccountName: {VALUE}, ") % ("containers", "args: []"), "spec.serviceAccountName"),
    ],
)  # fmt: skip
def test_what_decides_something_is_known_before(text: str, path: str) -> None:
    """A name, a label, a host, an image: the checked value is the deployed value."""
    (message,) = [
        found
        for found in findings(awaiting(judged_component(text)))
        if found.startswith("OAM108")
    ]
    assert (
        f"of 'shop/web': {path} takes a value of another component" in message
    )


def test_pods_of_any_kind_are_looked_into() -> None:
    """At the path in the definition."""
    manifest = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "t"},
    }
    pods = {"containers": [{"name": "c", "image": "i", "args": [VALUE]}]}
    component = judged_component(
        {**manifest, "spec": {"pods": {"spec": pods}, "note": "n"}},
        pod_spec_path="spec.pods.spec",
    )
    assert (
        findings(awaiting(component), allowed={"example.com/Thing": "nothing"})
        == []
    )
    unread = judged_component({**manifest, "spec": {"pods": {"spec": pods}}})
    (message,) = findings(
        awaiting(unread), allowed={"example.com/Thing": "nothing"}
    )
    assert "spec.pods.spec.containers[0].args[0] takes" in message
