"""What is read from the state, and what is told about Kubernetes."""

from __future__ import annotations

from kong_oam.engine.export import parse
from kong_oam.engine.pending import ExportedState, PendingCreation, RecordedResource
from kong_oam.recover.cluster import removals_of_interrupted

LABELS = {"app.oam.dev/name": "shop", "app.oam.dev/component": "web", "app.oam.dev/appRevision": ""}
SERVICE = {"metadata": {"name": "web", "namespace": "default", "labels": LABELS}}


def test_ids_and_interrupted_creations_are_read() -> None:
    """A credential's id has two halves; an interrupted update or deletion is of something that the state knows."""
    deployment = {
        "resources": [
            {"type": "pulumi:pulumi:Stack", "urn": "urn:root"},
            {"type": "kong:index/consumerJwtAuth:ConsumerJwtAuth", "urn": "urn:slot", "id": "credential|consumer"},
            {"type": "kong:index/route:Route", "urn": "urn:route", "id": "way", "dependencies": ["urn:slot"]},
        ],
        "pending_operations": [
            {"type": "creating", "resource": {"type": "okta:app/oAuth:OAuth", "inputs": {"label": "kong-oam"}}},
            {"type": "creating", "resource": {"type": "kong:index/service:Service", "id": "heard", "inputs": {}}},
            {"type": "deleting", "resource": {"type": "kong:index/route:Route", "id": "old", "inputs": {}}},
        ],
    }
    assert parse(deployment) == ExportedState(
        ids=frozenset({"credential", "consumer", "way"}),
        pending=(
            PendingCreation("okta:app/oAuth:OAuth", {"label": "kong-oam"}, None),
            PendingCreation("kong:index/service:Service", {}, "heard"),
        ),
        root="urn:root",
        resources=(
            RecordedResource(
                "kong:index/consumerJwtAuth:ConsumerJwtAuth", "urn:slot", "credential|consumer", used=True
            ),
            RecordedResource("kong:index/route:Route", "urn:route", "way", used=False),
        ),
    )


def test_a_state_without_resources_knows_nothing() -> None:
    """As the CLI exports it before a first run: without lists."""
    assert parse({"manifest": {}}) == ExportedState(frozenset(), (), None)


def test_an_object_of_kubernetes_is_removed_by_its_name_and_our_labels() -> None:
    """One command each, on the stack's cluster; what else was interrupted is not kubectl's concern."""
    state = ExportedState(
        frozenset(),
        (
            PendingCreation("kubernetes:core/v1:Service", SERVICE, None),
            PendingCreation("okta:app/oAuth:OAuth", {"label": "x"}, None),
        ),
        None,
    )
    rest = (
        "--namespace default delete service --selector app.oam.dev/name=shop,app.oam.dev/component=web "
        "--field-selector metadata.name=web"
    )
    assert list(removals_of_interrupted(state, "prod-eks")) == [f"kubectl --context prod-eks {rest}"]
    assert list(removals_of_interrupted(state, None)) == [f"kubectl {rest}"]
