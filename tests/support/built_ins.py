"""KubeVela's own definitions of the built-in types, and intended differences of ours, with a case
for each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kong_oam.oam.definitions.definition import Definition
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.oam.position import FilePlace
from kong_oam.render.answers import Answer
from kong_oam.render.evaluator import Evaluator
from tests.support.json_object import JsonObject
from tests.support.oam_corpus import CORPUS, corpus
from tests.support.repository import ROOT

OURS = ROOT / "definitions" / "kubevela"
DIFFERENT = re.findall(
    r"^\| `([a-z0-9-]+)` \| (.+?) \|",
    (OURS / "README.md").read_text("utf-8"),
    re.MULTILINE,
)
"""The types that differ and the place: the first columns of the table that explains the
differences."""
NOT_RENDERED_ALIKE = ("helmchart", "ref-objects")
"""Types whose objects always differ: KubeVela's copies have values from a network or a cluster."""


@cache
def kubevelas() -> Mapping[str, Definition]:
    """Return KubeVela's own definitions, by name; none without the corpus beside the project."""
    files = [
        f"{folder}/{name}"
        for folder in ("builtin", "deprecated")
        for name in corpus(folder)
    ]
    read = (
        read_definitions(file, (CORPUS / file).read_bytes()) for file in files
    )
    return {
        definition.name: definition
        for some in read
        for definition in some.definitions
    }


CONTAINER: Mapping[str, Any] = {"name": "web", "image": "nginx"}
FULL: Mapping[str, Any] = {
    "name": "web",
    "image": "nginx",
    "imagePullPolicy": "Always",
    "command": ["serve"],
    "args": ["a", "b"],
    "env": [
        {"name": "TOKEN", "value": "1"},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ],
    "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}],
    "resources": {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "1", "memory": "1Gi"},
    },
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
}


def _workload(
    kind: str, *containers: Mapping[str, Any], **more: Any
) -> JsonObject:
    template = {
        "metadata": {"labels": {"B": "b"}},
        "spec": {"containers": [*containers], **more},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "spec": {"template": template},
    }


SMALL = _workload("Deployment", CONTAINER)
LARGE = _workload(
    "StatefulSet",
    FULL,
    {"name": "side", "image": "busybox"},
    serviceAccountName="old",
    volumes=[{"name": "data", "emptyDir": {}}],
    initContainers=[{"name": "init", "image": "busybox"}],
)
WORKLOADS: tuple[Mapping[str, Any], ...] = (
    SMALL,
    LARGE,
    _workload("Job", FULL),
    _workload("Deployment", {"name": "other", "image": "nginx"}, CONTAINER),
    {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "spec": {"jobTemplate": _workload("Job", CONTAINER)},
    },
    {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}},
)


@dataclass(frozen=True)
class Difference:
    """A difference that shows where `shows(properties, workload)`. There KubeVela's definition
    fails, or its objects are invalid."""

    trait: str
    name: str
    shows: Callable[[Any, Mapping[str, Any]], bool]
    properties: Any
    workload: Mapping[str, Any] = field(default_factory=lambda: SMALL)


def _several(properties: Any, workload: Mapping[str, Any]) -> bool:
    return (
        len(
            workload.get("spec", {})
            .get("template", {})
            .get("spec", {})
            .get("containers", ())
        )
        > 1
    )


def _plain_ports(properties: Any, workload: Mapping[str, Any]) -> bool:
    containers = (
        workload.get("spec", {})
        .get("template", {})
        .get("spec", {})
        .get("containers", ())
    )
    return any(
        not {"name", "protocol"} <= {*port}
        for container in containers
        for port in container.get("ports", ())
    )


def _mounts_beside_the_default(
    properties: Any, workload: Mapping[str, Any]
) -> bool:
    pod = workload.get("spec", {}).get("template", {}).get("spec", {})
    mounts = [
        mount
        for container in pod.get("containers", ())
        for mount in container.get("volumeMounts", ())
    ]
    return "mountName" not in properties and bool(mounts or pod.get("volumes"))


def _sets_again(properties: Any, _: Mapping[str, Any]) -> bool:
    """Whether a trait names a variable of a workload."""
    return any(f'"{name}"' in json.dumps(properties) for name in ("TOKEN", "B"))


def _entries(properties: Any, kind: str) -> list[Mapping[str, Any]]:
    entries = properties.get(kind) if isinstance(properties, dict) else None
    return (
        [entry for entry in entries if isinstance(entry, dict)]
        if isinstance(entries, list)
        else []
    )


_CLAIM = {"name": "data", "mountPath": "/data"}
_OLD_CLAIM = {
    "claimName": "data",
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "volumesToMount": [{"name": "files", "mountPath": "/files"}],
}

DIFFERENCES = (
    Difference(
        "container-ports",
        "a port without a name or protocol",
        _plain_ports,
        {"ports": [{"containerPort": 81}]},
        _workload(
            "Deployment", {**CONTAINER, "ports": [{"containerPort": 80}]}
        ),
    ),
    Difference(
        "init-container",
        "no `mountName`",
        _mounts_beside_the_default,
        {
            "name": "fetch",
            "image": "busybox",
            "appMountPath": "/a",
            "initMountPath": "/b",
            "extraVolumeMounts": [],
        },
        LARGE,
    ),
    Difference(
        "k8s-update-strategy",
        "no `rollingStrategy`",
        lambda properties, _: (
            isinstance(properties.get("strategy", {}), dict)
            and "rollingStrategy" not in properties.get("strategy", {})
        ),
        {},
    ),
    Difference(
        "pvc",
        "several containers",
        _several,
        _OLD_CLAIM,
        LARGE,
    ),
    Difference(
        "pvc",
        "`selector`",
        lambda properties, _: "selector" in properties,
        {**_OLD_CLAIM, "selector": {"matchLabels": {"a": "b"}}},
    ),
    Difference(
        "resource",
        "several containers",
        _several,
        {"cpu": 1, "memory": "1Gi"},
        LARGE,
    ),
    Difference(
        "securitycontext",
        "no properties",
        lambda properties, _: properties == {},
        {},
    ),
    Difference(
        "service-binding",
        "a variable that the component has, too",
        _sets_again,
        {"envMappings": {"TOKEN": {"secret": "s"}}},
        LARGE,
    ),
    Difference(
        "startup-probe",
        "`probes`",
        lambda properties, _: "probes" in properties,
        {"probes": [{"containerName": "web", "tcpSocket": {"port": 80}}]},
    ),
    Difference(
        "storage",
        "`secret` without `mountPath`",
        lambda properties, _: any(
            "mountPath" not in secret
            for secret in _entries(properties, "secret")
        ),
        {
            "secret": [
                {
                    "name": "db",
                    "mountToEnv": {"envName": "PASSWORD", "secretKey": "p"},
                }
            ]
        },
    ),
    Difference(
        "storage",
        "`selector`",
        lambda properties, _: any(
            "selector" in claim for claim in _entries(properties, "pvc")
        ),
        {"pvc": [{**_CLAIM, "selector": {"matchLabels": {"a": "b"}}}]},
    ),
    Difference(
        "storage",
        "a variable that the component has, too",
        _sets_again,
        {
            "configMap": [
                {
                    "name": "settings",
                    "mountToEnv": {"envName": "TOKEN", "configMapKey": "t"},
                }
            ]
        },
        LARGE,
    ),
    Difference(
        "storage",
        "`volumeMode`",
        lambda properties, _: any(
            claim.get("volumeMode", "Filesystem") != "Filesystem"
            for claim in _entries(properties, "pvc")
        ),
        {"pvc": [{**_CLAIM, "volumeMode": "Block"}]},
    ),
)

CONTEXT = {
    "name": "web",
    "namespace": "shop",
    "appName": "store",
    "appRevision": "store-v1",
    "revision": "web-v1",
    "appLabels": {},
    "appAnnotations": {},
}
Part = tuple[Definition, Any]
_AS_IT_STANDS = Definition(
    "component",
    "raw",
    "output: parameter\nparameter: {...}",
    FilePlace("raw.yaml", 1, 1),
)


def rendered(
    evaluator: Evaluator, component: Part, *traits: Part, minor: int = 30
) -> Answer:
    """Return the objects of a component and its traits, each with its properties."""

    def part(definition: Definition, wanted: Any) -> JsonObject:
        path = definition.workload_ref_path
        return {
            "type": definition.name,
            "template": definition.template,
            "properties": wanted,
            "workloadRefPath": path,
        }

    context = {**CONTEXT, "clusterVersion": {"major": "1", "minor": minor}}
    answer = evaluator.ask(
        {
            "component": part(*component),
            "traits": [part(*trait) for trait in traits],
            "context": context,
        }
    )
    assert "limit" not in answer
    return answer


def on(workload: Any) -> Part:
    """Return a component that is the workload itself."""
    return _AS_IT_STANDS, workload
