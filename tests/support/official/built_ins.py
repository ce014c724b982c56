"""Applications with every built-in type, for a real cluster, and the objects that they need there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

from tests.support.json_object import JsonObject
from tests.support.repository import ROOT

APPLICATIONS: Final = Path(__file__).parent / "built-ins.yaml"
KEPT: Final = Path(__file__).parent / "kept.yaml"
"""An Application whose objects each have another ownership rule."""
KINDS: Final = (
    "ConfigMap",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Job",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "ReplicaSet",
    "ReplicationController",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
)
_DEFINITIONS = ROOT / "definitions" / "kubevela"
_OWN = frozenset({"access", "client"})


def built_in_types() -> frozenset[str]:
    """Return the names of the built-in types of components and traits."""
    files = _DEFINITIONS.glob("*.cue")
    return frozenset(
        file.stem
        for file in files
        if re.search(r'type: +"(component|trait)"', file.read_text("utf-8"))
    )


def types_in(file: Path) -> frozenset[str]:
    """Return the types of the components and traits in a file of Applications, without types that
    KubeVela lacks."""
    components = [
        component
        for document in yaml.safe_load_all(file.read_text("utf-8"))
        for component in document["spec"]["components"]
    ]
    traits = [
        trait["type"]
        for component in components
        for trait in component.get("traits", ())
    ]
    return (
        frozenset({*(component["type"] for component in components), *traits})
        - _OWN
    )


def volume(name: str) -> JsonObject:
    """Return a PersistentVolume without a storage class, for claims without a storage class."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/nothing"},
    }
    return {"metadata": {"name": name}, "spec": spec}
