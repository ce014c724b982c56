"""Every built-in type of components and of traits on a real Kubernetes API server, with the
official plugin.

The tests of this file run in order on one stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import yaml

from kong_oam.__main__ import main
from sandbox.kong import Lags
from sandbox.local import STACK, Local
from sandbox.project import project, stack_file
from tests.support.engine.calls import call, service_token
from tests.support.engine.deployment import (
    Deployment,
    remove_applications,
    start,
)
from tests.support.json_object import JsonObject
from tests.support.official import built_ins
from tests.support.official.cluster import Kubernetes, Object
from tests.support.streams import Capsys

BUILT_INS, KEPT = "applications/built-ins.yaml", "applications/kept.yaml"
NOT_HERE = {
    "helmchart": "needs a repository of charts",
    "ref-objects": "is refused: nothing here has the objects",
}
GATES = {
    "running/web-8080-admission": "update",
    "running/web-8080-gate": "update",
}
"""A gate names the version of a client's pods that it belongs to."""


@pytest.fixture(scope="module")
def stack(
    cluster: Kubernetes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The stack with only these Applications, before its first `up`, on a cluster with volumes. It
    is destroyed afterwards."""
    for number in range(6):
        cluster.ask(
            "POST",
            "/api/v1/persistentvolumes",
            built_ins.volume(f"volume-{number}"),
        )
    with Local(lags=Lags(), real=cluster.as_cluster()) as local:
        deployment = start(local, project(tmp_path_factory.mktemp("project")))
        remove_applications(deployment.folder)
        (deployment.folder / BUILT_INS).write_text(
            built_ins.APPLICATIONS.read_text("utf-8"), "utf-8"
        )
        with deployment.config() as config:
            config.setdefault("kong-oam:cluster", {})["rbac"] = True
        try:
            yield deployment
        finally:
            deployment.run("destroy", check=False)
            cluster.kubectl("delete", "persistentvolumes", "--all")


@pytest.fixture
def settled(
    stack: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> Callable[[], None]:
    """Check that another run makes no change, that a refresh finds none, and that `verify` has no
    finding."""

    def ask() -> None:
        stack.assert_unchanged()
        stack.assert_unchanged("preview", "--refresh")
        with monkeypatch.context() as patch:
            stack.enter(patch)
            assert (
                main(["verify", "--stack", STACK, "--only", "cluster"]) == 0
            ), capsys.readouterr().out

    return ask


def test_every_built_in_type_is_deployed(
    stack: Deployment, cluster: Kubernetes, settled: Callable[[], None]
) -> None:
    """A second run makes no change, clients call, and no Ingress bypasses the gateway."""
    assert (
        built_ins.types_in(stack.folder / BUILT_INS)
        == built_ins.built_in_types() - NOT_HERE.keys()
    )
    assert set(stack.changes("up").values()) == {"create"}
    settled()
    for client in ("store", "batch"):
        token = service_token(stack.local, client)
        assert (
            call(stack.local, "GET", "web.example.com", "/things", token).status
            == 200
        )
    assert call(stack.local, "GET", "web.example.com", "/things").status == 401
    assert call(stack.local, "GET", "oldest.example.com", "/").status == 200
    assert cluster.objects("Ingress") == []
    assert (
        _found(cluster, "StatefulSet", "store")["spec"]["replicas"] == 2
    )  # its autoscaler has set this number


def test_only_the_gateway_connects_to_pods_of_any_kind(
    stack: Deployment, cluster: Kubernetes
) -> None:
    """An independent reading of the NetworkPolicies agrees: only to the routed ports of pods behind
    a gateway."""
    settings = yaml.safe_load(stack_file(stack.folder).read_text("utf-8"))[
        "config"
    ]
    labels = ",".join(
        f"{name}={value}"
        for name, value in settings["kong-oam:gateway"]["podLabels"].items()
    )
    cluster.kubectl("create", "namespace", "kong")
    cluster.kubectl(
        "run", "gateway", "--namespace=kong", "--image=x", f"--labels={labels}"
    )
    try:
        cluster.kubectl(
            "wait",
            "--for=condition=Ready",
            "--timeout=30s",
            "--namespace=kong",
            "pod/gateway",
        )
        pods = {
            pod["status"]["podIP"]: pod
            for pod in cluster.objects("Pod")
            if pod["status"]["phase"] == "Running"
        }
        (gateway,) = (
            address
            for address, item in pods.items()
            if item["metadata"]["name"] == "gateway"
        )
        others = pods.keys() - {gateway}
        asked = [
            (source, address, port)
            for address in others
            for source in (*pods, cluster.node_address, "203.0.113.9")
            for port in (22, 5432, 8080, 9100)
            if source != address
        ]
        passing = {
            connection
            for connection, passes in zip(
                asked, cluster.passes(asked), strict=True
            )
            if passes
        }
        routed = {
            address
            for address in others
            if pods[address]["metadata"]["labels"]["app.oam.dev/component"]
            in ("web", "old", "older", "oldest")
        }
        assert len(routed) == 5 and len(others) > 10
        assert passing == {(gateway, address, 8080) for address in routed}
    finally:
        cluster.kubectl("delete", "namespace", "kong")


CHANGES: dict[str, tuple[str, str, dict[str, str], str]] = {
    "the image of a Deployment": (
        "registry.example.com/web:2",
        "registry.example.com/web:3",
        {"running/web-deployment": "update"},
        "deployments default/web",
    ),
    "the replicas of a trait": (
        "scaler, properties: {replicas: 1}",
        "scaler, properties: {replicas: 2}",
        {"once/afterwards-deployment": "update"},
        "deployments default/afterwards",
    ),
    "the image of a StatefulSet that is a client": (
        "registry.example.com/store:1",
        "registry.example.com/store:2",
        {"running/store/statefulset/store": "update", **GATES},
        "statefulsets default/store",
    ),
    "a variable of a DaemonSet": (
        "env: {LEVEL: low}",
        "env: {LEVEL: high}",
        {"running/agent/daemonset/agent": "update"},
        "daemonsets default/agent",
    ),
    "the command of a Job, which runs again": (
        "cmd: [run]",
        "cmd: [walk]",
        {"once/batch/job/once-batch": "create-replacement", **GATES},
        "jobs default/once-batch",
    ),
    "the time of a CronJob": (
        'schedule: "0 4 1 1 *"',
        'schedule: "0 5 1 1 *"',
        {"once/nightly/cronjob/nightly": "update"},
        "cronjobs default/nightly",
    ),
    "the most of an autoscaler": (
        "cpuscaler, properties: {max: 3}",
        "cpuscaler, properties: {max: 4}",
        {"running/plain/horizontalpodautoscaler/plain": "update"},
        "horizontalpodautoscalers default/plain",
    ),
    "the data of a ConfigMap that a trait makes": (
        "data: {level: low}",
        "data: {level: high}",
        {"running/web/configmap/web-settings": "update"},
        "configmaps default/web-settings",
    ),
    "the data of a Secret": (
        "stringData: {password: opaque}",
        "stringData: {password: other}",
        {"once/things/secret/shared": "update"},
        "secrets default/shared",
    ),
    "the image of a Pod, which is made anew": (
        "image: registry.example.com/alone",
        "image: registry.example.com/alone:2",
        {"once/things/pod/alone": "create-replacement"},
        "pods default/alone",
    ),
    "one object": (
        'metadata: {name: lone}, data: {a: "1"}',
        'metadata: {name: lone}, data: {a: "2"}',
        {"once/lone/configmap/lone": "update"},
        "configmaps default/lone",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reaches_its_own_objects_alone(
    stack: Deployment, cluster: Kubernetes, change: str
) -> None:
    """The run's output and the API server's audit log show no other change."""
    old, new, changed, written = CHANGES[change]
    before = len(cluster.written())
    stack.edit(BUILT_INS, old, new)
    assert stack.changes("up") == changed
    assert {
        write.resource
        for write in cluster.written()[before:]
        if not write.resource.startswith("events ")
    } == {written}


def test_a_removed_trait_removes_its_changes(
    stack: Deployment, cluster: Kubernetes, settled: Callable[[], None]
) -> None:
    """Each trait that changes a Deployment's pods leaves no field behind; with the traits again,
    the pods are the same."""
    before, text = (
        _pods(cluster, "web"),
        (stack.folder / BUILT_INS).read_text("utf-8"),
    )
    applications = list(yaml.safe_load_all(text))
    (web,) = (
        component
        for component in applications[0]["spec"]["components"]
        if component["name"] == "web"
    )
    web["traits"] = [
        trait
        for trait in web["traits"]
        if trait["type"] in ("gateway", "access")
    ]
    (stack.folder / BUILT_INS).write_text(
        yaml.safe_dump_all(applications), "utf-8"
    )
    stack.run("up")
    (container,) = _pods(cluster, "web").pop("containers")
    assert container.keys() == {
        *("name", "image", "imagePullPolicy", "ports", "resources"),
        *("terminationMessagePath", "terminationMessagePolicy"),
    }
    assert _pods(cluster, "web").keys() == {
        *(
            "containers",
            "dnsPolicy",
            "restartPolicy",
            "schedulerName",
            "securityContext",
        ),
        *(
            "serviceAccount",
            "serviceAccountName",
            "terminationGracePeriodSeconds",
        ),
    }
    assert cluster.objects("Role") == []
    settled()
    (stack.folder / BUILT_INS).write_text(text, "utf-8")
    stack.run("up")
    assert _pods(cluster, "web") == before
    settled()


def test_a_pod_that_becomes_a_client_is_made_anew(
    stack: Deployment, cluster: Kubernetes
) -> None:
    """The API server does not add a credential to the containers of a running pod."""
    trait = "{type: client, properties: {kind: service, calls: [{component: running/web, scopes: [things.read]}]}}"
    stack.edit(
        BUILT_INS,
        "    - name: lone\n",
        f"      traits: [{trait}]\n    - name: lone\n",
    )
    stack.edit(BUILT_INS, "once/batch]", "once/batch, once/things]")
    assert stack.changes("up")["once/things/pod/alone"] == "create-replacement"
    (container,) = _found(cluster, "Pod", "alone")["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "things-client"}}]
    assert stack.changes("preview", "--refresh") == {}


def test_objects_are_kept_as_the_rules_of_their_application_say(
    stack: Deployment, cluster: Kubernetes, settled: Callable[[], None]
) -> None:
    """Objects that stay, that are only read, that are shared, that are written once, and that are
    replaced."""

    def data() -> JsonObject:
        return {
            name: _found(cluster, "ConfigMap", name)["data"]
            for name in ("kept", "looked", "shared", "once", "anew")
        }

    for name in ("looked", "shared"):
        cluster.ask(
            "POST",
            "/api/v1/namespaces/default/configmaps",
            {"metadata": {"name": name}, "data": {"B": "2"}},
        )
    text = built_ins.KEPT.read_text("utf-8")
    (stack.folder / KEPT).write_text(text, "utf-8")
    stack.run("up")
    assert data() == {
        **{name: {"A": "1"} for name in ("kept", "once", "anew")},
        "looked": {"B": "2"},
        "shared": {"A": "1", "B": "2"},
    }
    settled()
    uid = _found(cluster, "ConfigMap", "anew")["metadata"]["uid"]
    for name in ("shared", "once", "anew"):
        stack.edit(
            KEPT,
            f'{{name: {name}}}, data: {{A: "1"}}',
            f'{{name: {name}}}, data: {{A: "3"}}',
        )
    stack.run("up")
    assert data()["once"] == {"A": "1"}
    assert data()["shared"] == {"A": "3", "B": "2"}
    assert (
        data()["anew"] == {"A": "3"}
        and _found(cluster, "ConfigMap", "anew")["metadata"]["uid"] != uid
    )
    settled()


def test_a_destroy_leaves_objects_of_others(
    stack: Deployment, cluster: Kubernetes
) -> None:
    """Objects that a rule keeps stay too."""
    stack.run("destroy")
    left = {
        f"{kind} {found['metadata']['name']}"
        for kind in built_ins.KINDS
        for found in cluster.objects(kind)
        if found["metadata"]["name"] != "kube-root-ca.crt"
    }
    assert left == {"ConfigMap kept", "ConfigMap looked", "ConfigMap shared"}
    cluster.kubectl("delete", "configmap", "kept", "looked", "shared")


def _found(cluster: Kubernetes, kind: str, name: str) -> Object:
    (found,) = (
        item
        for item in cluster.objects(kind)
        if item["metadata"]["name"] == name
    )
    return found


def _pods(cluster: Kubernetes, name: str) -> Object:
    spec: Object = _found(cluster, "Deployment", name)["spec"]["template"][
        "spec"
    ]
    return spec
