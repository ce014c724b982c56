"""What somebody changes in the cluster by hand, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.cluster import Key
from sandbox.local import STACK
from tests.engine.conftest import Empty
from tests.engine.deployment import Deployment
from tests.faults.tiny import TINY

pytestmark = pytest.mark.engine

FLAGS = ", enable_secret_mutable=True, enable_patch_force=True"
"""Of the provider of the cluster, which the version before did not have."""
WORKLOAD = "components/workload/workload.py"
DATA = "data=pulumi.Output.secret(data)"
STRINGS = "string_data=pulumi.Output.secret(credential)"
"""What a client's Secret holds, as this version gives it and as the version before did."""


def _image(one: dict[str, Any]) -> None:
    one["spec"]["template"]["spec"]["containers"][0]["image"] = "elsewhere.example.com/other:1"


def _open(one: dict[str, Any]) -> None:
    one["spec"]["ingress"] = [{}]


def _selector(one: dict[str, Any]) -> None:
    one["spec"]["selector"] = {"app": "other"}


def _mount(one: dict[str, Any]) -> None:
    one["automountServiceAccountToken"] = True


def _value(one: dict[str, Any]) -> None:
    one["data"]["OAUTH_CLIENT_ID"] = "b3RoZXI="


HANDS: dict[Key, Callable[[dict[str, Any]], None]] = {
    Key("apps/v1", "Deployment", "default", "api"): _image,
    Key("networking.k8s.io/v1", "NetworkPolicy", "default", "api"): _open,
    Key("v1", "Service", "default", "api"): _selector,
    Key("v1", "ServiceAccount", "default", "api"): _mount,
    Key("v1", "Secret", "default", "checkout-client"): _value,
}


def test_what_somebody_changed_in_the_cluster_is_put_back(deployed: Deployment) -> None:
    """By `up --refresh`, although the fields are somebody else's since: one of each kind of object."""
    cluster = deployed.local.cluster
    before = {key: cluster.get(key) for key in HANDS}
    for key, change in HANDS.items():
        one = cluster.get(key)
        assert one is not None
        change(one)
        cluster.put(one)
        assert cluster.get(key) != before[key]
    changes = deployed.changes("up", "--refresh")
    assert {key: cluster.get(key) for key in HANDS} == before
    assert set(changes.values()) == {"update"} and len(changes) == len(HANDS)
    assert deployed.changes("preview", "--refresh") == {}


def test_what_somebody_added_in_the_cluster_is_said(deployed: Deployment) -> None:
    """A container, a rule, an identity and a key, by name: a run that refreshes says them and leaves them there."""
    cluster = deployed.local.cluster
    added = {key: cluster.get(key) for key in HANDS}
    pod, policy, service, account, secret = (one or {} for one in added.values())
    pod["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "elsewhere.example.com/side:1"})
    policy["spec"]["ingress"].append({})
    service["spec"]["ports"].append({"port": 22, "targetPort": 22})
    account["metadata"]["annotations"] = {"role": "admin"}
    secret["data"]["LD_PRELOAD"] = "b3RoZXI="
    for one in (pod, policy, service, account, secret):
        cluster.put(one)
    assert "which this run does not say" not in deployed.run("up").stdout
    shown = deployed.pulumi("preview", "-s", STACK, "--refresh").stdout
    for said in (
        "template.spec.containers[side]",
        "ingress[1]",
        "ports[22/TCP]",
        "annotations.role",
        "data.LD_PRELOAD",
    ):
        assert f"warning: the cluster has {said}, which this run does not say" in shown
    assert "b3RoZXI=" not in shown


def test_a_stack_of_before_updates_its_provider_alone(empty: Empty) -> None:
    """Nothing is replaced, nothing rolls: the plugin works in another way from then on."""
    deployment = empty("__main__.py", "components")
    for file in (deployment.folder / "applications").iterdir():
        file.unlink()
    (deployment.folder / "applications/tiny.yaml").write_text(TINY, "utf-8")
    deployment.edit("__main__.py", FLAGS, "")
    deployment.edit(WORKLOAD, DATA, STRINGS)
    deployment.run("up")
    before = deployment.local.cluster.objects()
    deployment.edit("__main__.py", "context=settings.cluster.context", "context=settings.cluster.context" + FLAGS)
    deployment.edit(WORKLOAD, STRINGS, DATA)
    assert deployment.changes("up") == {"cluster": "update"}
    assert deployment.local.cluster.objects() == before
    assert deployment.changes("preview", "--refresh") == {}
