"""The parts of admission that the cluster stand-in models: dropped fields and immutable fields.

Measured with kube-apiserver 1.35.4, for the kinds and fields below, in their stable versions.
Names, quantities and unknown fields are not checked.
"""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.edges import Manifest

_STABLE = re.compile(
    r"v1|(apps|batch|policy|rbac\.authorization\.k8s\.io|networking\.k8s\.io)/v1|autoscaling/v[12]"
)
_OMITTED = frozenset(
    {
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostPort",
        "initialDelaySeconds",
        "minReadySeconds",
        "nodePort",
        "paused",
        "publishNotReadyAddresses",
        "readOnly",
        "stdin",
        "stdinOnce",
        "tty",
    }
)
"""Fields that are dropped if they are 0 or false. Measured for initialDelaySeconds, minReadySeconds
and readOnly; the others have the same declaration (k8s.io/api: `omitempty`, no pointers)."""
_CHANGEABLE: Mapping[str, tuple[str, ...]] = {
    "PersistentVolumeClaim": ("resources", "volumeAttributesClassName"),
    "Pod": (
        "activeDeadlineSeconds",
        "terminationGracePeriodSeconds",
        "tolerations",
    ),
    "StatefulSet": (
        "minReadySeconds",
        "ordinals",
        "persistentVolumeClaimRetentionPolicy",
        "replicas",
        "revisionHistoryLimit",
        "template",
        "updateStrategy",
    ),
}
"""The only fields of the spec that may change, by kind; and the images of a Pod's containers. Other
checks of these fields, such as a storage class that allows growth, are not modelled."""
_FIXED: Mapping[str, tuple[str, ...]] = {
    "ClusterRoleBinding": ("roleRef",),
    "DaemonSet": ("spec.selector",),
    "Deployment": ("spec.selector",),
    "Job": ("spec.selector", "spec.template", "spec.completions"),
    "ReplicaSet": ("spec.selector",),
    "RoleBinding": ("roleRef",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP",),
}
"""Immutable fields. For ClusterRoleBinding, Deployment and a Job's selector and completions this is
a guess by Kubernetes' API reference; all others were measured."""


def stored(manifest: Manifest) -> Manifest:
    """Return the object without dropped fields."""
    if not _STABLE.fullmatch(str(manifest["apiVersion"])):
        return manifest
    return (
        {**manifest, "spec": _dropped(manifest["spec"])}
        if "spec" in manifest
        else manifest
    )


def refusal(old: Manifest, new: Manifest) -> str:
    """Return the reason why an object cannot change so, in the server's words without its quotes;
    empty if it can."""
    kind = str(new["kind"])
    if not _STABLE.fullmatch(str(new["apiVersion"])):
        return ""
    if kind in _CHANGEABLE and _rest(old, kind) != _rest(new, kind):
        return (
            "spec: Forbidden: updates to fields other than "
            + ", ".join(_CHANGEABLE[kind])
            + " are forbidden"
        )
    fixed = (
        path
        for path in _FIXED.get(kind, ())
        if _at(old, path) != _at(new, path)
    )
    return next(
        (f"{path}: Invalid value: field is immutable" for path in fixed), ""
    )


def _dropped(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _dropped(below)
            for key, below in value.items()
            if key not in _OMITTED or below
        }
    return (
        [_dropped(item) for item in value] if isinstance(value, list) else value
    )


def _rest(manifest: Manifest, kind: str) -> Manifest:
    spec = {
        key: value
        for key, value in manifest.get("spec", {}).items()
        if key not in _CHANGEABLE[kind]
    }
    for containers in ("containers", "initContainers") if kind == "Pod" else ():
        spec[containers] = [
            {**container, "image": None}
            for container in spec.get(containers) or ()
        ]
    return spec


def _at(manifest: Manifest, path: str) -> Any:
    value: Any = manifest
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
