"""Names that others use in the cluster: a run reports their owners before it creates anything."""

from __future__ import annotations

import pytest

from kong_oam.access.settings.stack import read_file
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Resource, StackState
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.estate import created_in
from kong_oam.kubernetes.preflight import inspect
from kong_oam.objects.pods import Manifest
from sandbox.cluster import Cluster
from tests.support.diffs import settings
from tests.support.estates import estate
from tests.support.json_object import JsonObject
from tests.support.mocks import program
from tests.support.repository import ROOT

SETTINGS = settings("tests")
WORKER = "    - {name: NAME, type: worker, properties: {image: x}}\n"
APPLICATION = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: shop}\nspec:\n  components:\n"
ESTATE = estate(
    APPLICATION + WORKER.replace("NAME", "job"), stack=SETTINGS.stack
)
KINDS = (("apps/v1", "Deployment"), ("example.com/v1", "Thing"))
ACCOUNT = ("kubernetes:core/v1:ServiceAccount", "shop/job-account")


def _put(
    cluster: Cluster,
    kind: str,
    name: str,
    stack: str | None = None,
    version: str = "v1",
) -> None:
    labels = {"kong-oam.dev/stack": stack} if stack else {}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    spec = {"template": {"spec": {"containers": [{"image": "x"}]}}}
    cluster.put(
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": metadata,
            "spec": spec,
        }
    )


def _named(namespace: str, kind: str, name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
    }


def _state(*resources: Resource) -> StackState:
    return StackState(
        frozenset((resource.type, resource.name) for resource in resources),
        {},
        resources=resources,
    )


def _diagnostics(state: StackState | None = None) -> list[Diagnostic]:
    return list(inspect(SETTINGS, ESTATE, state or _state()))


def test_objects_of_another_stack_are_named_with_that_stack(
    cluster: Cluster,
) -> None:
    """One line for each component, at its position. Other objects of the other stack do not matter."""
    _put(cluster, "Deployment", "job", "prod", "apps/v1")
    _put(cluster, "ServiceAccount", "job", "prod")
    _put(cluster, "ServiceAccount", "other", "prod")
    _put(cluster, "Deployment", "job", "prod", "example.com/v1")
    (found,) = _diagnostics()
    assert str(found).splitlines()[0] == (
        "app1.yaml:6:7: error ENV421: the cluster has Deployment 'default/job' and 1 more of "
        "'shop/job', created by stack 'prod'. The run does not touch it; use another name or "
        "namespace in one of the stacks, or merge both into one stack"
    )


def test_objects_that_somebody_made_by_hand_are_named(cluster: Cluster) -> None:
    """In another line than objects of another stack; all at once."""
    _put(cluster, "Deployment", "job", None, "apps/v1")
    _put(cluster, "ServiceAccount", "job", "prod")
    first, second = _diagnostics()
    assert (first.code, first.message) == (
        "ENV421",
        "the cluster has Deployment 'default/job', created outside any stack (no label "
        "kong-oam.dev/stack). The run does not touch it; use another name or namespace, or ask "
        "its owner to remove it",
    )
    assert (
        "ServiceAccount 'default/job', created by stack 'prod'"
        in second.message
    )


def test_an_object_of_ours_that_the_state_does_not_know_is_recovered(
    cluster: Cluster,
) -> None:
    """An interrupted run created it. An object with another name in the state is known: its
    component was renamed."""
    _put(cluster, "ServiceAccount", "job", "tests")
    (found,) = _diagnostics()
    assert (
        found.code == "ENV422"
        and "`python -m kong_oam recover -s tests`" in found.message
    )
    about = {"name": "job", "namespace": "default"}
    renamed = Resource(
        ACCOUNT[0],
        "old/job-account",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about},
    )
    assert _diagnostics(_state(renamed)) == []


def test_objects_in_the_state_are_not_looked_up(cluster: Cluster) -> None:
    _put(cluster, "ServiceAccount", "job", "prod")
    assert _diagnostics(_state(Resource(*ACCOUNT, {}))) == []


def test_without_kubectl_the_run_reports_conflicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    assert _diagnostics() == []


def test_many_objects_of_a_kind_are_looked_for_in_a_list(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few objects are looked up by name. kubectl does not mix names and kinds. Other objects in a
    list are ignored."""
    _put(cluster, "ServiceAccount", "job", "prod")
    _put(cluster, "ServiceAccount", "other", "prod")
    _put(cluster, "Secret", "job-client")
    wanted = [
        _named("default", "ServiceAccount", "job"),
        _named("default", "ServiceAccount", "none"),
        _named("default", "Secret", "job-client"),
    ]
    expected = {
        ("default", "ServiceAccount", "job"): "prod",
        ("default", "Secret", "job-client"): None,
    }
    for limit in (2, 1, 0):
        monkeypatch.setattr("kong_oam.kubernetes.kubectl.FEW", limit)
        assert kubectl.stacks(None, wanted) == expected


def test_a_kind_that_the_cluster_does_not_know_hides_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`kubectl` then prints nothing, so such kinds are asked for separately."""

    def owners(
        _: str | None, wanted: list[JsonObject]
    ) -> dict[kubectl.Name, str | None]:
        if any(manifest["kind"] == "Thing" for manifest in wanted):
            raise kubectl.KubectlError(
                "the server doesn't have a resource type"
            )
        return {kubectl.name_of(manifest): "prod" for manifest in wanted}

    monkeypatch.setattr("kong_oam.kubernetes.preflight.kubectl.stacks", owners)
    (component,) = ESTATE.own.values()
    made = [
        (
            component,
            kind,
            _named("default", kind, "job") | {"apiVersion": version},
        )
        for version, kind in KINDS
    ]
    monkeypatch.setattr(
        "kong_oam.kubernetes.preflight.created_in", lambda *_: made
    )
    (found,) = _diagnostics()
    assert "Deployment 'default/job', created by stack 'prod'" in found.message


def test_names_and_labels_are_those_that_the_program_makes() -> None:
    """In the sample estate, every registered object is looked up by its name and has the stack's
    label."""
    registered = [
        resource
        for resource in program()
        if resource.type.startswith("kubernetes:")
    ]
    made = {
        (resource.type.rpartition(":")[2], resource.name): resource.inputs
        for resource in registered
        if "metadata" in resource.inputs
    }
    local = read_file(ROOT / "stacks/Pulumi.local.yaml")
    texts = [
        file.read_text("utf-8")
        for file in sorted((ROOT / "applications").glob("*.yaml"))
    ]
    sample = estate(*texts, stack=local.stack)
    looked_for = {
        (manifest["kind"], name): manifest
        for _, name, manifest in created_in(sample, local)
    }
    assert looked_for.keys() == made.keys()
    for manifest in (*looked_for.values(), *made.values()):
        assert manifest["metadata"]["labels"]["kong-oam.dev/stack"] == "local"


def test_one_command_looks_up_the_objects_of_all_namespaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands: list[str] = []

    def run(*command: str) -> str:
        commands.append(command[0])
        return "Secret v1 a job prod\nSecret v1 b job <none>\n"

    monkeypatch.setattr(kubectl, "_run", run)
    wanted = [_named(namespace, "Secret", "job") for namespace in "abc"]
    assert kubectl.stacks(None, wanted) == {
        ("a", "Secret", "job"): "prod",
        ("b", "Secret", "job"): None,
    }
    assert commands == ["kubectl"]
