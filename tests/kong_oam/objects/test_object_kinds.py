"""The allowed kinds of objects and their namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.oam.rendered import WORKLOADS
from tests.support.exposing_kinds import EXPOSING_KINDS
from tests.support.json_object import JsonObject
from tests.support.judged_components import (
    POD,
    findings,
    judged_component,
    merged,
)

USUAL = [
    "apps/v1 Deployment", "apps/v1 StatefulSet", "apps/v1 DaemonSet", "apps/v1 ReplicaSet", "v1 ReplicationController",
    "batch/v1 Job", "batch/v1 CronJob", "batch/v1beta1 CronJob", "v1 Pod", "v1 ConfigMap", "v1 Secret", "v1 ServiceAccount",
    "v1 PersistentVolumeClaim", "autoscaling/v2 HorizontalPodAutoscaler", "policy/v1 PodDisruptionBudget",
    "networking.k8s.io/v1 Ingress", "networking.k8s.io/v1beta1 Ingress", "extensions/v1beta1 Ingress", "helm.toolkit.fluxcd.io/v2beta1 HelmRelease",
    "source.toolkit.fluxcd.io/v1 GitRepository", "source.toolkit.fluxcd.io/v1beta2 HelmRepository",
    "source.toolkit.fluxcd.io/v1beta2 Bucket", "kustomize.toolkit.fluxcd.io/v1 Kustomization",
    "image.toolkit.fluxcd.io/v1beta1 ImagePolicy", "terraform.core.oam.dev/v1beta2 Configuration",
]  # fmt: skip
BY_THE_STACK = [
    ("apps.kruise.io/v1alpha1 CloneSet", "apps.kruise.io/CloneSet"),
    ("v1 PersistentVolume", "PersistentVolume"),
    ("v1 Namespace", "Namespace"),
    ("serving.knative.dev/v1 Service", "serving.knative.dev/Service"),
    (
        "apiextensions.k8s.io/v1 CustomResourceDefinition",
        "apiextensions.k8s.io/CustomResourceDefinition",
    ),
    (
        "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/MutatingWebhookConfiguration",
    ),
    (
        "external-secrets.io/v1 ExternalSecret",
        "external-secrets.io/ExternalSecret",
    ),
    ("v1 PodTemplate", "PodTemplate"),
    ("extensions/v1beta1 Deployment", "extensions/Deployment"),
    ("v1 pod", "pod"),
    ("apps.example.org/v1 Deployment", "apps.example.org/Deployment"),
]
NEVER = [
    *EXPOSING_KINDS, "gateway-operator.konghq.com/v1 DataPlane", "any.example.org/v1 Ingress", "any.example.org/v1 HTTPRoute",
    "networking.k8s.io/v1 NetworkPolicy", "extensions/v1beta1 NetworkPolicy", "cilium.io/v2 CiliumNetworkPolicy",
    "cilium.io/v2 CiliumLocalRedirectPolicy", "projectcalico.org/v3 GlobalNetworkSet", "crd.projectcalico.org/v1 IPPool",
    "crd.antrea.io/v1beta1 Tier", "policy.networking.k8s.io/v1 Any", "networking.k8s.aws/v1 PolicyEndpoint",
    "k8s.cni.cncf.io/v1 NetworkAttachmentDefinition", "k8s.ovn.org/v1 UserDefinedNetwork", "kubeovn.io/v1 Subnet",
    "new.example.org/v1 FooNetworkPolicy", "v1 List", "any.example.org/v1 EndpointSlice",
    "cert-manager.io/v1 CertificateRequest", "certificates.k8s.io/v1 CertificateSigningRequest",
]  # fmt: skip


def of_kind(text: str, **more: Any) -> JsonObject:
    api, _, kind = text.partition(" ")
    pods: JsonObject = {"spec": {"containers": [{"name": "c"}]}}
    found = {"apiVersion": api, "kind": kind, "metadata": {"name": "x", **more}}
    if (api.rpartition("/")[0], kind) in WORKLOADS:
        spec = {"template": pods, "jobTemplate": {"spec": {"template": pods}}}
        found |= pods if kind == "Pod" else {"spec": spec}
    return found


@pytest.mark.parametrize("kind", USUAL)
def test_the_usual_kinds_are_deployed(kind: str) -> None:
    assert findings(judged_component(of_kind(kind))) == []


@pytest.mark.parametrize(("kind", "name"), BY_THE_STACK)
def test_any_other_kind_is_deployed_where_the_stack_names_it(
    kind: str, name: str
) -> None:
    """By exact group and kind: another group or spelling does not match."""
    (message,) = findings(
        judged_component(of_kind(kind)),
        allowed={"Other": "x", f"other/{name}": "x", f"{name}s": "x"},
    )
    assert message.startswith("ACC224 ")
    assert message.endswith(f"cluster.allow, {name}")
    assert (
        findings(
            judged_component(of_kind(kind)), allowed={name: "what it opens"}
        )
        == []
    )


@pytest.mark.parametrize("kind", NEVER)
def test_ways_in_and_network_policies_are_never_deployed(kind: str) -> None:
    """Even if the stack allows them."""
    api, _, name = kind.partition(" ")
    group = api.rpartition("/")[0]
    (message,) = findings(
        judged_component(of_kind(kind)),
        allowed={f"{group}/{name}" if group else name: "x"},
        rbac=True,
    )
    assert message.startswith("ACC224 ")
    assert "cluster.allow" not in message


def test_a_list_is_refused_whatever_is_in_it() -> None:
    inside = merged(POD, "spec: {hostNetwork: true}")
    many = {
        "apiVersion": "apps/v1",
        "kind": "DeploymentList",
        "metadata": {"name": "x"},
        "items": [inside],
    }
    for listing in (many, {**many, "kind": "List", "apiVersion": "v1"}):
        assert findings(
            judged_component(listing),
            allowed={"apps/DeploymentList": "x", "List": "x"},
        ) == [
            f"ACC224 {listing['kind']} 'x' of 'shop/web': a list hides its objects from the checks; write each object by itself"
        ]


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"kind": "Pod"},
        {"apiVersion": "v1"},
        {"apiVersion": "v1", "kind": ""},
    ],
)
def test_what_has_no_kind_is_refused(manifest: JsonObject) -> None:
    assert [
        message[:6] for message in findings(judged_component(manifest))
    ] == ["ACC224"]


@pytest.mark.parametrize(
    "kind", ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"]
)
def test_roles_are_deployed_where_the_stack_says_so(kind: str) -> None:
    role = of_kind(f"rbac.authorization.k8s.io/v1 {kind}")
    (message,) = findings(
        judged_component(role),
        allowed={f"rbac.authorization.k8s.io/{kind}": "x"},
    )
    assert message.startswith("ACC224 ")
    assert message.endswith("cluster.rbac")
    assert findings(judged_component(role), rbac=True) == []


RELEASE = {
    **of_kind("helm.sh/v3 Release"),
    "spec": {
        "name": "x",
        "chart": "podinfo",
        "repositoryOpts": {"repo": "https://r"},
    },
}


def test_a_release_is_made_by_its_component_type_alone() -> None:
    assert findings(judged_component(RELEASE, type="helmchart")) == []
    assert findings(judged_component(RELEASE, type="helmchart@v1")) == []
    for kind in ("k8s-objects", "raw", "helmchart2"):
        (message,) = findings(
            judged_component(RELEASE, type=kind),
            allowed={"helm.sh/Release": "x"},
        )
        assert message.startswith("ACC224 ")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"postrender": "./anything"}, "postrender"),
        ({"valueYamlFiles": ["x"]}, "valueYamlFiles"),
        ({"repositoryOpts": {"caFile": "/etc/x"}}, "repositoryOpts.caFile"),
        ({"repository_opts": {}}, "repository_opts"),
    ],
)
def test_no_patch_gives_a_release_what_its_type_does_not(
    spec: JsonObject, field: str
) -> None:
    (message,) = findings(
        judged_component(
            {**RELEASE, "spec": {**RELEASE["spec"], **spec}}, type="helmchart"
        )
    )
    assert message.startswith(
        f"ACC224 Release 'x' of 'shop/web': {field} is no field of helmchart"
    )


ELSEWHERE = [
    ({**of_kind("v1 ConfigMap", namespace="other")}, "its namespace"),
    ({**of_kind("v1 ConfigMap", namespace="")}, "its namespace"),
    (
        {
            **of_kind("helm.toolkit.fluxcd.io/v2 HelmRelease"),
            "spec": {"targetNamespace": "other"},
        },
        "spec.targetNamespace",
    ),
    (
        {
            **of_kind("kustomize.toolkit.fluxcd.io/v1 Kustomization"),
            "spec": {"targetNamespace": "other"},
        },
        "spec.targetNamespace",
    ),
    (
        {
            **of_kind("terraform.core.oam.dev/v1 Configuration"),
            "spec": {
                "writeConnectionSecretToRef": {
                    "name": "s",
                    "namespace": "other",
                }
            },
        },
        "spec.writeConnectionSecretToRef.namespace",
    ),
]


@pytest.mark.parametrize(("manifest", "field"), ELSEWHERE)
def test_another_namespace_is_for_the_stack_to_allow(
    manifest: JsonObject, field: str
) -> None:
    namespace = "" if manifest["metadata"].get("namespace") == "" else "other"
    (message,) = findings(judged_component(manifest))
    assert message.startswith(
        f"ACC225 {manifest['kind']} 'x' of 'shop/web': {field} is '{namespace}'"
    )
    if namespace:
        assert (
            findings(
                judged_component(manifest), allowed={"other/Namespace": "x"}
            )
            == []
        )
    (message,) = findings(
        judged_component(manifest),
        gateway_namespace=namespace,
        allowed={"other/Namespace": "x"},
    )
    assert "the gateway's own" in message


def test_pods_are_in_their_applications_namespace_whatever_the_stack_says() -> (
    None
):
    """Their NetworkPolicy would be in another namespace."""
    pod = merged(POD, "metadata: {namespace: other}")
    (message,) = findings(
        judged_component(pod), allowed={"other/Namespace": "x"}
    )
    assert message.startswith(
        "ACC225 Pod 'p' of 'shop/web': its namespace is 'other', where no NetworkPolicy"
    )


@pytest.mark.parametrize(
    ("api", "kind"),
    [("v1 ", "ConfigMap"), ("/v1", "ConfigMap"), ("apps/", "Deployment"), ("apps/v1/v1", "Deployment"), ("Apps/v1", "Deployment"), ("v1", "Config Map"), ("v1", "a:b"), ("v1\n", "ConfigMap")],
)  # fmt: skip
def test_invalid_kinds_are_rejected_before_a_run(api: str, kind: str) -> None:
    """Even if the stack allows it: the engine might find a kind with a blank during a run."""
    group = api.rpartition("/")[0]
    manifest = {**of_kind("v1 ConfigMap"), "apiVersion": api, "kind": kind}
    (message,) = findings(
        judged_component(manifest),
        allowed={f"{group}/{kind}".removeprefix("/"): "x"},
    )
    assert message.startswith(
        f"ACC224 {kind} 'x' of 'shop/web': '{api}' and '{kind}' are no valid apiVersion and kind"
    )


def test_pods_of_allowed_kinds_are_in_their_applications_namespace() -> None:
    """NetworkPolicies of two Applications' components would have one name there."""
    allowed = {"other/Namespace": "x", "x.org/Any": "x"}
    manifest = {
        **of_kind("x.org/v1 Any", namespace="other"),
        "spec": {"template": {"spec": {"containers": [{"name": "c"}]}}},
    }
    (message,) = findings(judged_component(manifest), allowed=allowed)
    assert message.startswith(
        "ACC225 Any 'x' of 'shop/web': its namespace is 'other', where no NetworkPolicy"
    )
    assert (
        findings(judged_component({**manifest, "spec": {}}), allowed=allowed)
        == []
    )


def test_no_component_creates_the_gateways_namespace() -> None:
    manifest = of_kind("v1 Namespace")
    assert (
        findings(
            judged_component(manifest),
            allowed={"Namespace": "x"},
            gateway_namespace="kong",
        )
        == []
    )
    assert [
        message[:6]
        for message in findings(
            judged_component(manifest),
            allowed={"Namespace": "x"},
            gateway_namespace="x",
        )
    ] == ["ACC225"]


@pytest.mark.parametrize(
    "kind",
    [
        "v1 PersistentVolume",
        "apiextensions.k8s.io/v1 CustomResourceDefinition",
        "networking.k8s.io/v1 IngressClass",
        "rbac.authorization.k8s.io/v1 ClusterRole",
        "rbac.authorization.k8s.io/v1 ClusterRoleBinding",
        "scheduling.k8s.io/v1 PriorityClass",
        "storage.k8s.io/v1 StorageClass",
        "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration",
        "apiregistration.k8s.io/v1 APIService",
    ],
)
def test_cluster_scoped_objects_have_no_namespace(kind: str) -> None:
    """KubeVela writes the Application's namespace into it anyway. Another object of that name is
    the same object."""
    manifest = of_kind(kind, namespace="elsewhere")
    api, _, name = kind.partition(" ")
    allowed = {f"{api.rpartition('/')[0]}/{name}".removeprefix("/"): "x"}
    assert (
        findings(judged_component(manifest), allowed=allowed, rbac=True) == []
    )
    (message,) = findings(
        judged_component(of_kind(kind)),
        judged_component(of_kind(kind), key="other/api", namespace="other"),
        allowed=allowed,
        rbac=True,
    )
    assert message.startswith(
        f"OAM107 {name} 'x' would also be created for 'shop/web' ("
    )


def test_a_kind_may_be_called_a_list() -> None:
    assert (
        findings(
            judged_component(of_kind("x.org/v1 AllowList")),
            allowed={"x.org/AllowList": "x"},
        )
        == []
    )


def test_a_release_deploys_where_it_stands() -> None:
    release = {**RELEASE, "spec": {**RELEASE["spec"], "namespace": "other"}}
    (message,) = findings(judged_component(release, type="helmchart"))
    assert message.startswith(
        "ACC225 Release 'x' of 'shop/web': spec.namespace is 'other'"
    )
    manifest = of_kind("apps/v1 Deployment")
    assert (
        findings(
            judged_component(
                {**manifest, "spec": {**manifest["spec"], "namespace": "other"}}
            )
        )
        == []
    )


@pytest.mark.parametrize(
    "field",
    ["gitCredentialsSecretReference", "terraformCredentialsSecretReference"],
)
def test_a_controller_reads_no_secret_elsewhere(field: str) -> None:
    """The author of its modules' code could print it."""
    kind = of_kind("terraform.core.oam.dev/v1beta2 Configuration")
    (message,) = findings(
        judged_component(
            {**kind, "spec": {field: {"name": "s", "namespace": "other"}}}
        )
    )
    assert message.startswith(
        f"ACC225 Configuration 'x' of 'shop/web': spec.{field}.namespace is 'other'"
    )
    assert (
        findings(
            judged_component(
                {**kind, "spec": {field: {"name": "s", "namespace": "shop"}}}
            )
        )
        == []
    )
