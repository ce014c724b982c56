"""Texts for controllers in releases, repositories and modules."""

from __future__ import annotations

import base64
from time import process_time
from typing import Any

import pytest

from tests.support.json_object import JsonObject
from tests.support.judged_components import findings, judged_component

VICTIM = judged_component(
    key="shop/web",
    made=(("ServiceAccount", "web"), ("Secret", "web-client")),
    credentials=frozenset({"web-client"}),
)
KINDS = {
    "HelmRelease": "helm.toolkit.fluxcd.io/v2",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
    "Configuration": "terraform.core.oam.dev/v1beta2",
}
HCL = 'data "kubernetes_secret" "x" { metadata { name = "NAME" } }'
STATE = 'terraform { backend "kubernetes" { secret_suffix = "x", namespace = "NAME" } }'
PATCH = {
    "patch": "spec: {template: {spec: {hostNetwork: true}}}",
    "target": {"kind": "Deployment"},
}


def resource_of(kind: str, **spec: Any) -> JsonObject:
    return {
        "apiVersion": KINDS[kind],
        "kind": kind,
        "metadata": {"name": "x"},
        "spec": spec,
    }


def api(*objects: Any, **more: Any) -> Any:
    return judged_component(
        *objects,
        **{"key": "shop/api", "credentials": frozenset({"api-client"}), **more},
    )


TEXTS = [
    (
        "HelmRelease",
        {"values": {"extra": "- secretRef:\n    name: NAME\n"}},
        "spec.values.extra",
    ),
    (
        "HelmRelease",
        {"values": {"deep": ['{{ lookup "v1" "Secret" "shop" "NAME" }}']}},
        "spec.values.deep[0]",
    ),
    (
        "Kustomization",
        {"postBuild": {"substitute": {"from": "NAME."}}},
        "spec.postBuild.substitute.from",
    ),
    (
        "HelmRelease",
        {"values": {"secrets": {"NAME": {"mountPath": "/x"}}}},
        "spec.values.secrets.NAME",
    ),
    ("Configuration", {"hcl": HCL}, "spec.hcl"),
    (
        "Configuration",
        {"variable": {"secret": {"of": "shop/NAME"}}},
        "spec.variable.secret.of",
    ),
]


@pytest.mark.parametrize(("kind", "spec", "path"), TEXTS)
def test_a_credential_is_named_in_no_text(
    kind: str, spec: Any, path: str
) -> None:
    resource = {**resource_of(kind), "spec": _named(spec, "web-client")}
    assert findings(VICTIM, api(resource)) == [
        f"ACC217 {kind} 'x' of 'shop/api': {path.replace('NAME', 'web-client')} 'web-client' is the credential of 'shop/web'; use a client trait of this component"
    ]
    for name in ("api-client", "web-client-2", "my-web-client", "web"):
        assert (
            findings(
                VICTIM, api({**resource_of(kind), "spec": _named(spec, name)})
            )
            == []
        )


@pytest.mark.parametrize("data", [{"data": "NAME"}, {"binaryData": "NAME"}])
@pytest.mark.parametrize(("kind", "path"), [("HelmRelease", "valuesFrom[0]"), ("Kustomization", "postBuild.substituteFrom[0]")])  # fmt: skip
def test_a_credential_is_named_in_no_value_source(
    kind: str, path: str, data: dict[str, str]
) -> None:
    """In any component's ConfigMap."""
    read = [{"kind": "ConfigMap", "name": "values"}]
    resource = (
        resource_of(kind, valuesFrom=read)
        if kind == "HelmRelease"
        else resource_of(kind, postBuild={"substituteFrom": read})
    )
    text = "secretName: web-client"
    content = (
        text if "data" in data else base64.b64encode(text.encode()).decode()
    )
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "values"},
        next(iter(data)): {"x": content},
    }
    for components in (
        (VICTIM, api(resource, config)),
        (VICTIM, api(resource), judged_component(config, key="shop/helper")),
    ):
        assert findings(*components) == [
            f"ACC217 {kind} 'x' of 'shop/api': spec.{path}.name 'values' contains 'web-client', the credential of 'shop/web'; use a client trait of this component"
        ]
    assert findings(VICTIM, api(config)) == []


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_credential_is_named_in_no_source_secret(field: str) -> None:
    text = "secretName: web-client"
    content = (
        text
        if field == "stringData"
        else base64.b64encode(text.encode()).decode()
    )
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "values"},
        field: {"x": content, "y": "!"},
    }
    (message,) = findings(
        VICTIM,
        api(
            resource_of(
                "HelmRelease", valuesFrom=[{"kind": "Secret", "name": "values"}]
            ),
            secret,
        ),
    )
    assert "spec.valuesFrom[0].name 'values' contains 'web-client'" in message


def test_a_text_takes_no_longer_than_it_is_long() -> None:
    resource = resource_of(
        "HelmRelease", values=["serviceAccount:" + " " * 200_000 + "!"]
    )
    begun = process_time()
    assert findings(VICTIM, api(resource)) == []
    assert process_time() - begun < 5


PATCHES = [
    (
        "HelmRelease",
        {"postRenderers": [{"kustomize": {"patches": [PATCH]}}]},
        "spec.postRenderers[0].kustomize.patches",
    ),
    ("Kustomization", {"patches": [PATCH]}, "spec.patches"),
    (
        "Kustomization",
        {"patchesStrategicMerge": [{"kind": "Deployment"}]},
        "spec.patchesStrategicMerge",
    ),
    (
        "Kustomization",
        {"patchesJson6902": [{"patch": []}]},
        "spec.patchesJson6902",
    ),
]


@pytest.mark.parametrize(("kind", "spec", "path"), PATCHES)
def test_patches_of_unseen_objects_are_rejected(
    kind: str, spec: Any, path: str
) -> None:
    (message,) = findings(api({**resource_of(kind), "spec": spec}))
    assert message.startswith(
        f"ACC226 {kind} 'x' of 'shop/api': {path} changes pods and Services"
    )


def test_images_and_values_may_be_changed() -> None:
    images = [{"name": "i", "newTag": "2"}]
    assert (
        findings(
            api(
                resource_of(
                    "HelmRelease",
                    postRenderers=[{"kustomize": {"images": images}}],
                    values={"patches": ["x"]},
                )
            )
        )
        == []
    )
    assert (
        findings(
            api(
                resource_of(
                    "Kustomization", images=images, patches=[], namePrefix="a-"
                )
            )
        )
        == []
    )


def test_metadata_of_a_repositorys_objects_is_checked() -> None:
    resource = resource_of(
        "Kustomization",
        commonMetadata={
            "annotations": {"konghq.com/plugins": "x"},
            "labels": {"team": "a"},
        },
    )
    (message,) = findings(api(resource))
    assert message.startswith(
        "ACC228 Kustomization 'x' of 'shop/api': 'konghq.com/plugins' in spec.commonMetadata.annotations"
    )


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (
            {"backend": {"kubernetes": {"namespace": "NAME"}}},
            "spec.backend.kubernetes.namespace",
        ),
        (
            {"backend": {"inline": STATE.replace("kubernetes", "k8s")}},
            "a namespace in spec.backend.inline",
        ),
        (
            {
                "hcl": 'resource "kubernetes_pod" "x" { metadata { namespace = "NAME" } }'
            },
            "a namespace in spec.hcl",
        ),
        (
            {"JSON": '{"kubernetes_secret": {"namespace": "NAME"}}'},
            "a namespace in spec.JSON",
        ),
    ],
)
def test_a_module_names_no_other_namespace(spec: Any, field: str) -> None:
    resource = {**resource_of("Configuration"), "spec": _named(spec, "kong")}
    (message,) = findings(api(resource))
    assert message.startswith(
        f"ACC225 Configuration 'x' of 'shop/api': {field} is 'kong', but its Application is in"
    )
    assert findings(api(resource), allowed={"kong/Namespace": "state"}) == []
    (message,) = findings(
        api(resource),
        allowed={"kong/Namespace": "state"},
        gateway_namespace="kong",
    )
    assert "is the gateway's own" in message
    assert (
        findings(
            api({**resource_of("Configuration"), "spec": _named(spec, "shop")})
        )
        == []
    )


def test_a_module_whose_spec_is_a_text_is_refused() -> None:
    """Its content is read like any other text."""
    mapping = "OAM103 Configuration 'x' of 'shop/api': spec must be a mapping"
    assert findings(
        api({**resource_of("Configuration"), "spec": "x kubernetes"})
    ) == [mapping]
    named, also = findings(
        api(
            {
                **resource_of("Configuration"),
                "spec": 'kubernetes { namespace = "kong" }',
            }
        )
    )
    assert (
        named.startswith(
            "ACC225 Configuration 'x' of 'shop/api': a namespace in spec is 'kong'"
        )
        and also == mapping
    )


def test_namespaces_of_other_fields_do_not_count() -> None:
    assert (
        findings(
            api(
                resource_of(
                    "Configuration",
                    hcl='resource "alicloud_cms_alarm" "x" { namespace = "acs_ecs" }',
                )
            )
        )
        == []
    )


def _named(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace("NAME", name)
    if isinstance(value, list):
        return [_named(item, name) for item in value]
    return (
        {
            key.replace("NAME", name): _named(item, name)
            for key, item in value.items()
        }
        if isinstance(value, dict)
        else value
    )
