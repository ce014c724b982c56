"""What a node does for a pod: whom it asks in the pod's place, and how it keeps the pod from itself. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kong_oam.objects.pods import Path, PodTemplate, mapping, mappings

HOST: Mapping[str, str] = {
    "hostNetwork": "its pods would have the network of their node, which no NetworkPolicy holds",
    "hostPID": "its pods would see, and could take over, whatever runs on their node",
    "hostIPC": "its pods would share memory with whatever runs on their node",
}
"""The fields of a pod by which it has a part of its node, and what that opens."""
OF_NODE = "its pods would read and write what belongs to their node"
ROOT = "the container would be root of its node"
AT_NODE = "the port would be open at its node's address; a gateway trait exposes it"
_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "IPC_LOCK",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
        "SYS_NICE",
        "SYS_RESOURCE",
    }
)
"""What a container may be given: a runtime's defaults, and what changes limits and priorities alone. With others it
sends in another's name (NET_RAW, NET_ADMIN), or becomes its node's root (SYS_ADMIN, SYS_MODULE, SYS_PTRACE, ...)."""
_ACTIONS = ("httpGet", "tcpSocket")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
_ASKS = "its node would ask this host, past every fence and the gate; leave it out, and the pod itself is asked"

_SELINUX_TYPES = (None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
"""What Kubernetes' Pod Security Standards leave a pod, from their baseline on."""
_UNCONFINED = "its node would not confine what runs in it"
_ANNOTATIONS = ("container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/")


def node_openings(template: PodTemplate, allowed: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Yields where a pod has its node ask others, or is less apart from it than others, and what to do about it.

    `allowed`: what a stack allows: a RuntimeClass by `<name>/RuntimeClass`, a CSI driver by `<driver>/CSIDriver`.
    """
    at, spec = template.at, template.spec
    for path, container in template.containers():
        for probe in _PROBES:
            yield from asked_hosts((*path, probe), mapping(container.get(probe)))
        for hook in _HOOKS:
            handler = mapping(mapping(container.get("lifecycle")).get(hook))
            yield from asked_hosts((*path, "lifecycle", hook), handler)
    for key, value in template.annotations.items():
        if str(key).startswith(_ANNOTATIONS) and value == "unconfined":
            yield (*template.path, "metadata", "annotations", str(key)), f"{_UNCONFINED}; take it out"
    yield from cluster_openings(at, spec, allowed)


def asked_hosts(at: Path, handler: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yields where a probe or a hook has its node ask others."""
    for action in _ACTIONS:
        if (host := mapping(handler.get(action)).get("host")) not in (None, ""):
            yield (*at, action, "host"), f"'{host}': {_ASKS}"


def context_openings(at: Path, context: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yields where a security context, of a pod or of a container, gives more of the node than a runtime does."""
    if context.get("privileged") not in (None, False):
        yield (*at, "privileged"), ROOT
    added = mapping(context.get("capabilities")).get("add")
    names = [str(name) for name in added] if isinstance(added, list | tuple) else [str(added)] if added else []
    for name in names:
        if name.upper().removeprefix("CAP_") not in _CAPABILITIES:
            yield (*at, "capabilities", "add"), f"with {name} the container could leave its fence"
    if context.get("procMount") not in (None, "Default"):
        yield (*at, "procMount"), "the container could change its node"
    if mapping(context.get("windowsOptions")).get("hostProcess") not in (None, False):
        yield (*at, "windowsOptions"), "it would run as a process of its node"
    labels = mapping(context.get("seLinuxOptions"))
    for field in ("user", "role", "type"):
        if labels.get(field) not in (_SELINUX_TYPES if field == "type" else (None, "")):
            yield (*at, "seLinuxOptions", field), _UNCONFINED
    for field in ("seccompProfile", "appArmorProfile"):
        if mapping(context.get(field)).get("type") not in (None, "", "RuntimeDefault", "Localhost"):
            yield (*at, field, "type"), _UNCONFINED


def cluster_openings(at: Path, spec: Mapping[str, Any], allowed: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Yields where a pod's spec has devices of the node, or what the cluster alone knows: a runtime, or a driver."""
    if isinstance(claims := spec.get("resourceClaims"), list | tuple) and claims:
        yield (*at, "resourceClaims"), "its pods would be given devices of their node; take it out"
    named = [((*at, "runtimeClassName"), spec.get("runtimeClassName"), "RuntimeClass", "how its pods are kept apart")]
    for index, volume in enumerate(mappings(spec.get("volumes"))):
        driver = mapping(volume.get("csi")).get("driver")
        named.append(((*at, "volumes", str(index), "csi", "driver"), driver, "CSIDriver", "what a volume of it is"))
    for path, name, kind, what in named:
        if isinstance(name, str) and name and f"{name}/{kind}" not in allowed:
            yield (
                path,
                f"nobody here knows {what}; take it out, or have the stack allow it: cluster.allow, {name}/{kind}",
            )
