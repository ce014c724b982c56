"""Server-side apply: owners of fields, removed and kept fields, and conflicts."""

from typing import Any

import pytest

from sandbox.applying import ConflictError, DuplicateItemError, Managed
from tests.support.json_object import JsonObject

OURS, THEIRS = "program", "somebody"


def deployment(*containers: JsonObject, **spec: Any) -> JsonObject:
    """Return a Deployment of these containers."""
    pods = {"spec": {"containers": list(containers)}}
    return {
        "apiVersion": "apps/v1",
        "metadata": {"name": "api"},
        "spec": {"template": pods, **spec},
    }


def container(name: str, image: str, **fields: Any) -> JsonObject:
    """One container."""
    return {"name": name, "image": image, **fields}


def test_a_foreign_field_is_a_conflict_and_force_takes_it_over() -> None:
    """The conflict names manager, apiVersion and field; after force nobody else owns the field."""
    ours, theirs = (
        deployment(container("api", "api:1")),
        deployment(container("api", "other:1")),
    )
    found = Managed({}).edited(ours, OURS).edited(theirs, THEIRS)
    field = '.spec.template.spec.containers[name="api"].image'
    with pytest.raises(ConflictError) as conflict:
        found.applied(ours, OURS, force=False)
    assert (
        str(conflict.value)
        == f'Apply failed with 1 conflict: conflict with "somebody" using apps/v1: {field}'
    )
    forced = found.applied(ours, OURS, force=True)
    assert forced.manifest == ours
    assert forced.applied(theirs, OURS, force=False).manifest == theirs


def test_foreign_fields_stay_and_removed_fields_go() -> None:
    """They added a container, an annotation and a number of replicas; we remove a variable and a
    container."""
    variable = [{"name": "A", "value": "1"}]
    ours = deployment(
        container("api", "api:1", env=variable), container("old", "old:1")
    )
    theirs = deployment(
        *ours["spec"]["template"]["spec"]["containers"],
        container("side", "side:1"),
        replicas=3,
    )
    theirs["metadata"] = {"name": "api", "annotations": {"by": "hand"}}
    found = Managed({}).edited(ours, OURS).edited(theirs, THEIRS)
    applied = found.applied(
        deployment(container("api", "api:2")), OURS, force=False
    ).manifest
    assert applied["spec"]["template"]["spec"]["containers"] == [
        container("api", "api:2"),
        container("side", "side:1"),
    ]
    assert applied["spec"]["replicas"] == 3
    assert applied["metadata"] == {"name": "api", "annotations": {"by": "hand"}}


def test_ports_are_merged_by_number_and_protocol() -> None:
    """A port without a protocol is one of TCP."""
    ours = {
        "apiVersion": "v1",
        "spec": {"ports": [{"port": 80, "name": "http"}]},
    }
    theirs = {
        "apiVersion": "v1",
        "spec": {
            "ports": [*ours["spec"]["ports"], {"port": 80, "protocol": "UDP"}]
        },
    }
    found = Managed({}).edited(ours, OURS).edited(theirs, THEIRS)
    named = {
        "apiVersion": "v1",
        "spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "web"}]},
    }
    assert found.applied(named, OURS, force=False).manifest["spec"][
        "ports"
    ] == [
        {"port": 80, "protocol": "TCP", "name": "web"},
        {"port": 80, "protocol": "UDP"},
    ]


def test_a_list_or_a_map_that_is_one_field_is_replaced_as_a_whole() -> None:
    """Rules of a NetworkPolicy and a selector: others' additions are a conflict, and force removes
    them."""
    ours = {
        "apiVersion": "v1",
        "spec": {"selector": {"app": "api"}, "ingress": [{"from": []}]},
    }
    theirs = {
        "apiVersion": "v1",
        "spec": {
            "selector": {"app": "api", "tier": "one"},
            "ingress": [{"from": []}, {}],
        },
    }
    found = Managed({}).edited(ours, OURS).edited(theirs, THEIRS)
    with pytest.raises(
        ConflictError,
        match=r"2 conflicts: .*: \.spec\.ingress; .*: \.spec\.selector",
    ):
        found.applied(ours, OURS, force=False)
    assert found.applied(ours, OURS, force=True).manifest == ours


def test_an_item_that_stands_twice_is_refused_by_an_apply_alone() -> None:
    """As kube-apiserver 1.35.4 answered for variables, container ports, pull secrets and host aliases."""
    container = {
        "name": "api",
        "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
    }
    twice = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"containers": [container]},
    }
    made = Managed({}).edited(twice, OURS)
    with pytest.raises(
        DuplicateItemError,
        match=r'Deployment\.spec\.containers\.0\.env: duplicate .* key \[name="A"\]',
    ):
        made.applied(twice, OURS, force=True)
