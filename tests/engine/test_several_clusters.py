"""An Application in two clusters, on the stand-ins: objects in both, and the gateway in one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_oam.__main__ import main
from sandbox.cluster import CLUSTER, Cluster, Key
from sandbox.local import STACK
from tests.support.engine.calls import call, credential, service_token
from tests.support.engine.deployment import Deployment, Empty
from tests.support.faults.tiny import HOST, TINY
from tests.support.streams import Capsys
from tests.support.tiers import deep_after

BOTH = (
    TINY
    + "  policies:\n    - {type: topology, properties: {clusters: [local, west]}}\n"
)
OWN_TYPE = "        - {type: labels, properties: {rendered: by-a-definition}}\n"


@pytest.fixture
def west() -> Iterator[Cluster]:
    """A second cluster, which knows nothing of the first."""
    made = Cluster().start()
    yield made
    made.stop()


def deployment_of(empty: Empty, west: Cluster, application: str) -> Deployment:
    made = empty("stacks")
    made.local.env[f"{CLUSTER}_western"] = west.url
    made.replace_applications(application)
    with made.config() as config:
        config["kong-oam:cluster"] = {
            "context": "eastern",
            "contexts": {"west": "western"},
        }
    return made


def kinds(cluster: Cluster) -> list[str]:
    return [
        f"{item['kind']} {item['metadata']['name']}"
        for item in cluster.objects()
    ]


@pytest.mark.parametrize(
    "application",
    deep_after(
        1, [BOTH, BOTH.replace("      traits:\n", f"      traits:\n{OWN_TYPE}")]
    ),
)
def test_a_component_in_two_clusters_is_reachable_in_one(
    empty: Empty,
    west: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
    application: str,
) -> None:
    """With or without definitions. The copy's network policy allows nobody; its client has the same
    credential. Objects that leave a topology are deleted only in that cluster, and manual
    changes there are found."""
    deployment = deployment_of(empty, west, application)
    here = deployment.local.cluster
    assert set(deployment.changes("up").values()) == {"create"}
    assert kinds(west) == kinds(here)
    assert len(kinds(west)) == 8
    assert (
        call(
            deployment.local,
            "GET",
            HOST,
            "/things",
            service_token(deployment.local, "job"),
        ).status
        == 200
    )
    fence = Key("networking.k8s.io/v1", "NetworkPolicy", "default", "api")
    assert (here.get(fence) or {})["spec"]["ingress"]
    assert (west.get(fence) or {})["spec"]["ingress"] == []
    secret = Key("v1", "Secret", "default", "job-client")
    assert (west.get(secret) or {})["data"] == (here.get(secret) or {})["data"]
    assert credential(deployment.local, "job")
    deployment.assert_unchanged("preview", "--refresh")
    deployment.enter(monkeypatch)
    west.delete(fence)
    assert main(["verify", "--stack", STACK, "--only", "cluster"]) == 1
    assert (
        "NetworkPolicy 'default/api' in cluster 'west': is gone"
        in capsys.readouterr().out
    )
    deployment.edit("applications/tiny.yaml", "[local, west]", "[local]")
    changes = deployment.changes("up")
    assert set(changes.values()) == {"delete"}, changes
    assert all(
        name.startswith("west:") or name == "cluster-west" for name in changes
    )
    assert (kinds(west), len(kinds(here))) == ([], 8)


FORMS = (
    TINY
    + """\
  policies:
    - {name: staging, type: topology, properties: {clusters: [local]}}
    - {name: production, type: topology, properties: {clusters: [west]}}
    - name: large
      type: override
      properties: {components: [{name: api, properties: {cpu: "3"}, traits: [{type: scaler, properties: {replicas: 3}}]}]}
  workflow:
    steps:
      - {name: to-staging, type: deploy, properties: {policies: [staging]}}
      - {name: to-production, type: deploy, properties: {policies: [production, large]}}
"""
)


@pytest.mark.deep
def test_a_component_has_another_form_in_another_cluster(
    empty: Empty,
    west: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """It is previewed, deployed and verified in each form, under the same names."""
    deployment = deployment_of(empty, west, BOTH)
    assert set(deployment.changes("up").values()) == {"create"}
    (deployment.folder / "applications/tiny.yaml").write_text(FORMS, "utf-8")
    changes = deployment.changes("up")
    assert set(changes.values()) == {"update"}, changes
    assert "west:tiny/api-deployment" in changes
    assert "tiny/api-deployment" not in changes
    api = Key("apps/v1", "Deployment", "default", "api")
    forms = [
        (cluster.get(api) or {})["spec"]
        for cluster in (deployment.local.cluster, west)
    ]
    cpu = [
        form["template"]["spec"]["containers"][0]
        .get("resources", {})
        .get("limits")
        for form in forms
    ]
    assert ([form.get("replicas") for form in forms], cpu) == (
        [None, 3],
        [None, {"cpu": "3"}],
    )
    assert (
        call(
            deployment.local,
            "GET",
            HOST,
            "/things",
            service_token(deployment.local, "job"),
        ).status
        == 200
    )
    deployment.assert_unchanged("preview", "--refresh")
    deployment.enter(monkeypatch)
    assert main(["verify", "--stack", STACK, "--only", "cluster"]) == 0
    west.delete(Key("networking.k8s.io/v1", "NetworkPolicy", "default", "api"))
    assert main(["verify", "--stack", STACK, "--only", "cluster"]) == 1
    assert (
        "NetworkPolicy 'default/api' in cluster 'west': is gone"
        in capsys.readouterr().out
    )


@pytest.mark.deep
def test_contexts_of_one_cluster_are_refused(
    empty: Empty, west: Cluster
) -> None:
    """Objects that only their cluster separates would collide there, such as clients' Secrets."""
    deployment = deployment_of(empty, west, BOTH)
    del deployment.local.env[f"{CLUSTER}_western"]
    failed = deployment.pulumi("preview", "-s", STACK, check=False)
    assert failed.returncode != 0
    message = "error ENV414: kong-oam:cluster.contexts: 'western' and 'eastern' lead to one cluster; remove one of them"
    assert message in " ".join(failed.stdout.split())


@pytest.mark.deep
def test_a_namespace_that_a_further_cluster_lacks_is_named(
    empty: Empty, west: Cluster
) -> None:
    """With the command that makes it there."""
    deployment = deployment_of(
        empty,
        west,
        BOTH.replace("{name: tiny}", "{name: tiny, namespace: things}"),
    )
    west.absent.add("things")
    failed = deployment.pulumi("preview", "-s", STACK, check=False)
    message = "cluster 'west' has no namespace 'things': create it (`kubectl --context=western create namespace things`)"
    assert message in " ".join(failed.stdout.split())
    assert "1 error(s)" in failed.stdout
