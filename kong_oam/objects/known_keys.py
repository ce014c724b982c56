"""Keys of labels and annotations: which open nothing, and which are obeyed whatever a stack says.
Pure.

Whoever reads a key of a domain may inject containers, copy Secrets or make a way in by it. So a key
with a domain is taken where it is known here to open nothing, or where the stack says so. A key
without a domain is its author's own, but for a few that some controller obeys.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from kong_oam.objects.known_kinds import GROUPS_OF_WAYS_IN

_HARMLESS = frozenset(
    {
        "app.kubernetes.io",
        "cluster-autoscaler.kubernetes.io/safe-to-evict",
        "container.apparmor.security.beta.kubernetes.io",  # a pod's are judged by their values
        "controller.kubernetes.io/pod-deletion-cost",
        "deployment.kubernetes.io/revision",
        "helm.sh",
        "kubectl.kubernetes.io",
        "kubernetes.io/change-cause",
        "kubernetes.io/description",
        "kubernetes.io/egress-bandwidth",
        "kubernetes.io/ingress-bandwidth",
        "kubernetes.io/service-account.name",  # of a Secret with a token, whose type is refused
        "oam.dev",
        "prometheus.io",
        "rbac.authorization.k8s.io",  # the rights of a ClusterRole are judged with its labels
        "seccomp.security.alpha.kubernetes.io/pod",
        "topology.kubernetes.io",
    }
)
"""Keys, and domains with those below them."""
_OBEYED = frozenset({"aadpodidbinding", "expose", "istio-injection"})
"""Keys without a domain that a controller obeys: who gives identities, makes ways in, or injects
containers."""
_WAY_IN = "a product would make a way in of it that knows no rule"
_NEVER = {
    **dict.fromkeys(GROUPS_OF_WAYS_IN, _WAY_IN),
    "kong-oam.dev": "the project itself goes by it",
    "konghq.com": "Kong's own controller would configure the gateway by it, past every rule",
    "pulumi.com": "the engine would deploy the object in another way, and not wait for it",
}


@lru_cache(maxsize=1024)
def always_obeyed(key: str) -> str:
    """Say why a key, or a domain, is refused whatever a stack says; empty where it is not."""
    domain = key.lower().partition("/")[0]
    for parent, why in _NEVER.items():
        if _is_within(domain, parent):
            return why
    return ""


def opens_nothing(key: str, listed: Collection[str]) -> bool:
    """Tell whether a key is known to open nothing. `listed`: keys, and domains with those below
    them, of which the stack says so."""
    folded = key.lower()
    domain = folded.partition("/")[0]
    if "." not in domain and domain not in _OBEYED:
        return True
    if folded in _HARMLESS or folded in listed:
        return True
    known = (*_HARMLESS, *listed)
    return any(
        "/" not in parent and _is_within(domain, parent) for parent in known
    )


def _is_within(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")
