"""The pods behind ports, from Services and workloads in the state. Their words equal the model's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kong_oam.access.model import Application, Component
from kong_oam.access.pods import pods_behind
from kong_oam.engine.state import Resource
from kong_oam.kong.deployed_pods import deployed_pods
from kong_oam.kubernetes.rendered import placed_objects
from tests.support.components import with_fields
from tests.support.diffs import API, SHOP, model, settings
from tests.support.rendered import (
    DEPLOYMENT,
    SERVICE,
    application,
    compiled,
    ingress,
)

ACCESS = "{type: access, properties: {owner: t, rules: [{public: {reason: pages}}]%s}}"
RELEASE = ", service: {name: release, port: 80, targetPort: 5432, podLabels: {app.kubernetes.io/instance: db}}"
HELM = "apiVersion: helm.sh/v3\nkind: Release\nmetadata: {name: db, namespace: orders}\nspec: {chart: db}\n---\n"
INGRESS = ingress(
    "{rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}]}}]}"
)
OTHER = DEPLOYMENT.replace("metadata: {name: api,", "metadata: {name: other,")
OWN = f"{DEPLOYMENT}\n---\n{SERVICE}\n---\n{INGRESS % 'api'}"


def rendered(objects: str, service: str = "") -> tuple[Application, Component]:
    kind = "type: helmchart" if service else "type: own"
    estate = compiled(
        application(objects, f"[{ACCESS % service}]", kind),
        stack=settings().stack,
    ).estate
    assert estate is not None
    return estate.applications[0], estate.components["orders/api"]


def lowered(key: str) -> tuple[Application, Component]:
    estate = model(API, SHOP).estate
    component = estate.components[key]
    return next(
        candidate
        for candidate in estate.applications
        if candidate.name == component.application
    ), component


def state(application: Application, component: Component) -> Iterator[Resource]:
    """Return the state of a component after a run, as JSON."""
    for placed in placed_objects(application, component, settings()).objects:
        yield Resource(
            f"kubernetes:any/v1:{placed.manifest['kind']}",
            placed.name,
            json.loads(json.dumps(placed.manifest)),
        )


@pytest.mark.parametrize(
    ("found", "pods"),
    [
        (lowered("orders/api"), {"8080": "own pods in default at 8080 (Deployment api)"}),
        (lowered("shop/web"), {"3000": "own pods in shop at 3000 (Deployment web)"}),
        (rendered(OWN), {"80": "own pods in orders at 8080 (Deployment api)"}),
        (rendered(OWN.replace("targetPort: 8080", "targetPort: grpc2").replace("name: grpc", "name: grpc2")), {"80": "own pods in orders at 9090 (Deployment api)"}),
        (rendered(f"{OTHER}\n---\n{OWN}"), {"80": "own pods in orders at 8080 (Deployment api, Deployment other)"}),
        (rendered(HELM + INGRESS % "release", RELEASE), {"80": "pods app.kubernetes.io/instance=db in orders at 5432"}),
    ],
    ids=["default namespace", "another namespace", "rendered", "by a port's name", "two workloads", "named Service"],
)  # fmt: skip
def test_pods_are_read_from_the_state(
    found: tuple[Application, Component], pods: dict[str, str]
) -> None:
    """As the model tells them, whatever was meant by the run that failed."""
    _, component = found
    assert pods_behind(component) == pods
    gated = with_fields(
        component, rendered=None, named_service=None, services=()
    )
    wrong = dict.fromkeys(pods, "pods app=other in orders at 1")
    assert deployed_pods(state(*found), [gated], {component.key: wrong}) == {
        component.key: pods
    }


def test_what_the_state_does_not_show_is_as_it_was_meant() -> None:
    """No Service, two that could be meant, or one in another cluster or namespace."""
    application, component = rendered(OWN)
    expected = {component.key: {"80": "pods app=x in orders at 1"}}
    assert deployed_pods([], [component], expected) == expected
    whole = list(state(application, component))
    (service,) = [
        resource for resource in whole if resource.outputs["kind"] == "Service"
    ]
    name = "a-second"
    second = Resource(
        service.type,
        f"orders/api-service-{name}",
        {
            **service.outputs,
            "metadata": {**service.outputs["metadata"], "name": name},
        },
    )
    assert deployed_pods([*whole, second], [component], expected) == expected
    elsewhere = [
        replace(resource, name=f"west:{resource.name}") for resource in whole
    ]
    assert deployed_pods(elsewhere, [component], expected) == expected
