"""Check what a node does for a pod: requests in the pod's place, and isolation. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from kong_oam.diagnostics import Findings
from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules, dotted
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.known_kinds import is_unknown_kind
from kong_oam.objects.pods import (
    Located,
    Path,
    PodTemplate,
    holder_at,
    mapping,
    mappings,
)
from kong_oam.objects.texts import normalized, reading

_ROOT = "the container would be root of its node"

# The fields that give a pod a part of its node, in lower case, each with the risk.
_FLAGS = {
    "hostnetwork": (
        "its pods would use their node's network, which no NetworkPolicy "
        "controls"
    ),
    "hostpid": "its pods could see and take over every process on their node",
    "hostipc": "its pods would share memory with all processes on their node",
    "privileged": _ROOT,
}
_OFF = frozenset({"", "0", "0.0", "false", "no", "none", "off"})
# A number other than 0, in any YAML spelling: `8_080`, `0x1F90`.
_PORT = re.compile(r"(?=.*[1-9a-fA-F])\d[\da-fA-F_xXo.]*")
# Other fields that need a check, in lower case.
_FIELDS = frozenset(
    {
        "csi",
        "flexvolume",
        "gitrepo",
        "httpget",
        "resourceclaims",
        "runtimeclassname",
        "tcpsocket",
    }
)
OF_NODE = "its pods would read and write files of their node; remove it"
# Capabilities that a container may have: a runtime's defaults, and those for limits and priorities.
# Others let it forge packets (NET_RAW, NET_ADMIN) or become root of its node (SYS_ADMIN,
# SYS_MODULE, SYS_PTRACE).
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
_OPEN_PORT = (
    "the port would be open at its node's address; remove it, and use a "
    "gateway trait"
)
_NODE_CALLS = (
    "its node would call this host, past every NetworkPolicy and the gate; "
    "remove it, so that the node calls the pod"
)

_UNCONFINED = "its node would not confine its processes"
_PROFILES = (None, "", "RuntimeDefault", "Localhost")
# Fields of a security context, with their harmless values, and the risk of other values. The
# SELinux types are those that Kubernetes' Pod Security Standards allow in the baseline profile.
_CONTEXT: Mapping[Path, tuple[tuple[Any, ...], str]] = {
    ("privileged",): ((None, False), _ROOT),
    ("procMount",): ((None, "Default"), "the container could change its node"),
    ("windowsOptions", "hostProcess"): (
        (None, False),
        "it would run as a process of its node",
    ),
    ("seLinuxOptions", "user"): ((None, ""), _UNCONFINED),
    ("seLinuxOptions", "role"): ((None, ""), _UNCONFINED),
    ("seLinuxOptions", "type"): (
        (
            None,
            "",
            "container_t",
            "container_init_t",
            "container_kvm_t",
            "container_engine_t",
        ),
        _UNCONFINED,
    ),
    ("seccompProfile", "type"): (_PROFILES, _UNCONFINED),
    ("appArmorProfile", "type"): (_PROFILES, _UNCONFINED),
}
_ANNOTATIONS = (
    "container.apparmor.security.beta.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
)
# Volumes that are no part of the node. For `hostPath`, `flexVolume` and `gitRepo` the node acts as
# root.
_VOLUMES = frozenset(
    {
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "fc",
        "gcePersistentDisk",
        "image",
        "iscsi",
        "name",
        "nfs",
        "persistentVolumeClaim",
        "portworxVolume",
        "projected",
        "rbd",
        "secret",
        "vsphereVolume",
    }
)


def pods_refused(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> Findings:
    """Yield findings about pods that can bypass their NetworkPolicy. In objects of unknown kinds,
    every mapping may belong to a pod."""
    inside = (
        reading(rendered).inside
        if is_unknown_kind(rendered)
        else _inside_pods(rendered)
    )
    found: list[tuple[Path, str]] = []
    for path, holder in inside:
        found += openings(path, holder, rules.allowed)
    for template in component_pods(rendered):
        found += [*_volumes_of_node(template), *annotation_openings(template)]
    for path, reason in found:
        yield component.refused(
            "ACC226", rendered, f"{dotted(path)}: {reason}", path
        )


def _inside_pods(rendered: RenderedObject) -> Iterator[tuple[Path, Fields]]:
    for template in component_pods(rendered):
        at = template.at
        for path, holder in rendered.inside:
            if path[: len(at)] == at:
                yield path, holder


def _volumes_of_node(template: PodTemplate) -> Located:
    for index, volume in enumerate(mappings(template.spec.get("volumes"))):
        kinds = [
            str(kind) for kind, value in volume.items() if value is not None
        ]
        for kind in sorted(kinds):
            if kind not in _VOLUMES:
                yield (*template.at, "volumes", str(index), kind), OF_NODE


def openings(path: Path, holder: Fields, allowed: Collection[str]) -> Located:
    """Yield the fields of a mapping that give a pod more of its node than allowed, each with a
    remedy.

    `allowed`: names that a stack allows, as `<name>/RuntimeClass` and `<driver>/CSIDriver`.
    """
    for key, value in holder.items():
        if field := _meaning(str(key)):
            yield from _of_field((*path, str(key)), field, value, allowed)


def annotation_openings(template: PodTemplate) -> Located:
    """Yield the annotations of pods that turn off confinement."""
    for key, value in template.annotations.items():
        if str(key).startswith(_ANNOTATIONS) and value == "unconfined":
            yield (
                (*template.path, "metadata", "annotations", str(key)),
                f"{_UNCONFINED}; remove it",
            )


@lru_cache(4096)
def _meaning(key: str) -> str:
    """Return the field that a key means, in any spelling. Empty for harmless keys."""
    field = normalized(key)
    if field.endswith("unprivileged"):
        return ""
    for end in ("hostport", "securitycontext", *_FLAGS):
        if field.removesuffix("enabled").endswith(end):
            return end
    if "hostpath" in field:
        return "hostpath"
    return field if field in _FIELDS else ""


def _of_field(
    at: Path, field: str, value: Any, allowed: Collection[str]
) -> Located:
    match field:
        case "securitycontext":
            for where, reason in _of_context(at, mapping(value)):
                yield where, f"{reason}; remove it"
        case "hostport" if _PORT.fullmatch(str(value)):
            yield at, _OPEN_PORT
        case "hostpath" if _is_path(value):
            yield at, OF_NODE
        case "flexvolume" | "gitrepo" if isinstance(value, Mapping):
            # The node runs a program for these.
            yield at, OF_NODE
        case "resourceclaims" if isinstance(value, list | tuple) and value:
            yield (
                at,
                "its pods would get devices of their node; remove it",
            )
        case "httpget" | "tcpsocket" if mapping(value).get("host") not in (
            None,
            "",
        ):
            yield (*at, "host"), f"'{mapping(value)['host']}': {_NODE_CALLS}"
        case "runtimeclassname":
            unknown = "the isolation of its pods"
            yield from _of_cluster(at, value, "RuntimeClass", unknown, allowed)
        case "csi" if "volumes" in at:
            driver = mapping(value).get("driver")
            unknown = "its volumes"
            yield from _of_cluster(
                (*at, "driver"), driver, "CSIDriver", unknown, allowed
            )
        case _ if field in _FLAGS and _is_on(value):
            yield at, f"{_FLAGS[field]}; remove it"


def _of_cluster(
    at: Path, name: Any, kind: str, unknown: str, allowed: Collection[str]
) -> Located:
    """Yield a name that only the cluster knows, unless the stack allows it."""
    if isinstance(name, str) and name and f"{name}/{kind}" not in allowed:
        hint = (
            f"remove it, or allow it in the stack: cluster.allow, {name}/{kind}"
        )
        yield at, f"the cluster alone determines {unknown}; {hint}"


def _is_on(value: Any) -> bool:
    """Tell whether a value switches a field on, in any spelling. In a schema it is a mapping."""
    if isinstance(value, Mapping):
        return _is_on(value.get("enabled"))
    return (
        not isinstance(value, list | tuple) and str(value).lower() not in _OFF
    )


def _is_path(value: Any) -> bool:
    """Tell whether a value is a path or contains one. In a schema `path` is no text."""
    if isinstance(value, list | tuple):
        return any(map(_is_path, value))
    if not isinstance(value, Mapping):
        return isinstance(value, str) and value != ""
    return any(
        _says_path(key, item) and _is_path(item) for key, item in value.items()
    )


def _says_path(key: object, value: Any) -> bool:
    return key == "path" or not isinstance(value, str) or value.startswith("/")


def _of_context(at: Path, context: Fields) -> Located:
    """Yield the fields of a security context that give a pod or container more of its node than a
    runtime does."""
    added = mapping(context.get("capabilities")).get("add")
    names = (
        [str(name) for name in added]
        if isinstance(added, list | tuple)
        else [str(added)]
        if added
        else []
    )
    for name in names:
        if name.upper().removeprefix("CAP_") not in _CAPABILITIES:
            yield (
                (*at, "capabilities", "add"),
                f"with {name} the container could bypass its NetworkPolicy",
            )
    for steps, (harmless, reason) in _CONTEXT.items():
        if holder_at(context, steps) not in harmless:
            yield (*at, *steps), reason
