"""Differences between the cluster and the stack: missing namespaces, and neighbours of the gateway."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandbox.cluster import Key
from tests.support.engine.deployment import (
    Deployment,
    Empty,
    remove_applications,
)
from tests.support.engine.inventory import entities
from tests.support.faults.tiny import TINY

SAID = (
    "applications/tiny.yaml:6:7: error ENV412: the cluster has no namespace 'things': create it "
    "(`kubectl create namespace things`), or let runs create it "
    "(kong-oam:cluster.createNamespaces)"
)
NAMESPACE = Key("v1", "Namespace", "", "things")


@pytest.fixture
def deployment(empty: Empty) -> Deployment:
    """A stack with one Application, whose namespace the cluster lacks."""
    made = empty("stacks")
    remove_applications(made.folder)
    text = TINY.replace("{name: tiny}", "{name: tiny, namespace: things}")
    (made.folder / "applications/tiny.yaml").write_text(text, "utf-8")
    made.local.cluster.absent.add("things")
    return made


def _let_runs_make_them(deployment: Deployment) -> None:
    with deployment.config() as config:
        config.setdefault("kong-oam:cluster", {})["createNamespaces"] = True


def test_a_namespace_that_is_missing_is_named_before_anything_is_made(
    deployment: Deployment,
) -> None:
    """The message has the command that creates it; once it exists, the run succeeds."""
    before = entities(deployment.local)
    failed = deployment.run("up", check=False)
    assert failed.returncode != 0
    assert SAID in " ".join(failed.stdout.split())
    assert (
        "1 error(s) at the products; nothing was provisioned" in failed.stdout
    )
    assert entities(deployment.local) == before
    deployment.local.cluster.absent.clear()
    assert set(deployment.changes("preview").values()) == {"create"}


@pytest.mark.deep
def test_without_kubectl_the_run_itself_finds_out(
    deployment: Deployment,
) -> None:
    """kubectl is optional: the run shows the API server's answer, and the gateway stays closed."""
    path = Path(deployment.local.env["PATH"].split(":")[0])
    shutil.move(path, path.with_name("elsewhere"))
    failed = deployment.run("up", check=False)
    assert failed.returncode != 0
    assert 'namespaces "things" not found' in failed.stdout
    assert "ENV412" not in failed.stdout
    assert deployment.local.cluster.objects() == []


@pytest.mark.deep
def test_where_the_stack_says_so_runs_make_it_and_leave_it(
    deployment: Deployment,
) -> None:
    """Before all that is in it. Others may use it by then, so that nothing removes it."""
    _let_runs_make_them(deployment)
    changes = deployment.changes("up")
    assert changes["namespace-things"] == "create" and set(
        changes.values()
    ) == {"create"}
    deployment.assert_unchanged()
    deployment.assert_unchanged("preview", "--refresh")
    deployment.run("destroy")
    assert [Key.of(item) for item in deployment.local.cluster.objects()] == [
        NAMESPACE
    ]
    assert set(deployment.changes("up").values()) == {"create"}


def node(name: str, address: str, *pods: str) -> dict[str, object]:
    addresses = [
        {"type": "Hostname", "address": name},
        {"type": "InternalIP", "address": address},
    ]
    return {
        "metadata": {"name": name},
        "spec": {"podCIDRs": [*pods]},
        "status": {"addresses": addresses},
    }


@pytest.mark.deep
@pytest.mark.parametrize(
    ("there", "who"),
    [
        (node("one", "10.20.3.4"), "the node at 10.20.3.4 (node 'one')"),
        (
            node("two", "192.0.2.9", "10.20.128.0/24"),
            "its pods at 10.20.128.0/24 (node 'two')",
        ),
        (
            node("three", "192.0.2.9", "10.0.0.0/8"),
            "its pods at 10.0.0.0/8 (node 'three')",
        ),
    ],
)
def test_a_range_that_others_are_in_is_refused(
    deployment: Deployment, there: dict[str, object], who: str
) -> None:
    """Pods in the range would bypass the gateway: NetworkPolicies go by addresses. An empty range
    is accepted."""
    deployment.local.cluster.absent.clear()
    deployment.local.cluster.nodes = [
        node("far", "192.0.2.7", "198.51.100.0/24", "fd00::/64"),
        there,
    ]
    gateway = {
        "scheme": "http",
        "reach": "loadBalancer",
        "cidrs": ["203.0.113.8/29", "10.20.0.0/16"],
    }
    with deployment.config() as config:
        config["kong-oam:gateway"] = gateway
    before = entities(deployment.local)
    failed = deployment.run("up", check=False)
    output = " ".join(failed.stdout.split())
    assert failed.returncode != 0
    assert (
        f"ENV413: kong-oam:gateway.cidrs: 10.20.0.0/16 contains {who}, so they could bypass the gateway"
        in output
    )
    assert (
        "1 error(s) at the products; nothing was provisioned" in output
        and entities(deployment.local) == before
    )
    with deployment.config() as config:
        config["kong-oam:gateway"]["cidrs"] = ["203.0.113.8/29"]
    assert set(deployment.changes("preview").values()) == {"create"}
