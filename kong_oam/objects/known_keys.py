"""Keys of labels and annotations: harmless keys, and keys that are always rejected. Pure.

Controllers that read a key with a domain may inject containers, copy Secrets or open ports. So keys
with a domain are rejected unless this list or the stack declares them harmless. Keys without a
domain are free, except a few that controllers read.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from kong_oam.objects.known_kinds import BYPASS_GROUPS

# Keys, and domains with their subdomains.
_HARMLESS = frozenset(
    {
        "app.kubernetes.io",
        "cluster-autoscaler.kubernetes.io/safe-to-evict",
        "container.apparmor.security.beta.kubernetes.io",  # values of pods have their own check
        "controller.kubernetes.io/pod-deletion-cost",
        "deployment.kubernetes.io/revision",
        "helm.sh",
        "kubectl.kubernetes.io",
        "kubernetes.io/change-cause",
        "kubernetes.io/description",
        "kubernetes.io/egress-bandwidth",
        "kubernetes.io/ingress-bandwidth",
        "kubernetes.io/service-account.name",  # on Secrets with a token, whose type is rejected
        "oam.dev",
        "prometheus.io",
        "rbac.authorization.k8s.io",  # the rights of a ClusterRole are checked with its labels
        "seccomp.security.alpha.kubernetes.io/pod",
        "topology.kubernetes.io",
    }
)
# Keys without a domain that controllers read: they give identities, open ports or inject
# containers.
_READ_BY_CONTROLLERS = frozenset(
    {"aadpodidbinding", "expose", "istio-injection"}
)
_BYPASS = "another product would bypass the gateway with it"
_NEVER = {
    **dict.fromkeys(BYPASS_GROUPS, _BYPASS),
    "kong-oam.dev": "it is reserved for Kong-OAM",
    "konghq.com": (
        "Kong's own controller would change the gateway with it, past all rules"
    ),
    "pulumi.com": (
        "the engine would deploy the object differently, without waiting for it"
    ),
}


@lru_cache(maxsize=1024)
def why_key_never(key: str) -> str:
    """Return why a key or domain is always rejected; empty if it is not."""
    domain = key.lower().partition("/")[0]
    for parent, why in _NEVER.items():
        if _is_within(domain, parent):
            return why
    return ""


def is_harmless_key(key: str, listed: Collection[str]) -> bool:
    """Tell whether a key is harmless. `listed`: keys, and domains with their subdomains, that the
    stack declares harmless."""
    folded = key.lower()
    domain = folded.partition("/")[0]
    if "." not in domain and domain not in _READ_BY_CONTROLLERS:
        return True
    if folded in _HARMLESS or folded in listed:
        return True
    while domain and domain not in _HARMLESS and domain not in listed:
        domain = domain.partition(".")[2]
    return bool(domain)


def _is_within(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")
