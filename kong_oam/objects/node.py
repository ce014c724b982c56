"""What a node does for a pod: whom it asks in the pod's place, and how it keeps the pod from itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kong_oam.objects.pods import Path, PodTemplate, mapping, mappings

_ACTIONS = ("httpGet", "tcpSocket")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
_ASKS = "its node would ask this host, past every fence and the gate; leave it out, and the pod itself is asked"

_SELINUX_TYPES = (None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
"""What Kubernetes' Pod Security Standards leave a pod, from their baseline on."""
_UNCONFINED = "its node would not confine what runs in it"
_ANNOTATIONS = ("container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/")


def node_openings(template: PodTemplate, allowed: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Yields where a pod has its node ask others, or is less apart from it than others, and what to do about it.

    `allowed`: what a stack allows: a RuntimeClass by `<name>/RuntimeClass`, a CSI driver by `<driver>/CSIDriver`.
    """
    at, spec = template.at, template.spec
    containers = tuple(template.containers())
    for path, container in containers:
        for where, host in _hosts(container):
            yield (*path, *where), f"'{host}': {_ASKS}"
    for path, holder in ((at, spec), *containers):
        if context := mapping(holder.get("securityContext")):
            yield from _unconfined((*path, "securityContext"), context)
    for key, value in template.annotations.items():
        if str(key).startswith(_ANNOTATIONS) and value == "unconfined":
            yield (*template.path, "metadata", "annotations", str(key)), f"{_UNCONFINED}; take it out"
    if spec.get("resourceClaims") not in (None, [], ()):
        yield (*at, "resourceClaims"), "its pods would be given devices of their node; take it out"
    yield from _of_the_cluster(at, spec, frozenset(allowed))


def _hosts(container: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    handlers: list[tuple[Path, Mapping[str, Any]]]
    handlers = [((probe,), mapping(container[probe])) for probe in _PROBES if probe in container]
    if lifecycle := mapping(container.get("lifecycle")):
        handlers += [(("lifecycle", hook), mapping(lifecycle.get(hook))) for hook in _HOOKS]
    for path, handler in handlers:
        for action in _ACTIONS:
            if (host := mapping(handler.get(action)).get("host")) not in (None, ""):
                yield (*path, action, "host"), str(host)


def _unconfined(at: Path, context: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    labels = mapping(context.get("seLinuxOptions"))
    for field in ("user", "role", "type"):
        if labels.get(field) not in (_SELINUX_TYPES if field == "type" else (None, "")):
            yield (*at, "seLinuxOptions", field), f"{_UNCONFINED}; take it out"
    for field in ("seccompProfile", "appArmorProfile"):
        if mapping(context.get(field)).get("type") not in (None, "", "RuntimeDefault", "Localhost"):
            yield (*at, field, "type"), f"{_UNCONFINED}; take it out"


def _of_the_cluster(at: Path, spec: Mapping[str, Any], allowed: frozenset[str]) -> Iterator[tuple[Path, str]]:
    """A runtime and a driver are what the cluster's own say of them: nobody here knows what they open."""
    named = [((*at, "runtimeClassName"), spec.get("runtimeClassName"), "RuntimeClass", "how its pods are kept apart")]
    for index, volume in enumerate(mappings(spec.get("volumes"))):
        driver = mapping(volume.get("csi")).get("driver")
        named.append(((*at, "volumes", str(index), "csi", "driver"), driver, "CSIDriver", "what a volume of it is"))
    for path, name, kind, what in named:
        if name not in (None, "") and f"{name}/{kind}" not in allowed:
            yield (
                path,
                f"nobody here knows {what}; take it out, or have the stack allow it: cluster.allow, {name}/{kind}",
            )
