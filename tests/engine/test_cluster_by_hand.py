"""Manual changes in the cluster: how they are found and undone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from sandbox.cluster import CLUSTER, Key
from sandbox.local import STACK
from tests.support.documentation import page
from tests.support.engine.deployment import Deployment
from tests.support.json_object import JsonObject
from tests.support.streams import Capsys


def _image(item: JsonObject) -> None:
    item["spec"]["template"]["spec"]["containers"][0]["image"] = (
        "elsewhere.example.com/other:1"
    )


def _open(item: JsonObject) -> None:
    item["spec"]["ingress"] = [{}]


def _selector(item: JsonObject) -> None:
    item["spec"]["selector"] = {"app": "other"}


def _mount(item: JsonObject) -> None:
    item["automountServiceAccountToken"] = True


def _value(item: JsonObject) -> None:
    item["data"]["OAUTH_CLIENT_ID"] = "b3RoZXI="


HANDS: dict[Key, Callable[[JsonObject], None]] = {
    Key("apps/v1", "Deployment", "default", "api"): _image,
    Key("networking.k8s.io/v1", "NetworkPolicy", "default", "api"): _open,
    Key("v1", "Service", "default", "api"): _selector,
    Key("v1", "ServiceAccount", "default", "api"): _mount,
    Key("v1", "Secret", "default", "checkout-client"): _value,
}
GONE = Key("v1", "ServiceAccount", "default", "checkout")
UP = f"pulumi up -s {STACK} --refresh"


@pytest.mark.deep
def test_manual_changes_in_the_cluster_are_reverted(
    deployed: Deployment,
) -> None:
    """By `up --refresh`, although another manager owns the fields now: an object of each kind."""
    cluster = deployed.local.cluster
    before = {key: cluster.get(key) for key in HANDS}
    for key, change in HANDS.items():
        item = cluster.get(key)
        assert item is not None
        change(item)
        cluster.put(item)
        assert cluster.get(key) != before[key]
    changes = deployed.changes("up", "--refresh")
    assert {key: cluster.get(key) for key in HANDS} == before
    assert set(changes.values()) == {"update"} and len(changes) == len(HANDS)
    deployed.assert_unchanged("preview", "--refresh")


def test_verify_finds_manual_changes_in_the_cluster_with_a_remedy(
    deployed: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """Changed, added, removed and deleted fields, by path and author. A plain run keeps additions."""
    deployed.enter(monkeypatch)
    ask = ["verify", "--stack", STACK, "--only", "cluster"]
    assert (main(ask), capsys.readouterr().out) == (
        0,
        f"38 object(s) of the cluster match the last run of '{STACK}'\n",
    )
    cluster = deployed.local.cluster
    before = cluster.objects()
    pod, policy, service, account, secret = (
        cluster.get(key) or {} for key in HANDS
    )
    _image(pod)
    pod["spec"]["template"]["spec"]["containers"].append(
        {"name": "side", "image": "elsewhere.example.com/side:1"}
    )
    _open(policy)
    service["spec"]["ports"].append({"port": 22, "targetPort": 22})
    account["metadata"]["annotations"] = {"role": "admin"}
    secret["data"]["LD_PRELOAD"] = "b3RoZXI="
    for item in (pod, policy, service, account, secret):
        cluster.put(item)
    cluster.delete(GONE)
    assert main(ask) == 1
    out = capsys.readouterr().out
    assert "b3RoZXI=" not in out
    found, commands = _lines(out, "changed: "), _lines(out, "    to do: ")
    assert UP in commands
    shown = page("how-to/verify.md")
    assert [line in shown for line in (found[0], *commands[:2])] == [
        True,
        True,
        True,
    ]
    assert found == [
        "Deployment 'default/api': spec.template.spec.containers[api].image was changed by kubectl-edit; "
        "spec.template.spec.containers[side] was added by kubectl-edit",
        "NetworkPolicy 'default/api': spec.ingress was changed by kubectl-edit",
        "Secret 'default/checkout-client': data.LD_PRELOAD was written by kubectl-edit",
        "Service 'default/api': spec.ports[22/TCP] was added by kubectl-edit",
        "ServiceAccount 'default/api': metadata.annotations.role was added by kubectl-edit",
        "ServiceAccount 'default/checkout': is gone",
    ]
    for command in commands:
        for part in command.split(" && "):
            if part != UP:
                subprocess.run(
                    part,
                    shell=True,
                    check=True,
                    timeout=60,
                    env=deployed.local.env,
                )
    deployed.run("up", "--refresh")
    assert main(ask) == 0
    assert [*map(_lasting, cluster.objects())] == [*map(_lasting, before)]
    deployed.assert_unchanged("preview", "--refresh")


def test_a_cluster_that_cannot_be_read_is_no_finding(
    deployed: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """Exit status 2, and a remedy: kubectl is missing or fails."""
    deployed.enter(monkeypatch)
    monkeypatch.setenv(CLUSTER, "http://127.0.0.1:1")
    assert main(["verify", "--stack", STACK, "--only", "cluster"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(
        "`kubectl --namespace=default get deployments.apps/mcp` failed: "
    )
    monkeypatch.setenv("PATH", str(Path(shutil.which("pulumi") or "").parent))
    assert main(["verify", "--stack", STACK]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(
        "kubectl is not on PATH; install it; to compare only the gateway, pass --only gateway"
    )


def _lines(text: str, beginning: str) -> list[str]:
    return [
        line.removeprefix(beginning)
        for line in text.splitlines()
        if line.startswith(beginning)
    ]


def _lasting(item: JsonObject) -> JsonObject:
    """Return an object without its uid, which changes when it is recreated, and without empty
    annotations."""
    return {
        **item,
        "metadata": {
            key: value
            for key, value in item["metadata"].items()
            if value and key != "uid"
        },
    }
