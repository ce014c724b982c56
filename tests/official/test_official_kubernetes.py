"""The sample estate on a real Kubernetes API server, with the official plugin: from the first `up` to `destroy`.

Kong, Okta and the workloads are stand-ins, as are the nodes.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from kong_oam.__main__ import main
from sandbox import launchers
from sandbox.kong import Lags
from sandbox.local import STACK, Local
from sandbox.project import project, stack_file
from tests.support.engine.calls import call, service_token
from tests.support.engine.deployment import (
    Deployment,
    remove_applications,
    start,
)
from tests.support.engine.pods import Pods, on
from tests.support.faults.blackout import recover
from tests.support.faults.stacks import Stack
from tests.support.faults.tiny import TINY
from tests.support.json_object import JsonObject
from tests.support.official.cluster import Kubernetes, Object, Written
from tests.support.streams import Capsys

KINDS = ("Deployment", "NetworkPolicy", "Secret", "Service", "ServiceAccount")
CLIENTS = ("checkout", "console", "renderer", "web")
KILLS = (2, 9, 17, 26)
"""The numbers of writes to the cluster after which a first `up` is killed, of some 30."""


def test_the_sample_estate_settles(
    deployed: Deployment, cluster: Kubernetes
) -> None:
    """The official programs run, a second run makes no change, with a refresh and without, and
    calls arrive."""
    assert launchers.KUBERNETES in deployed.local.launchers.official
    assert deployed.changes("up") == {}
    assert deployed.changes("preview", "--refresh") == {}
    assert len(_all(cluster)) == 30
    token = service_token(deployed.local, "checkout")
    asked = [
        call(
            deployed.local, "GET", "orders.example.com", "/orders", credential
        ).status
        for credential in (token, None)
    ]
    assert asked == [200, 401]


def test_only_the_gateway_connects_to_a_pod(
    deployed: Deployment, cluster: Kubernetes
) -> None:
    """An independent reading of the server's NetworkPolicies and pods denies everyone else. This
    covers another component, a pod beside the gateway, and a pod with the gateway's labels
    elsewhere. It also covers a pod of another namespace, a node, and the world."""
    settings = yaml.safe_load(stack_file(deployed.folder).read_text("utf-8"))[
        "config"
    ]
    labels = settings["kong-oam:gateway"]["podLabels"]
    label = ",".join(f"{name}={value}" for name, value in labels.items())
    for namespace in ("kong", "elsewhere"):
        cluster.kubectl("create", "namespace", namespace)
    strangers = {
        ("kong", "gateway"): label,
        ("kong", "beside"): "app=other",
        ("elsewhere", "posing"): label,
    }
    strangers |= {
        ("default", "posing"): label,
        ("elsewhere", "plain"): "app=other",
    }
    for (namespace, name), own in strangers.items():
        cluster.kubectl(
            "run",
            name,
            f"--namespace={namespace}",
            "--image=x",
            f"--labels={own}",
        )
    try:
        at = _addresses(cluster, len(strangers))
        components = {
            name: address
            for (namespace, name), address in at.items()
            if (namespace, name) not in strangers
        }
        sources = [*at.values(), cluster.node_address, "203.0.113.9"]
        ports = {
            (policy["metadata"]["name"], port["port"])
            for policy in cluster.objects("NetworkPolicy")
            for rule in policy["spec"].get("ingress", [])
            for port in rule["ports"]
        }
        asked = [
            (source, address, port)
            for address in components.values()
            for source in sources
            for port in (22, 443, *sorted({port for _, port in ports}))
            if source != address
        ]
        passing = {
            connection
            for connection, passes in zip(
                asked, cluster.passes(asked), strict=True
            )
            if passes
        }
        assert ports >= {("api", 8080), ("web", 3000)}
        assert passing == {
            (at["kong", "gateway"], components[name], port)
            for name, port in ports
        }
    finally:
        for namespace, name in strangers:
            cluster.kubectl(
                "delete",
                "pod",
                name,
                f"--namespace={namespace}",
                "--wait=false",
            )
        cluster.kubectl("delete", "namespace", "kong", "elsewhere")


def _addresses(
    cluster: Kubernetes, strangers: int
) -> dict[tuple[str, str], str]:
    """Return the addresses of all pods, by namespace and component; other pods by their own name."""
    deadline = time.monotonic() + 30
    while True:
        pods = cluster.objects("Pod")
        names = {
            (
                pod["metadata"]["namespace"],
                pod["metadata"]["labels"].get(
                    "app.oam.dev/component", pod["metadata"]["name"]
                ),
            ): (pod["status"].get("podIP"))
            for pod in pods
        }
        if (
            all(names.values())
            and len(names) == len(cluster.objects("Deployment")) + strangers
        ):
            return {name: str(address) for name, address in names.items()}
        assert time.monotonic() < deadline, names
        time.sleep(0.2)


def test_a_rotation_replaces_no_resource_and_denies_no_call(
    deployed: Deployment, cluster: Kubernetes
) -> None:
    """Secrets change in place and Deployments roll, while old and new pods call."""
    on(deployed, 0)
    deployed.run("up")
    pods, before = Pods(deployed.local), len(cluster.written())
    with pods.calling():
        on(deployed, 90)
        deployed.run("up")
        pods.start()
        pods.go_on(20)
        assert deployed.changes("up") == {}
        pods.roll_the_last()
        on(deployed, 97)
        deployed.run("up")
        pods.go_on(20)
    assert set(pods.statuses) == {"200"}, pods.statuses
    wanted = {
        f"patch {kind}"
        for client in CLIENTS
        for kind in (
            f"secrets default/{client}-client",
            f"deployments default/{client}",
        )
    }
    assert _own(cluster.written()[before:]) == wanted
    assert deployed.changes("preview", "--refresh") == {}


def test_manual_changes_are_found_and_reverted(
    deployed: Deployment,
    cluster: Kubernetes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """Changed, added, removed and deleted: `verify` names each change with its author, and its
    command reverts it."""
    deployed.enter(monkeypatch)
    ask = ["verify", "--stack", STACK, "--only", "cluster"]
    assert main(ask) == 0, capsys.readouterr()
    capsys.readouterr()
    before = [_lasting(item) for item in _all(cluster)]
    for resource, kind, patch in HANDS:
        cluster.kubectl(
            "patch",
            resource,
            f"--type={kind}",
            "--field-manager=kubectl-edit",
            f"--patch={json.dumps(patch)}",
        )
    cluster.kubectl("delete", "serviceaccount", "checkout")
    assert main(ask) == 1
    out = capsys.readouterr().out
    assert SECRET not in out
    found = [
        line.removeprefix("changed: ")
        for line in out.splitlines()
        if line.startswith("changed: ")
    ]
    assert [
        re.sub(r" at \d{4}-\d\d-\d\dT[\d:]{8}Z", "", line) for line in found
    ] == FOUND
    commands = [
        line.removeprefix("    to do: ")
        for line in out.splitlines()
        if line.startswith("    to do: ")
    ]
    for command in dict.fromkeys(
        part for line in commands for part in line.split(" && ")
    ):
        if not command.startswith("pulumi"):
            subprocess.run(
                command,
                shell=True,
                check=True,
                timeout=60,
                env=deployed.local.env,
            )
    deployed.run("up", "--refresh")
    assert main(ask) == 0, capsys.readouterr()
    assert [_lasting(item) for item in _all(cluster)] == before
    assert deployed.changes("preview", "--refresh") == {}


SECRET = "b3RoZXI="
POD = {
    "containers": [
        {"name": "api", "image": "elsewhere.example.com/other:1"},
        {"name": "side", "image": "elsewhere.example.com/side:1"},
    ]
}
HANDS: Sequence[tuple[str, str, Object]] = (
    (
        "deployment/api",
        "strategic",
        {"spec": {"replicas": 4, "template": {"spec": POD}}},
    ),
    ("networkpolicy/api", "merge", {"spec": {"ingress": [{}]}}),
    ("secret/checkout-client", "merge", {"data": {"LD_PRELOAD": SECRET}}),
    (
        "service/api",
        "strategic",
        {"spec": {"ports": [{"name": "ssh", "port": 22}]}},
    ),
    (
        "serviceaccount/api",
        "merge",
        {"metadata": {"annotations": {"role": "admin"}}},
    ),
)
FOUND = [
    "Deployment 'default/api': spec.replicas was added by kubectl-edit; "
    "spec.template.spec.containers[api].image was changed by kubectl-edit; "
    "spec.template.spec.containers[side] was added by kubectl-edit",
    "NetworkPolicy 'default/api': spec.ingress was changed by kubectl-edit",
    "Secret 'default/checkout-client': data.LD_PRELOAD was written by kubectl-edit",
    "Service 'default/api': spec.ports[22/TCP] was added by kubectl-edit",
    "ServiceAccount 'default/api': metadata.annotations.role was added by kubectl-edit",
    "ServiceAccount 'default/checkout': is gone",
]


def test_a_pod_that_is_not_ready_is_no_change(
    deployed: Deployment, cluster: Kubernetes
) -> None:
    """A plain run makes no change. With a refresh, as the page says, its Deployment and Service are
    retried until it is ready."""
    (pod,) = (
        pod["metadata"]["name"]
        for pod in cluster.objects("Pod")
        if pod["metadata"]["name"].startswith("api-")
    )
    unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    cluster.kubectl(
        "patch",
        f"pod/{pod}",
        "--subresource=status",
        f"--patch={json.dumps(unready)}",
    )
    try:
        assert deployed.changes("up") == {}
        shown = {
            "orders/api-deployment": "update",
            "orders/api-service-api": "update",
        }
        assert deployed.changes("preview", "--refresh") == shown
    finally:
        cluster.kubectl("delete", f"pod/{pod}")
        cluster.kubectl(
            "wait",
            "--for=condition=Available",
            "--timeout=30s",
            "deployment/api",
        )
    assert deployed.changes("preview", "--refresh") == {}


def test_a_destroy_leaves_nothing(
    deployed: Deployment, cluster: Kubernetes
) -> None:
    """The program's objects are gone; the namespace is not its own."""
    deployed.run("destroy")
    assert _all(cluster) == []
    assert (
        cluster.kubectl("get", "namespace", "default", "--output=name")
        == "namespace/default\n"
    )


@pytest.mark.parametrize("writes", KILLS)
def test_a_killed_run_recovers(
    deployed: Deployment, cluster: Kubernetes, writes: int
) -> None:
    """A first `up` loses power after so many writes: the documented recovery completes the estate."""
    assert _all(cluster) == []
    with _killed_after(
        cluster, deployed, len(cluster.written()) + writes
    ) as came:
        deployed.run("up", check=False)
    assert came.is_set()
    recover(Stack(deployed.local, deployed.folder))
    assert deployed.changes("up") == {}
    assert deployed.changes("preview", "--refresh") == {}
    assert len(_all(cluster)) == 30
    deployed.run("destroy")


def test_conflicts_with_the_cluster_are_named(
    cluster: Kubernetes, tmp_path: Path
) -> None:
    """The run stops before any change: at a missing namespace, unless runs create it, and without
    nodes at the gateway."""
    with Local(lags=Lags(), real=cluster.as_cluster()) as local:
        deployment = start(local, project(tmp_path))
        remove_applications(tmp_path)
        text = TINY.replace("{name: tiny}", "{name: tiny, namespace: things}")
        (tmp_path / "applications/tiny.yaml").write_text(text, "utf-8")
        failed = deployment.run("up", check=False)
        assert (
            failed.returncode != 0
            and "ENV412: the cluster has no namespace 'things'" in failed.stdout
        )
        assert _all(cluster) == [] and local.kong.entities("services") == []
        settings = yaml.safe_load(stack_file(tmp_path).read_text("utf-8"))
        inside = settings["config"]["kong-oam:gateway"]
        outside = {
            "scheme": "http",
            "reach": "loadBalancer",
            "cidrs": [f"{cluster.node_address}/24"],
        }
        stack_file(tmp_path).write_text(
            yaml.safe_dump(
                {"config": {**settings["config"], "kong-oam:gateway": outside}}
            ),
            "utf-8",
        )
        failed = deployment.run("up", check=False)
        assert (
            f"ENV413: kong-oam:gateway.cidrs: {cluster.node_address}/24 holds the node"
            in " ".join(failed.stdout.split())
        )
        settings["config"]["kong-oam:gateway"] = inside
        settings["config"].setdefault("kong-oam:cluster", {})[
            "createNamespaces"
        ] = True
        stack_file(tmp_path).write_text(yaml.safe_dump(settings), "utf-8")
        deployment.run("up")
        assert (
            deployment.changes("up")
            == {}
            == deployment.changes("preview", "--refresh")
        )
        assert {item["metadata"]["namespace"] for item in _all(cluster)} == {
            "things"
        }
        deployment.run("destroy")
        assert _all(cluster) == []
    cluster.kubectl("delete", "namespace", "things")


@contextmanager
def _killed_after(
    cluster: Kubernetes, deployment: Deployment, writes: int
) -> Iterator[threading.Event]:
    """Kill the CLI once the API server has accepted so many writes."""
    came, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            if len(cluster.written()) >= writes:
                deployment.local.kill()
                came.set()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield came
    finally:
        over.set()
        thread.join(10)
        time.sleep(0.7)  # plugins look for their parent every half second


def _all(cluster: Kubernetes) -> list[Object]:
    return [item for kind in KINDS for item in cluster.objects(kind)]


def _own(written: Sequence[Written]) -> set[str]:
    """Return the writes without events."""
    return {
        f"{write.verb} {write.resource}"
        for write in written
        if not write.resource.startswith("events ")
    }


_MOVING = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "annotations",
)


def _lasting(item: Object) -> str:
    """Return the object without counters of the server and its controllers."""
    about: JsonObject = {
        key: value
        for key, value in item["metadata"].items()
        if key not in _MOVING
    }
    return json.dumps(
        {
            **{key: value for key, value in item.items() if key != "status"},
            "metadata": about,
        },
        sort_keys=True,
    )
