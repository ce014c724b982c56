"""Admission of the cluster stand-in: it drops and rejects as kube-apiserver 1.35.4 does."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox.admission import refusal, stored
from sandbox.cluster import Cluster, InvalidObjectError
from tests.support.json_object import JsonObject

CONTAINER = {"name": "main", "image": "x:1"}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "x"},
    "spec": {"containers": [CONTAINER]},
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "x"},
    "spec": {
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
TEMPLATE = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {"containers": [CONTAINER]},
}


def _workload(kind: str, version: str = "apps/v1", **spec: Any) -> JsonObject:
    inside = {
        "selector": {"matchLabels": {"app": "x"}},
        "template": TEMPLATE,
        **spec,
    }
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "x"},
        "spec": inside,
    }


SET = _workload("StatefulSet", serviceName="x", revisionHistoryLimit=3)
ASKED: dict[str, tuple[JsonObject, JsonObject, bool]] = {
    "a Pod's variables": (
        POD,
        {"spec": {"containers": [{**CONTAINER, "envFrom": []}]}},
        False,
    ),
    "a Pod's image": (
        POD,
        {"spec": {"containers": [{**CONTAINER, "image": "x:2"}]}},
        True,
    ),
    "a claim's mode": (
        CLAIM,
        {"spec": {**CLAIM["spec"], "volumeMode": "Block"}},
        False,
    ),  # type: ignore[dict-item]
    "a set's Service": (
        SET,
        {"spec": {**SET["spec"], "serviceName": "y"}},
        False,
    ),
    "a set's history": (
        SET,
        {"spec": {**SET["spec"], "revisionHistoryLimit": 4}},
        True,
    ),
    "a ReplicaSet's selector": (
        _workload("ReplicaSet"),
        _workload("ReplicaSet", selector={}),
        False,
    ),
    "a DaemonSet's selector": (
        _workload("DaemonSet"),
        _workload("DaemonSet", selector={}),
        False,
    ),
    "a Job's pods": (
        _workload("Job", "batch/v1"),
        _workload("Job", "batch/v1", template={}),
        False,
    ),
    "another group's": (
        _workload("Job", "example.com/v1"),
        _workload("Job", "example.com/v1", template={}),
        True,
    ),
    "a Secret's type": (
        {"apiVersion": "v1", "kind": "Secret", "type": "a"},
        {"type": "b"},
        False,
    ),
    "a Service's address": (
        {"apiVersion": "v1", "kind": "Service"},
        {"spec": {"clusterIP": "None"}},
        False,
    ),
    "a budget's pods": (
        _workload("PodDisruptionBudget", "policy/v1"),
        _workload("PodDisruptionBudget", "policy/v1", selector={}),
        True,
    ),
}


@pytest.mark.parametrize("kind", ASKED)
def test_mutable_and_immutable_fields(kind: str) -> None:
    """The same object is always taken."""
    old, change, is_taken = ASKED[kind]
    assert refusal(old, copy.deepcopy(old)) == ""
    assert (refusal(old, {**old, **change}) == "") == is_taken


def test_an_apply_that_is_refused_changes_nothing() -> None:
    """A dry run changes nothing either, and reports the error."""
    cluster = Cluster().start()
    try:
        cluster.create(POD)
        changed = {
            **POD,
            "spec": {"containers": [{**CONTAINER, "workingDir": "/"}]},
        }
        for dry_run in (True, False):
            with pytest.raises(InvalidObjectError, match="spec: Forbidden"):
                cluster.apply(changed, force=True, dry_run=dry_run)
        assert cluster.objects("Pod")[0]["spec"] == POD["spec"]
    finally:
        cluster.stop()


def test_empty_values_are_dropped() -> None:
    """Zeros and false of some fields. In other fields they have a meaning, and kinds of other
    groups are unknown."""
    spec = {
        "minReadySeconds": 0,
        "replicas": 0,
        "template": {"spec": {"containers": [{"tty": False, "stdin": True}]}},
    }
    fields = {
        "replicas": 0,
        "template": {"spec": {"containers": [{"stdin": True}]}},
    }
    assert stored({"apiVersion": "apps/v1", "spec": spec}) == {
        "apiVersion": "apps/v1",
        "spec": fields,
    }
    assert (
        stored({"apiVersion": "example.com/v1", "spec": spec})["spec"] == spec
    )
