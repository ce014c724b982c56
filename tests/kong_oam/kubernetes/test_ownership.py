"""Manual changes in an object, as its API server records them, and the patches that undo them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from kong_oam.kubernetes.ownership import FieldChange, changes
from kong_oam.objects import manifests, webservice
from kong_oam.objects.manifests import Exposure, GatewayPeer, Workload
from sandbox.cluster import Cluster, Key
from sandbox.kubectl import merged
from tests.support.json_object import JsonObject

WORKLOAD = Workload(
    application="orders",
    namespace="sales",
    component="api",
    type="webservice",
    properties={
        "image": "x",
        "ports": [{"port": 8080}],
        "env": [{"name": "A", "value": "1"}],
    },
    labels={},
    annotations={},
    exposures=(Exposure(None, (8080,)),),
)
DEPLOYMENT = webservice.deployment(WORKLOAD)
DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [
    {"secretRef": {"name": "api-client"}}
]
POLICY = manifests.network_policy(
    WORKLOAD, GatewayPeer("kong", {"app": "kong"}, ("10.0.0.0/8",)), (8080,)
)
CLOSED = manifests.network_policy(WORKLOAD, GatewayPeer(None, {}), (8080,))
ACCOUNT = manifests.service_account(WORKLOAD)
(SERVICE,) = webservice.services(WORKLOAD)
SECRET = {
    **manifests.client_secret(WORKLOAD),
    "data": {"A": "YQ==", "B": "Yg=="},
}

# The record of kube-apiserver 1.35.4 for DEPLOYMENT, applied as the official plugin does. `kubectl
# edit` changed the image, a container, a variable and hostNetwork; `kubectl scale` changed
# replicas. Its controllers run.
RECORDED: list[JsonObject] = yaml.safe_load("""
- manager: pulumi-kubernetes-00000005
  operation: Apply
  apiVersion: apps/v1
  time: '2026-11-27T05:30:13Z'
  fieldsType: FieldsV1
  fieldsV1:
    f:metadata:
      f:labels:
        f:app.oam.dev/appRevision: {}
        f:app.oam.dev/component: {}
        f:app.oam.dev/name: {}
        f:app.oam.dev/namespace: {}
        f:app.oam.dev/resourceType: {}
        f:workload.oam.dev/type: {}
    f:spec:
      f:selector: {}
      f:template:
        f:metadata:
          f:labels:
            f:app.oam.dev/component: {}
            f:app.oam.dev/name: {}
        f:spec:
          f:containers:
            k:{"name":"api"}:
              .: {}
              f:env:
                k:{"name":"A"}:
                  .: {}
                  f:name: {}
                  f:value: {}
              f:envFrom: {}
              f:name: {}
              f:ports:
                k:{"containerPort":8080,"protocol":"TCP"}:
                  .: {}
                  f:containerPort: {}
                  f:name: {}
                  f:protocol: {}
          f:serviceAccountName: {}
- manager: kube-controller-manager
  operation: Update
  apiVersion: apps/v1
  time: '2026-11-27T05:30:13Z'
  fieldsType: FieldsV1
  fieldsV1:
    f:metadata:
      f:annotations:
        .: {}
        f:deployment.kubernetes.io/revision: {}
    f:status:
      f:observedGeneration: {}
      f:replicas: {}
  subresource: status
- manager: kubectl
  operation: Update
  apiVersion: apps/v1
  time: '2026-11-27T05:30:13Z'
  fieldsType: FieldsV1
  fieldsV1:
    f:spec:
      f:replicas: {}
- manager: kubectl-edit
  operation: Update
  apiVersion: apps/v1
  time: '2026-11-27T05:30:13Z'
  fieldsType: FieldsV1
  fieldsV1:
    f:spec:
      f:template:
        f:spec:
          f:containers:
            k:{"name":"api"}:
              f:env:
                k:{"name":"LD_PRELOAD"}:
                  .: {}
                  f:name: {}
                  f:value: {}
              f:image: {}
            k:{"name":"spy"}:
              .: {}
              f:image: {}
              f:imagePullPolicy: {}
              f:name: {}
              f:resources: {}
              f:terminationMessagePath: {}
              f:terminationMessagePolicy: {}
          f:hostNetwork: {}
""")


def test_changes_are_read_from_an_api_server() -> None:
    """By path, manager and time. Changed fields have no patch, since the next run restores them."""
    live = copy.deepcopy(DEPLOYMENT)
    live["metadata"]["managedFields"] = RECORDED
    live["spec"]["replicas"] = 3
    pod = live["spec"]["template"]["spec"]
    pod["hostNetwork"] = True
    pod["containers"].append({"name": "spy", "image": "spy:1"})
    pod["containers"][0] |= {
        "image": "other:1",
        "env": [*pod["containers"][0]["env"], {"name": "LD_PRELOAD"}],
    }
    since, inside = "2026-11-27T05:30:13Z", "spec.template.spec"

    def of(containers: Any) -> Any:
        return {"spec": {"template": {"spec": {"containers": [containers]}}}}

    assert changes(DEPLOYMENT, live) == (
        FieldChange(
            "spec.replicas", "kubectl", since, {"spec": {"replicas": None}}
        ),
        FieldChange(
            f"{inside}.containers[api].env[LD_PRELOAD]",
            "kubectl-edit",
            since,
            of(
                {
                    "name": "api",
                    "env": [{"name": "LD_PRELOAD", "$patch": "delete"}],
                }
            ),
        ),
        FieldChange(f"{inside}.containers[api].image", "kubectl-edit", since),
        FieldChange(
            f"{inside}.containers[spy]",
            "kubectl-edit",
            since,
            of({"name": "spy", "$patch": "delete"}),
        ),
        FieldChange(
            f"{inside}.hostNetwork",
            "kubectl-edit",
            since,
            {"spec": {"template": {"spec": {"hostNetwork": None}}}},
        ),
    )


def _pod(**fields: Any) -> JsonObject:
    return {"spec": {"template": {"spec": fields}}}


def _container(**fields: Any) -> JsonObject:
    return _pod(containers=[{"name": "api", **fields}])


def _about(**fields: Any) -> JsonObject:
    return {"spec": {"template": {"metadata": fields}}}


POD, CONTAINER = "spec.template.spec", "spec.template.spec.containers[api]"
TAKEN_OUT, PUT_BACK = True, False
HANDS: dict[str, tuple[JsonObject, JsonObject, dict[str, bool]]] = {
    "another image": (
        DEPLOYMENT,
        _container(image="other:1"),
        {f"{CONTAINER}.image": PUT_BACK},
    ),
    "one more container": (
        DEPLOYMENT,
        _pod(containers=[{"name": "spy", "image": "spy:1"}]),
        {f"{POD}.containers[spy]": TAKEN_OUT},
    ),
    "a command": (
        DEPLOYMENT,
        _container(command=["sh"]),
        {f"{CONTAINER}.command": TAKEN_OUT},
    ),
    "one more variable": (
        DEPLOYMENT,
        _container(env=[{"name": "LD_PRELOAD", "value": "x"}]),
        {f"{CONTAINER}.env[LD_PRELOAD]": TAKEN_OUT},
    ),
    "another value": (
        DEPLOYMENT,
        _container(env=[{"name": "A", "value": "2"}]),
        {f"{CONTAINER}.env[A].value": PUT_BACK},
    ),
    "another Secret": (
        DEPLOYMENT,
        _container(envFrom=[{"secretRef": {"name": "else"}}]),
        {f"{CONTAINER}.envFrom": PUT_BACK},
    ),
    "no variable": (
        DEPLOYMENT,
        _container(env=[{"name": "A", "$patch": "delete"}]),
        {f"{CONTAINER}.env": PUT_BACK},
    ),
    "a label of pods": (
        DEPLOYMENT,
        _about(labels={"x": "y"}),
        {"spec.template.metadata.labels.x": TAKEN_OUT},
    ),
    "an annotation of pods, and a restart": (
        DEPLOYMENT,
        _about(
            annotations={
                "kubectl.kubernetes.io/restartedAt": "now",
                "inject": "yes",
            }
        ),
        {"spec.template.metadata.annotations.inject": TAKEN_OUT},
    ),
    "a volume": (
        DEPLOYMENT,
        _pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
        {f"{POD}.volumes[v]": TAKEN_OUT},
    ),
    "more pods": (
        DEPLOYMENT,
        {"spec": {"replicas": 5}},
        {"spec.replicas": TAKEN_OUT},
    ),
    "as many pods as without": (DEPLOYMENT, {"spec": {"replicas": 1}}, {}),
    "everybody let in": (
        POLICY,
        {"spec": {"ingress": [{}]}},
        {"spec.ingress": PUT_BACK},
    ),
    "everybody let in where nobody is": (
        CLOSED,
        {"spec": {"ingress": [{}]}},
        {"spec.ingress": PUT_BACK},
    ),
    "rules for what goes out": (
        POLICY,
        {"spec": {"egress": [{}], "policyTypes": ["Ingress", "Egress"]}},
        {"spec.egress": TAKEN_OUT, "spec.policyTypes": PUT_BACK},
    ),
    "a port of the Service": (
        SERVICE,
        {"spec": {"ports": [{"port": 22, "targetPort": 22, "name": "ssh"}]}},
        {"spec.ports[22/TCP]": TAKEN_OUT},
    ),
    "other pods behind": (
        SERVICE,
        {"spec": {"selector": {"a": "b"}}},
        {"spec.selector": PUT_BACK},
    ),
    "addresses outside": (
        SERVICE,
        {"spec": {"externalIPs": ["1.2.3.4"]}},
        {"spec.externalIPs": TAKEN_OUT},
    ),
    "a port of each node": (
        SERVICE,
        {"spec": {"type": "NodePort"}},
        {"spec.type": TAKEN_OUT},
    ),
    "a cloud's role": (
        ACCOUNT,
        {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "x"}}},
        {"metadata.annotations.eks.amazonaws.com/role-arn": TAKEN_OUT},
    ),
    "a token of the API": (
        ACCOUNT,
        {"automountServiceAccountToken": True},
        {"automountServiceAccountToken": PUT_BACK},
    ),
    "a key": (
        SECRET,
        {"data": {"LD_PRELOAD": "eA=="}},
        {"data.LD_PRELOAD": TAKEN_OUT},
    ),
}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """An empty cluster."""
    made = Cluster().start()
    yield made
    made.stop()


@pytest.mark.parametrize("hand", HANDS)
def test_manual_changes_are_found_and_undone(
    cluster: Cluster, hand: str
) -> None:
    """On the stand-in, with the paths of kube-apiserver 1.35.4, where each remedy worked too."""
    wanted, change, expected = HANDS[hand]
    key = Key.of(wanted)
    cluster.apply(wanted, force=True)
    applied = cluster.shown(key)
    assert applied is not None
    assert changes(wanted, applied) == ()
    cluster.put(merged(_bare(applied), change))
    edited = cluster.shown(key)
    assert edited is not None
    found = changes(wanted, edited)
    assert {
        change.path: change.patch is not None for change in found
    } == expected
    for repair in found:
        if repair.patch:
            cluster.put(merged(_bare(cluster.shown(key)), repair.patch))
    cluster.apply(wanted, force=True)
    repaired = cluster.shown(key)
    assert repaired is not None
    assert changes(wanted, repaired) == ()


def test_created_fields_belong_to_the_program(cluster: Cluster) -> None:
    """The plugin creates with a plain write, which also owns defaults. Fields below a default are
    not its own."""
    cluster.apply(DEPLOYMENT, force=True)
    live = cluster.shown(Key.of(DEPLOYMENT))
    assert live is not None
    (applied,) = live["metadata"]["managedFields"]
    inside = applied["fieldsV1"]["f:spec"]["f:template"]["f:spec"]
    inside |= {"f:dnsPolicy": {}, "f:securityContext": {}}
    created = {**applied, "manager": "pulumi-kubernetes", "operation": "Update"}
    fields = {
        "f:spec": {
            "f:template": {"f:spec": {"f:securityContext": {"f:runAsUser": {}}}}
        }
    }
    edited = {
        **applied,
        "manager": "kubectl-edit",
        "operation": "Update",
        "fieldsV1": fields,
    }
    live["metadata"]["managedFields"] = [created]
    assert changes(DEPLOYMENT, live) == ()
    live["metadata"]["managedFields"] = [created, edited]
    live["spec"]["template"]["spec"] |= {
        "dnsPolicy": "ClusterFirst",
        "securityContext": {"runAsUser": 0},
    }
    patch = {
        "spec": {"template": {"spec": {"securityContext": {"runAsUser": None}}}}
    }
    path = "spec.template.spec.securityContext.runAsUser"
    assert changes(DEPLOYMENT, live) == (
        FieldChange(path, "kubectl-edit", None, patch),
    )


def test_a_field_that_an_api_server_drops_is_not_gone(cluster: Cluster) -> None:
    """kube-apiserver 1.35.4 drops zeros and false of some fields; in other fields they have a
    meaning."""
    wanted = copy.deepcopy(DEPLOYMENT)
    pod = wanted["spec"]["template"]["spec"]
    pod["containers"][0] |= {
        "livenessProbe": {"tcpSocket": {"port": 80}, "initialDelaySeconds": 0},
        "volumeMounts": [{"name": "a", "mountPath": "/a", "readOnly": False}],
    }
    wanted["spec"] |= {"minReadySeconds": 0, "replicas": 0}
    cluster.apply(wanted, force=True)
    key = Key.of(wanted)
    live = cluster.shown(key)
    assert live is not None
    assert "minReadySeconds" not in live["spec"]
    assert changes(wanted, live) == ()
    edited = _bare(live)
    del edited["spec"]["replicas"]
    cluster.put(edited)
    live = cluster.shown(key)
    assert live is not None
    assert changes(wanted, live) == (FieldChange("spec.replicas"),)
    custom = {**wanted, "apiVersion": "example.com/v1"}
    assert "spec.minReadySeconds" in {
        change.path for change in changes(custom, live)
    }


def test_an_object_that_somebody_made_anew_is_theirs(cluster: Cluster) -> None:
    """It has our name, and perhaps our fields, but no run wrote them."""
    cluster.put(SERVICE)
    theirs = cluster.shown(Key.of(SERVICE))
    assert theirs is not None
    found = changes(SERVICE, theirs)
    assert found == (FieldChange("spec", "kubectl-edit"),)


def test_values_of_a_secret_are_not_needed(cluster: Cluster) -> None:
    """Its metadata has the owners of its keys."""
    cluster.apply(SECRET, force=True)
    live = cluster.shown(Key.of(SECRET))
    assert live is not None
    cluster.put(
        {**_bare(live), "data": {**SECRET["data"], "LD_PRELOAD": "eA=="}}
    )
    live = cluster.shown(Key.of(SECRET))
    assert live is not None
    found = changes(
        manifests.client_secret(WORKLOAD),
        {"kind": "Secret", "metadata": live["metadata"]},
    )
    assert found == (
        FieldChange(
            "data.LD_PRELOAD",
            "kubectl-edit",
            None,
            {"data": {"LD_PRELOAD": None}},
        ),
    )


def _bare(live: JsonObject | None) -> JsonObject:
    assert live is not None
    bare: JsonObject = json.loads(json.dumps(live))
    bare["metadata"].pop("managedFields")
    return bare


def test_a_rendered_status_belongs_to_the_cluster() -> None:
    """KubeVela renders a status for a Configuration of Terraform; the API server lets only
    controllers write it."""
    wanted = {
        "apiVersion": "terraform.core.oam.dev/v1beta2",
        "kind": "Configuration",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {"path": "c"},
        "status": {"apply": {}, "destroy": {}},
    }
    entry = {
        "manager": "pulumi-kubernetes",
        "operation": "Apply",
        "fieldsV1": {"f:spec": {"f:path": {}}},
    }
    live = {
        **wanted,
        "status": {"apply": {"state": "Available"}},
        "metadata": {"managedFields": [entry]},
    }
    assert changes(wanted, live) == ()
    assert changes({**wanted, "spec": {"path": "c", "hcl": "d"}}, live) == (
        FieldChange("spec.hcl"),
    )
