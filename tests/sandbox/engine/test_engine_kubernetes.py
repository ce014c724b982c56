"""The kubernetes and time stand-ins under the real engine."""

from collections.abc import Callable

import pytest

from tests.support.sandbox.engine_project import Project

pytestmark = pytest.mark.engine

DEPLOYMENT = """
import pulumi, pulumi_kubernetes as k
labels = {{"app": "api"}}
k.apps.v1.Deployment("api", metadata={{"name": "{name}"}}, spec={{
    "replicas": {replicas},
    "selector": {{"matchLabels": {selector}}},
    "template": {{"metadata": {{"labels": labels}}, "spec": {{"containers": [{{"name": "api", "image": "registry.example.com/api:1"}}]}}}},
}})
"""


def _deployment(
    name: str = "api", replicas: int = 1, selector: str = "labels"
) -> str:
    return DEPLOYMENT.format(name=name, replicas=replicas, selector=selector)


HELD = """
import pulumi, pulumi_kubernetes as k
provider = k.Provider("cluster", enable_patch_force={force}, enable_config_map_mutable=True)
opts = pulumi.ResourceOptions(provider=provider)
k.core.v1.ConfigMap("c", metadata={{"name": "c", "namespace": "default"}}, data={{"a": "{value}"}}, opts=opts)
"""


@pytest.mark.deep
def test_a_manually_changed_field_stays_until_it_is_forced(
    project: Callable[[str], Project],
) -> None:
    """A preview with a refresh and an up report the conflict, and keep the value; with
    enablePatchForce it is reverted. A key that somebody added is not compared, and stays."""
    program = project(HELD.format(force=None, value="ours"))
    program.up()
    cluster = program.local.cluster
    about = {"name": "c", "namespace": "default"}
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": about,
        "data": {"a": "theirs", "b": "more"},
    }
    cluster.put(theirs)
    for verb, yes in (("preview", ()), ("up", ("--yes", "--skip-preview"))):
        failed = program.pulumi(verb, "--refresh", *yes, check=False)
        assert failed.returncode != 0
        assert (
            'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.a'
            in failed.stdout
        )
    assert cluster.objects("ConfigMap")[0]["data"] == theirs["data"]
    program.write(HELD.format(force=True, value="ours"))
    assert program.changes("up", "--refresh") == {"same": 1, "update": 2}
    assert cluster.objects("ConfigMap")[0]["data"] == {"a": "ours", "b": "more"}
    assert program.changes("preview", "--refresh") == {"same": 3}


@pytest.mark.deep
def test_a_new_name_replaces_and_a_new_count_updates(
    project: Callable[[str], Project],
) -> None:
    """Identity and selector cannot change in place, the rest can."""
    program = project(_deployment())
    program.up()
    program.write(_deployment(replicas=3))
    assert program.changes("preview") == {"same": 1, "update": 1}
    program.write(_deployment(name="api2"))
    assert program.changes("preview") == {"same": 1, "replace": 1}
    program.write(_deployment(selector='{"app": "api", "tier": "one"}'))
    assert program.changes("preview") == {"same": 1, "replace": 1}


def test_an_object_that_exists_is_not_taken_over(
    project: Callable[[str], Project],
) -> None:
    """Somebody else's object has that name: the create fails, and the object does not change."""
    program = project(
        "import pulumi_kubernetes as k; k.core.v1.ConfigMap('c', metadata={'name': 'taken'}, data={'a': 'b'})"
    )
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "taken", "namespace": "default"},
    }
    program.local.cluster.put(theirs)
    failed = program.up(check=False)
    assert failed.returncode != 0
    assert "ConfigMap default/taken (v1) already exists" in failed.stdout
    assert "data" not in program.local.cluster.objects("ConfigMap")[0]


STRINGS = """
import pulumi, pulumi_kubernetes as k
opts = pulumi.ResourceOptions(provider=k.Provider("cluster", enable_secret_mutable=True))
k.core.v1.Secret("token", metadata={{"name": "token"}}, {given}, opts=opts)
"""


@pytest.mark.deep
def test_a_key_that_goes_from_a_secret_stays_where_it_was_given_as_a_string(
    project: Callable[[str], Project],
) -> None:
    """From the second update on: an apply of stringData owns nothing in data. A key from `data` is
    removed."""
    program = project(
        STRINGS.format(given='string_data={"a": "1", "b": "2", "c": "3"}')
    )
    program.up()
    for strings, keys in (
        ('string_data={"a": "1", "b": "2", "c": "4"}', {"a", "b", "c"}),
        ('string_data={"a": "1", "b": "2"}', {"a", "b", "c"}),
        ('data={"a": "MQ==", "b": "Mg==", "d": "NA=="}', {"a", "b", "c", "d"}),
        ('data={"a": "MQ=="}', {"a", "c"}),
    ):
        program.write(STRINGS.format(given=strings))
        program.up()
        assert program.local.cluster.objects("Secret")[0]["data"].keys() == keys
    assert program.changes("preview", "--refresh") == {"same": 3}
