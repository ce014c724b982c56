"""Which kinds of objects are deployed, and where: by a list of those that are understood. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import INGRESSES, JudgedComponent, Rules
from kong_oam.objects.controllers import RELEASE, namespaces_said
from kong_oam.objects.pods import WORKLOADS, mapping

_FLUX = {
    "helm": ("HelmRelease",),
    "image": ("ImagePolicy", "ImageRepository", "ImageUpdateAutomation"),
    "kustomize": ("Kustomization",),
    "source": (
        "Bucket",
        "GitRepository",
        "HelmChart",
        "HelmRepository",
        "OCIRepository",
    ),
}
_RBAC = "rbac.authorization.k8s.io"
ROLES = frozenset(
    {
        (_RBAC, kind)
        for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    }
)
_NO_ROLES = (
    "roles let pods read and change what is in the cluster; take it out, or have the stack say so: "
    "cluster.rbac"
)
_RELEASE_TYPE = "helmchart"
USUAL = (
    WORKLOADS
    | INGRESSES
    | {
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("", "Secret"),
        ("", "Service"),
        ("", "ServiceAccount"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("policy", "PodDisruptionBudget"),
        ("terraform.core.oam.dev", "Configuration"),
        *(
            (f"{group}.toolkit.fluxcd.io", kind)
            for group, kinds in _FLUX.items()
            for kind in kinds
        ),
    }
)
"""Group and kind of what every stack takes."""
_CLUSTER_SCOPED = frozenset(
    {
        ("", "Namespace"),
        ("", "PersistentVolume"),
        (_RBAC, "ClusterRole"),
        (_RBAC, "ClusterRoleBinding"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("networking.k8s.io", "IngressClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "StorageClass"),
    }
)

_API = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_KIND = re.compile(r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?")

_A_WAY_IN = (
    "it would be a way in that knows no rule; the gateway trait and the access trait say "
    "who gets in"
)
WAYS_IN = frozenset(
    {
        "ApisixRoute",
        "DomainMapping",
        "GRPCRoute",
        "Gateway",
        "GatewayRoute",
        "HTTPProxy",
        "HTTPRoute",
        "Ingress",
        "IngressRoute",
        "IngressRouteTCP",
        "IngressRouteUDP",
        "MultiClusterIngress",
        "MultiClusterService",
        "Route",
        "RouteGroup",
        "ServiceAttachment",
        "ServiceExport",
        "TCPRoute",
        "TLSRoute",
        "TargetGroupBinding",
        "TransportServer",
        "UDPRoute",
        "VirtualServer",
        "VirtualServerRoute",
        "VirtualService",
    }
)
GROUPS_OF_WAYS_IN = (
    "apisix.apache.org",
    "cfargotunnel.com",
    "gateway.networking.k8s.io",
    "gateway.networking.x-k8s.io",
    "gateway.solo.io",
    "getambassador.io",
    "haproxy.org",
    "inlets.dev",
    "k8s.nginx.org",
    "konghq.com",
    "ngrok.com",
    "projectcontour.io",
    "route.openshift.io",
    "skupper.io",
    "tailscale.com",
    "traefik.containo.us",
    "traefik.io",
)
"""Products that are ways in and nothing else, or that one can be made of with each of their kinds,
or by a label or an annotation of theirs."""
_LED_ELSEWHERE = frozenset({"EndpointSlice", "Endpoints"})
_ELSEWHERE = (
    "it would have a Service lead to whatever addresses it says, whoever has these and "
    "whoever reaches the Service"
)
_REQUESTS = frozenset(
    {
        ("cert-manager.io", "CertificateRequest"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
    }
)
_ENCODED = "the names that it asks for are encoded, and nobody here reads them; ask with a Certificate"
_A_HOLE = (
    "network policies add up, so one more can only let more in; the gateway alone reaches a "
    "component's pods"
)
_GROUPS_OF_NETWORKS = (
    "antrea.io",
    "cilium.io",
    "k8s.cni.cncf.io",
    "k8s.ovn.org",
    "kubeovn.io",
    "networking.k8s.aws",
    "policy.networking.k8s.io",
    "projectcalico.org",
)

_SECRETS = (
    "writeConnectionSecretToRef",
    "gitCredentialsSecretReference",
    "terraformCredentialsSecretReference",
)
"""The fields by which a controller reads and writes Secrets for an object, in whatever namespace
they name."""

# The inputs of a release that the type `helmchart` has. Others run a program on the machine that
# deploys (`postrender`), or read its files (`valueYamlFiles`, `keyring`, `repositoryOpts.caFile`).
_RELEASE_FIELDS = frozenset(
    {
        "atomic",
        "chart",
        "cleanupOnFail",
        "createNamespace",
        "disableWebhooks",
        "forceUpdate",
        "maxHistory",
        "name",
        "namespace",
        "recreatePods",
        "repositoryOpts",
        "skipAwait",
        "skipCrds",
        "timeout",
        "values",
        "version",
    }
)


def kind_refused(
    component: JudgedComponent, one: RenderedObject, rules: Rules
) -> Iterator[Diagnostic]:
    """Yields what is wrong about the kind of an object, once: of one that is not understood nothing
    more is judged."""
    kind = one.group_kind
    if message := _kind_message(component, one, kind, rules):
        yield component.refused("ACC224", one, message)


def namespaces_refused(
    component: JudgedComponent, one: RenderedObject, rules: Rules, *, pods: bool
) -> Iterator[Diagnostic]:
    """Yields the namespaces other than its Application's that an object is in, or that it deploys
    to.

    `pods`: whether it has some that are seen. Their fence would be called there as those of other
    Applications are.
    """
    kind = one.group_kind
    for field, namespace in _namespaces(one, kind):
        if namespace == component.namespace and kind != ("", "Namespace"):
            continue
        if namespace == rules.gateway_namespace:
            message = (
                f"{field} '{namespace}' is the gateway's own, where whatever runs could pass for "
                "it; take it out"
            )
        elif pods:
            message = (
                f"{field} is '{namespace}', where no NetworkPolicy of this project holds its pods; "
                "take it out"
            )
        elif kind == ("", "Namespace") or f"{namespace}/Namespace" in rules.allowed:
            continue
        else:
            message = (
                f"{field} is '{namespace}', and its Application is in '{component.namespace}', "
                "where it is judged; take it out, or have the stack allow it: cluster.allow, "
                f"{namespace}/Namespace"
            )
        yield component.refused("ACC225", one, message)


def never_deployed(kind: tuple[str, str]) -> str:
    """Why objects of a kind are refused whatever a stack allows; empty where they are not."""
    return _never(kind, {})


def is_cluster_scoped(kind: tuple[str, str]) -> bool:
    """Whether objects of a kind are in no namespace, as far as that is known. KubeVela writes one
    on them all the same, which the API server takes off again."""
    return kind in _CLUSTER_SCOPED


def is_of_kubernetes(kind: tuple[str, str]) -> bool:
    """Whether a kind is one of Kubernetes' own, whose fields are known."""
    group = kind[0]
    return group != "apiextensions.k8s.io" and (
        "." not in group or group.endswith(".k8s.io")
    )


def _kind_message(
    component: JudgedComponent, one: RenderedObject, kind: tuple[str, str], rules: Rules
) -> str:
    group, name = kind
    if not name or not one.api:
        return "it has no apiVersion and kind, so nobody knows what it is; write both"
    if not (_API.fullmatch(one.api) and _KIND.fullmatch(name)):
        return (
            f"'{one.api}' and '{name}' are no apiVersion and kind, as apps/v1 and Deployment "
            "are; correct them"
        )
    if reason := _never(kind, one.object):
        return reason
    if one.nested and kind in INGRESSES:
        return f"{_A_WAY_IN}; take it out"
    if kind == RELEASE:
        return _release_message(component, one)
    full = f"{group}/{name}" if group else name
    if kind in ROLES:
        return "" if rules.rbac else _NO_ROLES
    if kind in USUAL or full in rules.allowed:
        return ""
    return (
        f"nobody here knows what objects of {full} open; take it out, or have the stack allow it, "
        f"with what it may open: cluster.allow, {full}"
    )


def _never(kind: tuple[str, str], found: Mapping[str, object]) -> str:
    """Why a kind is refused whatever the stack says; empty where it is not."""
    group, name = kind
    if name.endswith("List") and ("items" in found or kind == ("", "List")):
        return "a list hides what is in it; write its objects by themselves"
    if (name in WAYS_IN and kind not in INGRESSES) or _within(group, GROUPS_OF_WAYS_IN):
        return f"{_A_WAY_IN}; take it out"
    if name in _LED_ELSEWHERE:
        return f"{_ELSEWHERE}; take it out"
    if kind in _REQUESTS:
        return _ENCODED
    if name.endswith("NetworkPolicy") or _within(group, _GROUPS_OF_NETWORKS):
        return f"{_A_HOLE}; take it out"
    return ""


@lru_cache(1024)
def _within(group: str, groups: tuple[str, ...]) -> bool:
    return any(group == one or group.endswith(f".{one}") for one in groups)


def _release_message(component: JudgedComponent, one: RenderedObject) -> str:
    if component.type.partition("@")[0] != _RELEASE_TYPE or one.trait is not None:
        return f"a Helm release is made by the component type {_RELEASE_TYPE} alone; use that"
    spec = mapping(one.object.get("spec"))
    more = {*spec} - _RELEASE_FIELDS
    more |= {
        f"repositoryOpts.{field}"
        for field in mapping(spec.get("repositoryOpts"))
        if field != "repo"
    }
    if more:
        return (
            f"{min(more)} is no field of {_RELEASE_TYPE}, and could run programs where the "
            "stack runs; take it out"
        )
    return ""


def _namespaces(
    one: RenderedObject, kind: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    if kind == ("", "Namespace"):
        yield "the namespace", one.name
    elif not is_cluster_scoped(kind) and (one.namespace or kind in USUAL):
        yield "its namespace", one.namespace
    spec = mapping(one.object.get("spec"))
    fields = [("spec.targetNamespace", spec.get("targetNamespace"))]
    fields += [("spec.storageNamespace", spec.get("storageNamespace"))]
    if kind == RELEASE:
        fields += [("spec.namespace", spec.get("namespace"))]
    fields += [
        (f"spec.{name}.namespace", mapping(spec[name]).get("namespace"))
        for name in _SECRETS
        if name in spec
    ]
    fields += namespaces_said(one)
    yield from ((field, str(value)) for field, value in fields if value)
