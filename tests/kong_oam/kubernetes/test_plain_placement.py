"""The deployed objects of a plain component."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.settings.stack import parse
from kong_oam.kubernetes.rendered import PlacedObject, placed_objects
from tests.support import small_stacks
from tests.support.estates import STACK, estate

TEXT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: sales}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: PORTS}
      traits: TRAITS
"""
ROUTE = (
    "{type: gateway, properties: {domain: orders.example.com, http: {/: 80}}}"
)
CLIENT = "{type: client, properties: {kind: service}}"
SETTINGS = parse("prod", small_stacks.SETTINGS)
PORTS = "[{port: 80, containerPort: 8080, expose: true}]"


def placed(ports: str = PORTS, *traits: str) -> dict[str, PlacedObject]:
    """The objects of `orders/api` by their names in the state."""
    text = TEXT.replace("PORTS", ports).replace(
        "TRAITS", f"[{', '.join(traits)}]"
    )
    (application,) = estate(
        text, stack=replace(STACK, domain="example.com")
    ).applications
    made = placed_objects(application, application.components[0], SETTINGS)
    return {resource.name: resource for resource in made.all}


@pytest.mark.parametrize(
    ("ports", "traits", "reached"),
    [
        (PORTS, [ROUTE], [8080]),
        ("[{port: 80}, {port: 9000, expose: true}]", [ROUTE], [80]),
        (
            "[{port: 80, containerPort: 53, protocol: UDP, expose: true}, {port: 80}]",
            [ROUTE],
            [80],
        ),
        (PORTS, [], []),
    ],
    ids=[
        "the container's port",
        "no port that is only exposed",
        "no UDP port",
        "no route",
    ],
)
def test_the_gateway_reaches_the_ports_of_gateway_traits_alone(
    ports: str, traits: list[str], reached: list[int]
) -> None:
    """The pods' ports, which may differ from the Service's."""
    rules: list[Any] = placed(ports, *traits)["orders/api-ingress"].manifest[
        "spec"
    ]["ingress"]
    assert [port["port"] for rule in rules for port in rule["ports"]] == reached


def test_the_objects_of_an_estate_that_is_deployed_stay() -> None:
    """Only pods have a version, which ignores the client. The Service selects by one label."""
    alone, client = placed(PORTS, ROUTE), placed(PORTS, ROUTE, CLIENT)
    assert {
        name: bool(resource.version) for name, resource in alone.items()
    } == {
        "orders/api-deployment": True,
        "orders/api-service-api": False,
        "orders/api-account": False,
        "orders/api-ingress": False,
    }
    assert client.keys() - alone.keys() == {"orders/api-client"}
    assert (
        client["orders/api-deployment"].version
        == alone["orders/api-deployment"].version
        == "c669181c9f368d62"
    )
    assert alone["orders/api-service-api"].manifest["spec"]["selector"] == {
        "app.oam.dev/component": "api"
    }
