"""Known kinds of objects: allowed everywhere, never allowed, and kinds from which controllers
create objects."""

from __future__ import annotations

from functools import lru_cache

from kong_oam.oam.position import Fields, Names
from kong_oam.oam.rendered import WORKLOADS, GroupKind, RenderedObject

# The kinds that become routes and are never deployed.
INGRESSES = frozenset(
    {("networking.k8s.io", "Ingress"), ("extensions", "Ingress")}
)

RELEASE = ("helm.sh", "Release")

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "Kustomization")

_HELM_RELEASE = ("helm.toolkit.fluxcd.io", "HelmRelease")

# The kinds that become a Helm release, through Pulumi or Flux.
RELEASES = frozenset({RELEASE, _HELM_RELEASE})

MODULE = ("terraform.core.oam.dev", "Configuration")

_CONTROLLED = frozenset({*RELEASES, KUSTOMIZATION, MODULE})


_RBAC = "rbac.authorization.k8s.io"

ROLES = frozenset(
    {
        (_RBAC, kind)
        for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    }
)

# Group and kind of the objects that every stack allows.
USUAL = (
    frozenset(WORKLOADS)
    | INGRESSES
    | {
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("", "Secret"),
        ("", "Service"),
        ("", "ServiceAccount"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("helm.toolkit.fluxcd.io", "HelmRelease"),
        ("image.toolkit.fluxcd.io", "ImagePolicy"),
        ("image.toolkit.fluxcd.io", "ImageRepository"),
        ("image.toolkit.fluxcd.io", "ImageUpdateAutomation"),
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
        ("policy", "PodDisruptionBudget"),
        ("source.toolkit.fluxcd.io", "Bucket"),
        ("source.toolkit.fluxcd.io", "GitRepository"),
        ("source.toolkit.fluxcd.io", "HelmChart"),
        ("source.toolkit.fluxcd.io", "HelmRepository"),
        ("source.toolkit.fluxcd.io", "OCIRepository"),
        ("terraform.core.oam.dev", "Configuration"),
    }
)

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

BYPASS = (
    "it would open a path past the gateway; use the gateway trait and the "
    "access trait"
)

# Kinds without capitals.
BYPASS_KINDS = frozenset(
    {
        "apisixroute",
        "domainmapping",
        "grpcroute",
        "gateway",
        "gatewayroute",
        "httpproxy",
        "httproute",
        "ingress",
        "ingressroute",
        "ingressroutetcp",
        "ingressrouteudp",
        "multiclusteringress",
        "multiclusterservice",
        "route",
        "routegroup",
        "serviceattachment",
        "serviceexport",
        "tcproute",
        "tlsroute",
        "targetgroupbinding",
        "transportserver",
        "udproute",
        "virtualserver",
        "virtualserverroute",
        "virtualservice",
    }
)

# Products that open paths into the cluster, with any of their kinds, labels or annotations.
BYPASS_GROUPS = (
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

# Without capitals.
ADDRESS_KINDS = frozenset({"endpointslice", "endpoints"})

_ANY_ADDRESS = "it would let a Service send its calls to any address"

# Kinds without capitals, with their groups.
_REQUESTS = frozenset(
    {
        ("cert-manager.io", "certificaterequest"),
        ("certificates.k8s.io", "certificatesigningrequest"),
    }
)

_ENCODED_NAMES = (
    "it hides the requested names in an encoding; use a Certificate"
)

_POLICY_HOLE = (
    "network policies add up, so another policy could only allow more; only "
    "the gateway may reach a component's pods"
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


def never_deployed(kind: GroupKind) -> str:
    """Return why objects of a kind are never deployed; empty if they can be."""
    return why_never(kind, {})


def is_cluster_scoped(kind: GroupKind) -> bool:
    """Tell whether objects of a kind have no namespace, as far as known. KubeVela writes a
    namespace anyway, and the API server drops it."""
    return kind in _CLUSTER_SCOPED


def is_of_kubernetes(kind: GroupKind) -> bool:
    """Tell whether Kubernetes defines a kind, so that its fields are known."""
    group = kind[0]
    return group != "apiextensions.k8s.io" and (
        "." not in group or group.endswith(".k8s.io")
    )


def is_custom(group: str) -> bool:
    """Tell whether an API group is not from Kubernetes. Kubernetes' groups have no dot, or end in
    its domains."""
    return "." in group and group.partition(".")[2] not in (
        "k8s.io",
        "authorization.k8s.io",
        "apiserver.k8s.io",
    )


def why_never(kind: GroupKind, found: Fields) -> str:
    """Return why an object of a kind is never deployed; empty if it can be.

    Capitals do not matter: the kinds of some products are lower-case.
    """
    group, name = kind
    folded = name.casefold()
    if name.endswith("List") and ("items" in found or kind == ("", "List")):
        return (
            "a list hides its objects from the checks; write each object by "
            "itself"
        )
    if (folded in BYPASS_KINDS and kind not in INGRESSES) or _within(
        group, BYPASS_GROUPS
    ):
        return f"{BYPASS}; remove it"
    if folded in ADDRESS_KINDS:
        return f"{_ANY_ADDRESS}; remove it"
    if (group, folded) in _REQUESTS:
        return _ENCODED_NAMES
    if folded.endswith("networkpolicy") or _within(group, _GROUPS_OF_NETWORKS):
        return f"{_POLICY_HOLE}; remove it"
    return ""


@lru_cache(1024)
def _within(group: str, groups: Names) -> bool:
    return f".{group}".endswith(tuple(f".{parent}" for parent in groups))


def is_controlled(rendered: RenderedObject) -> bool:
    """Tell whether Flux, Terraform or Helm creates other objects from it."""
    return rendered.group_kind in _CONTROLLED


def is_unknown_kind(rendered: RenderedObject) -> bool:
    """Tell whether an object's kind is unknown, so that its fields may mean anything."""
    kind = rendered.group_kind
    return kind not in USUAL and kind not in ROLES and kind != RELEASE


def may_name_objects(rendered: RenderedObject) -> bool:
    """Tell whether any text in an object may name another object: in unknown kinds, and in values
    of charts, repositories and modules."""
    return is_unknown_kind(rendered) or is_controlled(rendered)
