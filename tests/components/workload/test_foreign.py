"""What somebody added to an object: said where it matters, and never of what the API server adds itself."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from components.workload.foreign import foreign
from components.workload.manifests import Exposure, GatewayPeer, Workload, deployment, network_policy, services

WORKLOAD = Workload(
    application="orders",
    namespace="sales",
    component="api",
    type="webservice",
    properties={"image": "x", "ports": [{"port": 8080}], "env": [{"name": "A", "value": "1"}]},
    labels={},
    annotations={},
    exposures=(Exposure(None, (8080,)),),
)
PODS = {"template": {"spec": {"containers": [{"name": "api"}]}}}


def completed() -> dict[str, Any]:
    """The Deployment's spec as the API server gives it back."""
    spec = copy.deepcopy(deployment(WORKLOAD)["spec"])
    spec |= {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    }
    pod = spec["template"]["spec"]
    pod |= {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": "api",
        "terminationGracePeriodSeconds": 30,
    }
    pod["containers"][0] |= {
        "imagePullPolicy": "Always",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    spec["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-11-25T00:00:00Z"}
    return spec


def test_defaults_and_restarts_are_nobodys_addition() -> None:
    """Of a Deployment, of a Service with its addresses, and of a NetworkPolicy."""
    assert foreign(completed(), deployment(WORKLOAD)["spec"]) == ()
    (service,) = services(WORKLOAD)
    addresses = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"], "type": "ClusterIP"}
    ports = [{"protocol": "TCP", "nodePort": 30001, **port} for port in service["spec"]["ports"]]
    assert foreign({**service["spec"], **addresses, "ports": ports}, service["spec"]) == ()
    policy = network_policy(WORKLOAD, GatewayPeer("kong", {"app": "kong"}))["spec"]
    assert foreign(policy, policy) == ()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("template", "spec", "containers", 1), {"name": "side"}, "template.spec.containers[side]"),
        (("template", "spec", "initContainers"), [{"name": "one"}], "template.spec.initContainers"),
        (("template", "spec", "hostNetwork"), True, "template.spec.hostNetwork"),
        (("template", "spec", "securityContext"), {"runAsUser": 0}, "template.spec.securityContext"),
        (("template", "spec", "nodeSelector"), {"zone": "a"}, "template.spec.nodeSelector.zone"),
        (("template", "spec", "volumes"), [{"name": "v"}], "template.spec.volumes"),
        (("template", "spec", "containers", 0, "env", 1), {"name": "B"}, "template.spec.containers[api].env[B]"),
        (("template", "spec", "containers", 0, "command"), ["sh"], "template.spec.containers[api].command"),
        (
            ("template", "spec", "containers", 0, "ports", 1),
            {"containerPort": 9, "protocol": "UDP"},
            "template.spec.containers[api].ports[9/UDP]",
        ),
        (("template", "metadata", "labels", "team"), "x", "template.metadata.labels.team"),
        (("template", "metadata", "annotations", "inject"), "true", "template.metadata.annotations.inject"),
    ],
)
def test_what_pods_run_with_is_named(path: tuple[Any, ...], value: Any, said: str) -> None:
    """By its place, and by the name in a list that has names."""
    live = completed()
    node: Any = live
    for key in path[:-1]:
        node = node[key]
    if isinstance(node, list):
        node.insert(path[-1], value)
    else:
        node[path[-1]] = value
    assert foreign(live, deployment(WORKLOAD)["spec"]) == (said,)


def test_a_rule_more_lets_somebody_in() -> None:
    """After ours, where there are none, and in a rule of ours."""
    closed = network_policy(WORKLOAD, GatewayPeer(None, {}))["spec"]
    assert foreign({**closed, "ingress": [{}]}, closed) == ("ingress[0]",)
    spec = network_policy(WORKLOAD, GatewayPeer("kong", {"app": "kong"}))["spec"]
    (rule,) = spec["ingress"]
    assert foreign({**spec, "ingress": [rule, {}]}, spec) == ("ingress[1]",)
    peers = [*rule["from"], {"ipBlock": {"cidr": "0.0.0.0/0"}}]
    assert foreign({**spec, "ingress": [{**rule, "from": peers}]}, spec) == ("ingress[0].from[1]",)


def test_keys_of_maps_are_named_and_their_values_are_not() -> None:
    """Of a Secret, and the cloud's identity of a ServiceAccount."""
    assert foreign({"data": {"A": "very", "B": "hidden"}}, {"data": {"A": "very"}}) == ("data.B",)
    assert foreign({"annotations": {"role": "admin"}}, {}) == ("annotations.role",)


def test_both_spellings_are_the_same() -> None:
    """The SDK's outputs have their own, of numbers as well."""
    live = {"external_ips": ["1"], "ports": [{"port": 80.0, "target_port": 80.0}], "ingress": [{"from_": [{}, {}]}]}
    meant = {"ports": [{"port": 80, "targetPort": 80}], "ingress": [{"from": [{}]}]}
    assert foreign(live, meant) == ("externalIPs", "ingress[0].from[1]")
