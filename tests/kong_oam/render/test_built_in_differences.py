"""The deliberate differences between built-in types and KubeVela's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kong_oam.oam.definitions.definition import Definition
from kong_oam.render.built_in import built_in_types
from kong_oam.render.evaluator import Evaluator
from tests.support.built_ins import (
    DIFFERENCES,
    DIFFERENT,
    NOT_RENDERED_ALIKE,
    Difference,
    on,
    rendered,
)

CASES = {
    (difference.trait, difference.name): difference
    for difference in DIFFERENCES
}


def test_the_table_of_differences_has_each() -> None:
    """And no other type."""
    assert [
        row for row in DIFFERENT if ("trait", row[0]) in built_in_types()
    ] == [*CASES]
    assert {
        name for name, _ in DIFFERENT if ("component", name) in built_in_types()
    } == {*NOT_RENDERED_ALIKE}


@pytest.mark.parametrize(
    "chosen",
    DIFFERENCES,
    ids=lambda difference: f"{difference.trait}: {difference.name}",
)
def test_a_chosen_difference_is_one(
    chosen: Difference,
    evaluator: Evaluator,
    ours: Mapping[str, Definition],
    theirs: Mapping[str, Definition],
) -> None:
    """Ours renders; KubeVela's fails or renders something else."""
    assert chosen.shows(chosen.properties, chosen.workload)
    answers = [
        rendered(
            evaluator,
            on(chosen.workload),
            (definitions[chosen.trait], chosen.properties),
        )
        for definitions in (ours, theirs)
    ]
    assert "objects" in answers[0] and answers[0] != answers[1]


def _made(
    evaluator: Evaluator, ours: Mapping[str, Definition], trait: str, name: str
) -> tuple[Any, list[Any]]:
    """The containers and the other objects of a case."""
    case = CASES[trait, name]
    workload, *others = rendered(
        evaluator, on(case.workload), (ours[trait], case.properties)
    )["objects"]
    return workload["object"]["spec"]["template"]["spec"]["containers"], [
        other["object"] for other in others
    ]


@pytest.mark.parametrize("trait", ["pvc", "storage"])
def test_a_claim_has_its_selector(
    trait: str, evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    _, (claim,) = _made(evaluator, ours, trait, "`selector`")
    assert (claim["spec"]["selector"], "dataSource" in claim["spec"]) == (
        {"matchLabels": {"a": "b"}},
        False,
    )


def test_a_device_is_no_mount(
    evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    (container,), _ = _made(evaluator, ours, "storage", "`volumeMode`")
    device = {"name": "pvc-data", "devicePath": "/data"}
    assert (container["volumeMounts"], container["volumeDevices"]) == (
        [],
        [device],
    )


def test_a_secret_without_a_path_is_not_mounted(
    evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    """Its keys can still be variables."""
    (container,), (secret,) = _made(
        evaluator, ours, "storage", "`secret` without `mountPath`"
    )
    source = {"secretKeyRef": {"name": "db", "key": "p"}}
    assert container["env"] == [{"name": "PASSWORD", "valueFrom": source}]
    assert container["volumeMounts"] == []
    assert secret["metadata"]["name"] == "db"


@pytest.mark.parametrize(
    ("trait", "source"),
    [
        ("service-binding", {"secretKeyRef": {"name": "s", "key": "TOKEN"}}),
        ("storage", {"configMapKeyRef": {"name": "settings", "key": "t"}}),
    ],
)
def test_a_trait_replaces_a_variable(
    trait: str,
    source: Mapping[str, Any],
    evaluator: Evaluator,
    ours: Mapping[str, Definition],
) -> None:
    """At its place, without the value: Kubernetes takes no variable with both."""
    case = "a variable that the component has, too"
    (first, _), _ = _made(evaluator, ours, trait, case)
    names = [variable["name"] for variable in first["env"]]
    assert (names, first["env"][0]) == (
        ["TOKEN", "B"],
        {"name": "TOKEN", "valueFrom": source},
    )


def test_changes_of_the_first_container_change_no_other(
    evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    (first, second), _ = _made(evaluator, ours, "pvc", "several containers")
    assert (
        [volume_mount["name"] for volume_mount in first["volumeMounts"]],
        "volumeMounts" in second,
    ) == (
        ["data", "files"],
        False,
    )
    (first, second), _ = _made(
        evaluator, ours, "resource", "several containers"
    )
    assert (first["resources"]["limits"], "resources" in second) == (
        {"cpu": 1, "memory": "1Gi"},
        False,
    )


def test_a_volume_stands_beside_others(
    evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    (first, _), _ = _made(evaluator, ours, "init-container", "no `mountName`")
    assert first["volumeMounts"][1:] == [{"name": "workdir", "mountPath": "/a"}]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ref-objects", {"objects": [{"resource": "configmaps", "name": "a"}]}),
        (
            "helmchart",
            {
                "chart": {
                    "source": "podinfo",
                    "auth": {"secretRef": {"name": "a"}},
                }
            },
        ),
        (
            "helmchart",
            {
                "chart": {"source": "podinfo"},
                "valuesFrom": [{"kind": "Secret", "name": "a"}],
            },
        ),
    ],
)
def test_properties_that_read_a_cluster_are_rejected(
    name: str, wanted: Any, evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    (finding,) = rendered(evaluator, (ours[name], wanted))["findings"]
    assert (finding["kind"], finding["part"]) == ("errs", -1)


def test_a_helm_chart_is_a_release(
    evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    """Its `spec` has the inputs of Pulumi's resource."""
    wanted = {
        "chart": {
            "source": "podinfo",
            "repoURL": "https://charts.example.com",
            "version": "6.11.1",
        },
        "release": {"name": "info"},
        "values": {"replicaCount": 2},
        "options": {"timeout": "1m30s", "includeCRDs": False, "wait": False},
    }
    (release,) = (
        rendered_object["object"]
        for rendered_object in rendered(evaluator, (ours["helmchart"], wanted))[
            "objects"
        ]
    )
    assert (
        release["apiVersion"],
        release["kind"],
        release["metadata"]["name"],
    ) == (
        "helm.sh/v3",
        "Release",
        "info",
    )
    assert release["spec"] == {
        "name": "info",
        "namespace": "shop",
        "chart": "podinfo",
        "repositoryOpts": {"repo": "https://charts.example.com"},
        "version": "6.11.1",
        "values": {"replicaCount": 2},
        "createNamespace": True,
        "skipCrds": True,
        "disableWebhooks": False,
        "timeout": 90,
        "maxHistory": 10,
        "atomic": False,
        "skipAwait": True,
        "forceUpdate": False,
        "recreatePods": False,
        "cleanupOnFail": False,
    }


def test_the_smallest_helm_chart(
    evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    """Has its component's name, and the run waits for it."""
    wanted = {"chart": {"source": "oci://charts.example.com/a"}}
    (deployed,) = rendered(evaluator, (ours["helmchart"], wanted))["objects"]
    release = deployed["object"]["spec"]
    assert (release["name"], release["timeout"], release["skipAwait"]) == (
        "web",
        300,
        False,
    )
    assert not {"version", "repositoryOpts", "values"} & {*release}
