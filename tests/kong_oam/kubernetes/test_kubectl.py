"""The names of objects in `kubectl` commands."""

from __future__ import annotations

import pytest

from kong_oam.kubernetes.kubectl import name_of, patch, resource_of


@pytest.mark.parametrize(
    ("api_version", "kind", "known", "resource"),
    [
        ("apps/v1", "Deployment", "Deployment", "deployments.apps"),
        ("v1", "Service", "Service", "services"),
        ("v1", "ConfigMap", "ConfigMap", "configmap"),
        (
            "apps/v1",
            "StatefulSet",
            "StatefulSet.v1.apps",
            "statefulset.v1.apps",
        ),
        (
            "serving.knative.dev/v1",
            "Service",
            "Service.v1.serving.knative.dev",
            "service.v1.serving.knative.dev",
        ),
        (
            "crd.projectcalico.org/v1",
            "NetworkPolicy",
            "NetworkPolicy.v1.crd.projectcalico.org",
            None,
        ),
    ],
)
def test_kinds_of_one_name_are_told_apart(
    api_version: str, kind: str, known: str, resource: str | None
) -> None:
    """The name has version and group, except for kinds that every component has."""
    manifest = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "a", "namespace": "n"},
    }
    assert name_of(manifest) == ("n", known, "a")
    assert resource_of(known) == (resource or known.lower())


def test_what_is_in_no_namespace_is_looked_for_in_none() -> None:
    """A custom kind gets a merge patch."""
    role = name_of(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "r"},
        }
    )
    assert patch(None, role, {"rules": None}) == (
        "kubectl patch clusterrole.v1.rbac.authorization.k8s.io/r -p '{\"rules\": null}'"
    )
    name = name_of(
        {
            "apiVersion": "example.com/v1",
            "kind": "Thing",
            "metadata": {"name": "t", "namespace": "n"},
        }
    )
    assert patch("c", name, {"spec": None}) == (
        "kubectl --context=c --namespace=n patch thing.v1.example.com/t --type=merge -p '{\"spec\": null}'"
    )
