"""NetworkPolicies of others in the cluster that select pods of components: `verify` lists them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

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
    """The cluster after a run."""
    for manifest in objects_of(compiled_estate(), ON):
        cluster.create(manifest)
    return cluster


def compiled_estate() -> Any:
    result = compiled(BLOG, CHART, stack=ON.stack)
    assert result.estate, result.diagnostics
    return result.estate


def policy(spec: str, namespace: str = "blog", labels: str = "{}") -> Manifest:
    """Return a NetworkPolicy of others with this spec in YAML."""
    made: Manifest = yaml.safe_load(
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, "
        f"metadata: {{name: theirs, namespace: {namespace}, labels: {labels}}}, spec: {{{spec}}}}}"
    )
    return made


def found() -> list[tuple[str, list[str]]]:
    """Return the findings of `verify` about the cluster, each with its reasons."""
    return [
        (altered.name, [reason.text for reason in altered.reasons])
        for altered in workloads(ON, compiled_estate()).altered
    ]


def test_the_policies_of_a_run_are_no_finding(deployed: Cluster) -> None:
    """Nor policies in other namespaces."""
    deployed.put(policy(MYSQL, "elsewhere"))
    assert found() == []


def beside(
    monkeypatch: pytest.MonkeyPatch, theirs: Manifest
) -> list[tuple[Manifest, list[str]]]:
    """Return the result for a cluster with this NetworkPolicy and two pods of the chart."""
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


MYSQL = (
    "podSelector: {matchLabels: {app.oam.dev/component: mysql}}, ingress: [{}]"
)
ALL = "everybody at all ports"
DATA = "podSelector: {matchExpressions: [{key: role, operator: In, values: [data]}, {key: app.oam.dev/name, operator: DoesNotExist}]}, ingress: [{}]"
NEW = "podSelector: {matchExpressions: [{key: role, operator: DoesNotExist}, {key: app.kubernetes.io/instance, operator: Exists}]}, ingress: [{}]"


@pytest.mark.parametrize(
    ("namespace", "spec", "components", "words"),
    [
        ("blog", "podSelector: {}, ingress: [{}]", "blog/mysql, blog/wordpress", ALL),
        ("blog", "ingress: [{}], policyTypes: [Egress, Ingress]", "blog/mysql, blog/wordpress", ALL),
        ("blog", MYSQL.replace("[{}]", "[{from: [{podSelector: {matchLabels: {app: x}}}]}]"), "blog/mysql", "[{podSelector: {matchLabels: {app: x}}}] at all ports"),
        ("blog", MYSQL.replace("[{}]", "[{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 3306}]}, {}]"), "blog/mysql", f"[{{ipBlock: {{cidr: 10.0.0.0/8}}}}] at [{{port: 3306}}]; {ALL}"),
        ("blog", "podSelector: {matchLabels: {tier: web}}, ingress: [{}]", "blog/wordpress", ALL),
        ("blog", "podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [web]}]}, ingress: [{}]", "blog/mysql", ALL),
        ("blog", "podSelector: {matchExpressions: [{key: tier, operator: Exists}]}, ingress: [{}]", "blog/wordpress", ALL),
        ("orders", "podSelector: {matchLabels: {app.kubernetes.io/instance: es}}, ingress: [{}]", "orders/api", ALL),
        ("orders", "podSelector: {matchLabels: {app.oam.dev/name: orders}}, ingress: [{}]", "orders/api", ALL),
        ("orders", DATA, "orders/api", ALL),
        ("orders", NEW, "orders/api", ALL),
    ],
)  # fmt: skip
def test_a_policy_of_others_that_selects_pods_is_found(
    monkeypatch: pytest.MonkeyPatch,
    namespace: str,
    spec: str,
    components: str,
    words: str,
) -> None:
    """Pods of a chart have labels that only the cluster knows."""
    theirs = policy(spec, namespace)
    (found,) = beside(monkeypatch, theirs)
    assert found == (theirs, components.split(", "))
    assert callers(theirs) == words.split("; ")


@pytest.mark.parametrize(
    "spec",
    [
        "podSelector: {}, ingress: []",
        "podSelector: {}, ingress: [{}], policyTypes: [Egress]",
        "podSelector: {matchLabels: {app: by-hand}}, ingress: [{}]",
        "podSelector: {matchLabels: {tier: web, app: x}}, ingress: [{}]",
        "podSelector: {matchExpressions: [{key: tier, operator: In, values: [db]}]}, ingress: [{}]",
        "podSelector: {matchExpressions: [{key: app.oam.dev/component, operator: DoesNotExist}]}, ingress: [{}]",
    ],
)
def test_a_policy_that_opens_nothing_is_not_found(
    monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    """It lets nobody in, or selects no pods of a component."""
    assert beside(monkeypatch, policy(spec)) == []


def test_verify_names_the_callers_and_the_owner(deployed: Cluster) -> None:
    """Another stack of ours, or whoever made the NetworkPolicy."""
    deployed.put(policy(MYSQL))
    (altered,) = workloads(ON, compiled_estate()).altered
    reason = Reason(
        "it adds callers to pods of blog/mysql, whose access traits decide: everybody at all ports",
        "ask its owner to remove it, or turn it off in its chart; `internal` in an access trait admits callers",
    )
    assert altered == Altered("NetworkPolicy 'blog/theirs'", (reason,))
    shown = page("how-to/verify.md")
    assert (
        f"changed: {altered.name}: {reason.text}\n        to do: {reason.remedy}\n"
        in shown
    )
    deployed.put(policy(MYSQL, labels="{kong-oam.dev/stack: dev}"))
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
