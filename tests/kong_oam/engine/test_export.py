"""Reading an exported state, and commands for Kubernetes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.settings.values import ClusterSettings
from kong_oam.engine.cli import PulumiCliError
from kong_oam.engine.export import InvalidStateError, check_no_active_run, parse
from kong_oam.engine.pending import (
    ExportedState,
    PendingCreation,
    RecordedResource,
)
from kong_oam.recover.cluster import (
    removals_of_interrupted,
    removals_of_unknown,
)
from tests.support.json_object import JsonObject

LABELS = {
    "app.oam.dev/name": "shop",
    "app.oam.dev/component": "web",
    "kong-oam.dev/stack": "prod",
}
SERVICE = {
    "metadata": {"name": "web", "namespace": "default", "labels": LABELS}
}


def test_ids_and_interrupted_creations_are_read() -> None:
    """A credential's and a Target's id have two halves. The state already knows the resource of an interrupted
    update or deletion."""
    deployment = {
        "resources": [
            {"type": "pulumi:pulumi:Stack", "urn": "urn:root"},
            {
                "type": "kong:index/consumerJwtAuth:ConsumerJwtAuth",
                "urn": "urn:slot",
                "id": "credential|consumer",
            },
            {
                "type": "kong:index/target:Target",
                "urn": "urn:target",
                "id": "upstream/target",
            },
            {
                "type": "kong:index/route:Route",
                "urn": "urn:route",
                "id": "way",
                "dependencies": ["urn:slot"],
                "provider": "urn::kong::the-id",
            },
        ],
        "pending_operations": [
            {
                "type": "creating",
                "resource": {
                    "type": "okta:app/oAuth:OAuth",
                    "inputs": {"label": "kong-oam"},
                },
            },
            {
                "type": "creating",
                "resource": {
                    "type": "kong:index/service:Service",
                    "id": "heard",
                    "inputs": {},
                },
            },
            {
                "type": "deleting",
                "resource": {
                    "type": "kong:index/route:Route",
                    "id": "old",
                    "inputs": {},
                },
            },
        ],
    }
    assert parse(deployment) == ExportedState(
        ids=frozenset({"credential", "consumer", "upstream", "target", "way"}),
        pending=(
            PendingCreation(
                "okta:app/oAuth:OAuth", {"label": "kong-oam"}, None
            ),
            PendingCreation("kong:index/service:Service", {}, "heard"),
        ),
        root="urn:root",
        resources=(
            RecordedResource(
                "kong:index/consumerJwtAuth:ConsumerJwtAuth",
                "urn:slot",
                "credential|consumer",
                used=True,
            ),
            RecordedResource(
                "kong:index/target:Target",
                "urn:target",
                "upstream/target",
                used=False,
            ),
            RecordedResource(
                "kong:index/route:Route",
                "urn:route",
                "way",
                used=False,
                provider="kong",
            ),
        ),
    )


def test_a_state_without_resources_knows_nothing() -> None:
    """Before a first run, the CLI exports a state without lists."""
    assert parse({"manifest": {}}) == ExportedState(frozenset(), (), None)


ROOT = {"type": "pulumi:pulumi:Stack", "urn": "urn:p::root"}
OLD = {"type": "t", "urn": "urn:p::old", "parent": "urn:p::root"}


@pytest.mark.parametrize(
    ("resource", "missing"),
    [
        ({"dependencies": ["urn:p::gone"]}, "urn:p::gone"),
        ({"parent": "urn:p::gone"}, "urn:p::gone"),
        ({"deletedWith": "urn:p::gone"}, "urn:p::gone"),
        (
            {"propertyDependencies": {"spec": ["urn:p::old", "urn:p::gone"]}},
            "urn:p::gone",
        ),
        ({"dependencies": ["urn:p::later"]}, "urn:p::later"),
        (
            {
                "dependencies": ["urn:p::old"],
                "parent": "urn:p::root",
                "propertyDependencies": {"spec": None},
            },
            None,
        ),
    ],
)
def test_a_reference_to_a_later_resource_is_found(
    resource: JsonObject, missing: str | None
) -> None:
    """The engine reads no state with such a resource."""
    new = {"type": "t", "urn": "urn:p::new", **resource}
    later = {"type": "t", "urn": "urn:p::later"}
    found = parse({"resources": [ROOT, OLD, new, later]}).unresolved
    assert found == ((("urn:p::new", missing),) if missing else ())


def test_a_state_that_no_run_can_read_is_to_be_repaired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names the repair command. For a sound state, the CLI's own error is shown."""

    def failing(*_: str, **__: Any) -> str:
        raise PulumiCliError("`pulumi refresh` failed: This is a bug!")

    monkeypatch.setattr("kong_oam.engine.export.pulumi", failing)
    state = ExportedState(
        frozenset(),
        (),
        "urn:p::root",
        unresolved=(("urn:p::a/x", "urn:p::a/y"),),
    )
    with pytest.raises(InvalidStateError) as raised:
        check_no_active_run("prod", state)
    assert str(raised.value) == (
        "the state of stack 'prod' is invalid: a/x refers to a/y, which is missing, perhaps after a run with --exclude "
        "or --target. Repair it with `pulumi state repair -s prod --yes`, then recover again"
    )
    with pytest.raises(PulumiCliError, match="This is a bug!"):
        check_no_active_run("prod", replace(state, unresolved=()))


def test_an_object_of_kubernetes_is_removed_by_its_name_and_our_labels() -> (
    None
):
    """There is one command for each interrupted creation, with its cluster. Other interrupted
    operations need no kubectl."""
    state = ExportedState(
        frozenset(),
        (
            PendingCreation(
                "kubernetes:core/v1:Service", SERVICE, None, "cluster"
            ),
            PendingCreation(
                "kubernetes:core/v1:Service", SERVICE, None, "cluster-west"
            ),
            PendingCreation("okta:app/oAuth:OAuth", {"label": "x"}, None),
        ),
        None,
    )
    rest = (
        "--namespace default delete service --selector app.oam.dev/name=shop,app.oam.dev/component=web,kong-oam.dev/stack=prod "
        "--field-selector metadata.name=web"
    )
    clusters = ClusterSettings("prod-eks", {"west": "prod-west"})
    assert list(removals_of_interrupted(state, clusters)) == [
        f"kubectl --context prod-eks {rest}",
        f"kubectl --context prod-west {rest}",
    ]
    state = replace(state, pending=state.pending[:1])
    assert list(removals_of_interrupted(state, ClusterSettings())) == [
        f"kubectl {rest}"
    ]


def test_an_object_of_a_definition_is_removed_by_its_full_kind() -> None:
    """A custom kind may have the name of a Kubernetes kind, so the full name counts. Objects
    without a namespace need none. Helm removes a chart, and patches need no removal."""
    labels = {
        "app.oam.dev/name": "shop",
        "app.oam.dev/component": "web",
        "kong-oam.dev/stack": "prod",
    }
    thing = {"name": "one", "namespace": "default", "labels": labels}
    state = ExportedState(
        frozenset(),
        (
            PendingCreation(
                "kubernetes:serving.knative.dev/v1:Service",
                {"metadata": thing},
                None,
            ),
            PendingCreation(
                "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
                {"metadata": {"name": "r", "labels": labels}},
                None,
            ),
            PendingCreation(
                "kubernetes:helm.sh/v3:Release",
                {"name": "chart", "namespace": "default"},
                None,
            ),
            PendingCreation(
                "kubernetes:core/v1:NamespacePatch",
                {"metadata": {"name": "shop"}},
                None,
            ),
        ),
        None,
    )
    selected = (
        "--selector app.oam.dev/name=shop,app.oam.dev/component=web,kong-oam.dev/stack=prod "
        "--field-selector metadata.name"
    )
    assert list(removals_of_interrupted(state, ClusterSettings())) == [
        f"kubectl --namespace default delete service.v1.serving.knative.dev {selected}=one",
        f"kubectl delete clusterrole.v1.rbac.authorization.k8s.io {selected}=r",
        "helm --namespace default uninstall chart --ignore-not-found",
    ]


def test_an_older_state_lacks_later_objects() -> None:
    """The command names the kind and the place of each object."""
    labels = {
        "app.oam.dev/name": "shop",
        "app.oam.dev/component": "web",
        "kong-oam.dev/stack": "prod",
    }
    meant = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": "default",
                "labels": labels,
            },
        }
        for name in ("known", "made-since")
    ]
    known = RecordedResource(
        "kubernetes:core/v1:ConfigMap",
        "urn",
        "default/known",
        used=False,
        provider="cluster",
    )
    state = ExportedState(frozenset(), (), None, (known,))
    clusters = ClusterSettings(contexts={"west": "prod-west"})
    (command,) = removals_of_unknown(state, meant, clusters)
    assert command.startswith("kubectl --namespace default delete configmap ")
    assert command.endswith("metadata.name=made-since")
    in_west = list(removals_of_unknown(state, meant, clusters, "west"))
    assert [command.rpartition("=")[2] for command in in_west] == [
        "known",
        "made-since",
    ]
    assert all(
        command.startswith(
            "kubectl --context prod-west --namespace default delete"
        )
        for command in in_west
    )
