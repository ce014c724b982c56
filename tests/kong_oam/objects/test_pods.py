"""Finding and changing the pods in an object."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kong_oam.objects.pods import (
    PodTemplate,
    pod_templates,
    replaced,
    service_account,
)
from tests.support.json_object import JsonObject

TEMPLATE = {
    "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
    "spec": {"containers": [{"name": "x"}]},
}
WORKLOADS = [
    ("apps/v1", "Deployment", {"spec": {"template": TEMPLATE}}, ("spec", "template")),
    ("apps/v1", "StatefulSet", {"spec": {"template": TEMPLATE}}, ("spec", "template")),
    ("apps/v1", "DaemonSet", {"spec": {"template": TEMPLATE}}, ("spec", "template")),
    ("apps/v1", "ReplicaSet", {"spec": {"template": TEMPLATE}}, ("spec", "template")),
    ("v1", "ReplicationController", {"spec": {"template": TEMPLATE}}, ("spec", "template")),
    ("batch/v1", "Job", {"spec": {"template": TEMPLATE}}, ("spec", "template")),
    ("batch/v1", "CronJob", {"spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}}}, ("spec", "jobTemplate", "spec", "template")),
    ("batch/v1beta1", "CronJob", {"spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}}}, ("spec", "jobTemplate", "spec", "template")),
    ("v1", "Pod", TEMPLATE, ()),
]  # fmt: skip


@pytest.mark.parametrize(("api", "kind", "body", "path"), WORKLOADS)
def test_each_kind_has_its_template_path(
    api: str, kind: str, body: JsonObject, path: tuple[str, ...]
) -> None:
    found = {"apiVersion": api, "kind": kind, **body}
    assert list(pod_templates(found)) == [
        PodTemplate(path, {"a": "b"}, {"c": "d"}, TEMPLATE["spec"])
    ]


@pytest.mark.parametrize(("api", "kind", "body", "path"), WORKLOADS)
def test_a_template_can_be_replaced(
    api: str, kind: str, body: JsonObject, path: tuple[str, ...]
) -> None:
    """In a copy; the rest stays."""
    found = yaml.safe_load(
        yaml.safe_dump({"apiVersion": api, "kind": kind, "other": 1, **body})
    )
    before = yaml.safe_dump(found)
    template = PodTemplate(path, {"a": "z"}, {}, {"containers": []})
    result = replaced(found, path, template)
    assert list(pod_templates(result)) == [template]
    assert replaced(result, path, next(iter(pod_templates(found)))) == found
    assert yaml.safe_dump(found) == before


def test_a_template_without_metadata_gets_labels() -> None:
    found = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"template": {"spec": {"containers": []}}},
    }
    (template,) = pod_templates(found)
    assert replaced(found, template.path, template) == found
    labelled = PodTemplate(template.path, {"a": "b"}, {}, template.spec)
    assert replaced(found, template.path, labelled)["spec"]["template"][
        "metadata"
    ] == {"labels": {"a": "b"}}


@pytest.mark.parametrize(
    ("pod_spec_path", "paths"),
    [
        ("spec.template.spec", [("spec", "template")]),
        ("spec.deep.er.spec", []),
        ("spec.template.metadata", []),
        (None, []),
        ("", []),
    ],
)
def test_another_kind_has_its_pods_where_the_definition_says(
    pod_spec_path: str | None, paths: list[Any]
) -> None:
    found = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "spec": {"template": TEMPLATE},
    }
    assert [
        template.path for template in pod_templates(found, pod_spec_path)
    ] == paths


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"spec": None},
        {"spec": {"template": []}},
        {"spec": {"template": {"spec": "x"}}},
        {"spec": 3},
    ],
)
def test_kinds_without_pods_have_no_templates(body: JsonObject) -> None:
    assert (
        list(
            pod_templates(
                {"apiVersion": "apps/v1", "kind": "Deployment", **body}
            )
        )
        == []
    )
    assert (
        list(
            pod_templates(
                {
                    "apiVersion": "other/v1",
                    "kind": "Deployment",
                    "spec": {"template": TEMPLATE},
                }
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("spec", "account"),
    [
        ({"serviceAccountName": "a", "serviceAccount": "b"}, "a"),
        ({"serviceAccount": "b"}, "b"),
        ({"serviceAccountName": ""}, ""),
        ({}, ""),
    ],
)
def test_pods_run_as_the_account_that_their_spec_names(
    spec: JsonObject, account: str
) -> None:
    (template,) = pod_templates(
        {"apiVersion": "v1", "kind": "Pod", "spec": spec}
    )
    assert service_account(template) == account
