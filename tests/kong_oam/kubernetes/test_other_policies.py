"""NetworkPolicies of others in the cluster that select pods of components: `verify` lists them."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.estate import objects_of
from kong_oam.kubernetes.other_policies import callers, other_policies
from kong_oam.objects.pods import Manifest
from kong_oam.verify.stack import Altered, Reason, workloads
from sandbox.cluster import Cluster, Key
from tests.support.diffs import settings
from tests.support.documentation import page
from tests.support.rendered import DEPLOYMENT, application, compiled

ON = settings("prod")
BLOG = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: blog, namespace: blog}
spec:
  components:
    - name: wordpress
      type: webservice
      properties: {image: wordpress, labels: {tier: web}}
    - name: mysql
      type: webservice
      properties: {image: mysql, ports: [{port: 3306}]}
      traits:
        - {type: access, properties: {internal: [{port: 3306, components: [blog/wordpress]}]}}
"""
RELEASE = "apiVersion: helm.sh/v3\nkind: Release\nmetadata: {name: es, namespace: orders}\nspec: {chart: es}\n"
SERVICE = "{name: es, port: 9200, podLabels: {app.kubernetes.io/instance: es}}"
CHART = application(
    f"{RELEASE}---{DEPLOYMENT}",
    f"[{{type: access, properties: {{owner: o, service: {SERVICE}}}}}]",
    "type: helmchart",
)


@pytest.fixture
def deployed(cluster: Cluster) -> Cluster:
    """The cluster after a run, with two pods of the chart and a pod of nobody."""
    for manifest in made():
        cluster.create(manifest)
    for namespace, labels in (
        ("orders", {"app.kubernetes.io/instance": "es", "role": "data"}),
        ("orders", {"app.kubernetes.io/instance": "es", "role": "master"}),
        ("blog", {"app": "by-hand"}),
    ):
        name = f"pod-{'-'.join(labels.values())}"
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "namespace": namespace,
                    "name": name,
                    "labels": labels,
                },
            }
        )
    return cluster


def made() -> list[Manifest]:
    return [*objects_of(compiled_estate(), ON)]


def compiled_estate() -> Any:
    result = compiled(BLOG, CHART, stack=ON.stack)
    assert result.estate, result.diagnostics
    return result.estate


def policy(
    selector: Any,
    *ingress: Any,
    namespace: str = "blog",
    labels: Any = (),
    **spec: Any,
) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "namespace": namespace,
            "name": "theirs",
            "labels": dict(labels),
        },
        "spec": {"podSelector": selector, "ingress": list(ingress), **spec},
    }


def found() -> list[tuple[str, list[str]]]:
    """Return the findings of `verify` about the cluster, each with its reasons."""
    return [
        (altered.name, [reason.text for reason in altered.reasons])
        for altered in workloads(ON, compiled_estate()).altered
    ]


def test_the_policies_of_a_run_are_no_finding(deployed: Cluster) -> None:
    """Nor policies in other namespaces."""
    deployed.put(policy({}, {}, namespace="elsewhere"))
    assert found() == []


def beside(
    monkeypatch: pytest.MonkeyPatch, theirs: Manifest
) -> list[tuple[Manifest, list[str]]]:
    """Return the result for a cluster with this NetworkPolicy and the pods of `deployed`."""
    policies = {theirs["metadata"]["namespace"]: [theirs]}
    monkeypatch.setattr(
        kubectl,
        "network_policies",
        lambda _, namespace: policies.get(namespace, []),
    )
    pods = [
        {"app.kubernetes.io/instance": "es", "role": role}
        for role in ("data", "master")
    ]
    monkeypatch.setattr(kubectl, "labels_of_pods", lambda *_: pods)
    sites = [*compiled_estate().components.values()]
    return [*other_policies(None, sites, ())]


MYSQL = {"matchLabels": {"app.oam.dev/component": "mysql"}}
HERE = {"from": [{"podSelector": {"matchLabels": {"app": "x"}}}]}
DATA = {
    "matchExpressions": [
        {"key": "role", "operator": "In", "values": ["data"]},
        {"key": "app.oam.dev/name", "operator": "DoesNotExist"},
    ]
}


@pytest.mark.parametrize(
    ("theirs", "components", "words"),
    [
        (policy({}, {}), "blog/mysql, blog/wordpress", "everybody at all ports"),
        (policy({}, {}, policyTypes=["Egress", "Ingress"]), "blog/mysql, blog/wordpress", "everybody at all ports"),
        (policy(MYSQL, HERE), "blog/mysql", "[{podSelector: {matchLabels: {app: x}}}] at all ports"),
        (policy(MYSQL, {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 3306}]}, {}), "blog/mysql", "[{ipBlock: {cidr: 10.0.0.0/8}}] at [{port: 3306}]; everybody at all ports"),
        (policy({"matchLabels": {"tier": "web"}}, {}), "blog/wordpress", "everybody at all ports"),
        (policy({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}, {}), "blog/mysql", "everybody at all ports"),
        (policy({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, {}), "blog/wordpress", "everybody at all ports"),
        (policy({"matchLabels": {"app.kubernetes.io/instance": "es"}}, {}, namespace="orders"), "orders/api", "everybody at all ports"),
        (policy(DATA, {}, namespace="orders"), "orders/api", "everybody at all ports"),
        (policy({"matchLabels": {"app.oam.dev/name": "orders"}}, {}, namespace="orders"), "orders/api", "everybody at all ports"),
        (policy({"matchExpressions": [{"key": "role", "operator": "DoesNotExist"}, {"key": "app.kubernetes.io/instance", "operator": "Exists"}]}, {}, namespace="orders"), "orders/api", "everybody at all ports"),
    ],
)  # fmt: skip
def test_a_policy_of_others_that_selects_pods_is_found(
    monkeypatch: pytest.MonkeyPatch,
    theirs: Manifest,
    components: str,
    words: str,
) -> None:
    """Pods of a chart have labels that only the cluster knows."""
    (found,) = beside(monkeypatch, theirs)
    assert found == (theirs, components.split(", "))
    assert callers(theirs) == words.split("; ")


@pytest.mark.parametrize(
    "theirs",
    [
        policy({}),
        policy({}, {}, policyTypes=["Egress"]),
        policy({"matchLabels": {"app": "by-hand"}}, {}),
        policy({"matchLabels": {"tier": "web", "app": "x"}}, {}),
        policy({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["db"]}]}, {}),
        policy({"matchExpressions": [{"key": "app.oam.dev/component", "operator": "DoesNotExist"}]}, {}),
        policy({"matchLabels": {"role": "client"}}, {}, namespace="orders"),
    ],
)  # fmt: skip
def test_a_policy_that_opens_nothing_is_not_found(
    monkeypatch: pytest.MonkeyPatch, theirs: Manifest
) -> None:
    """It lets nobody in, or selects no pods of a component."""
    assert beside(monkeypatch, theirs) == []


def test_verify_names_the_callers_and_the_owner(deployed: Cluster) -> None:
    """Another stack of ours, or whoever made the NetworkPolicy."""
    deployed.put(policy(MYSQL, {}))
    (altered,) = workloads(ON, compiled_estate()).altered
    reason = Reason(
        "it adds callers to pods of blog/mysql, whose access traits decide: everybody at all ports",
        "ask its owner to remove it; `internal` in an access trait admits callers",
    )
    assert altered == Altered("NetworkPolicy 'blog/theirs'", (reason,))
    shown = page("how-to/verify.md")
    assert (
        f"changed: {altered.name}: {reason.text}\n        to do: {reason.remedy}\n"
        in shown
    )
    deployed.put(policy(MYSQL, {}, labels={"kong-oam.dev/stack": "dev"}))
    (altered,) = workloads(ON, compiled_estate()).altered
    assert [reason.stack for reason in altered.reasons] == ["dev"]


def test_a_changed_connection_of_ours_is_drift(deployed: Cluster) -> None:
    """For a webservice, and for the pods behind `access.service`."""
    key = Key("networking.k8s.io/v1", "NetworkPolicy", "blog", "mysql")
    mysql = deployed.get(key) or {}
    (rule,) = mysql["spec"]["ingress"]
    rule["from"].append({"namespaceSelector": {}})
    deployed.put(mysql)
    assert found() == [
        (
            "NetworkPolicy 'blog/mysql'",
            ["spec.ingress was changed by kubectl-edit"],
        )
    ]
