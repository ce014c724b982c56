"""Rendered objects are checked together with other components' objects and with the stack's
settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.estates import STACK
from tests.support.rendered import (
    DEPLOYMENT,
    SERVICE,
    application,
    compiled,
    ingress,
)

ROUTE = ingress("{defaultBackend: {service: {name: api, port: {number: 80}}}}")
OPEN = f"{DEPLOYMENT}---{SERVICE}---\n{ROUTE}"


def shop(
    objects: str = "",
    *,
    traits: str = "[]",
    component: str = "type: own",
    name: str = "web",
) -> str:
    """Return a second Application in the namespace of the first."""
    text = (
        application("", traits, component)
        .replace("{name: orders,", "{name: shop,")
        .replace("name: api", f"name: {name}")
    )
    return text + objects.replace("name: api", f"name: {name}").replace(
        "component: api", f"component: {name}"
    )


def messages(*texts: str, **stack: Any) -> list[str]:
    found = compiled(*texts, stack=replace(STACK, **stack))
    return [
        f"{diagnostic.code} {diagnostic.message}"
        for diagnostic in found.diagnostics
    ]


WEBSERVICE = (
    "type: webservice\n      properties: {image: i, labels: {tier: front}}"
)
CLIENT = "[{type: client, properties: {kind: service}}]"


def test_what_is_right_stands() -> None:
    """Correct rendered objects have no findings beside built-in types."""
    assert (
        messages(application(OPEN), shop(component=WEBSERVICE, traits=CLIENT))
        == []
    )


@pytest.mark.parametrize(
    ("key", "own"),
    [("app.oam.dev/name", "shop"), ("app.oam.dev/component", "web")],
)
def test_no_property_gives_pods_another_components_labels(
    key: str, own: str
) -> None:
    """Properties with such labels are an error, as in definitions."""
    labelled = WEBSERVICE.replace("tier: front", f"{key}: VALUE")
    (found,) = messages(
        application(OPEN), shop(component=labelled.replace("VALUE", "victim"))
    )
    assert (
        found
        == f"ACC226 label '{key}' is 'victim', but the pods of 'shop/web' need '{own}'; remove it"
    )
    assert (
        messages(
            application(OPEN), shop(component=labelled.replace("VALUE", own))
        )
        == []
    )


def test_a_clients_secret_is_no_certificate() -> None:
    """Kong would receive the credential, from an Ingress or a gateway trait, of the client or of
    another component."""
    tls = ingress(
        "{tls: [{secretName: web-client}], defaultBackend: {service: {name: api, port: {number: 80}}}}"
    )
    orders = application(f"{DEPLOYMENT}---{SERVICE}---\n{tls}")
    (found,) = messages(orders, shop(component=WEBSERVICE, traits=CLIENT))
    assert (
        found.startswith("ACC217 certificate 'web-client' of host ")
        and "is the client credential of 'shop/web'" in found
    )
    assert messages(orders, shop(component=WEBSERVICE)) == []
    gateway = "{type: gateway, properties: {domain: web.example.com, secretName: web-client, http: {/: 80}}}"
    access = "{type: access, properties: {owner: t, rules: [{public: {reason: docs}}]}}"
    exposed = WEBSERVICE.replace("image: i,", "image: i, ports: [{port: 80}],")
    found = messages(
        shop(component=exposed, traits=f"[{gateway}, {access}, {CLIENT[1:]}")
    )
    assert [message.partition(" is ")[0] for message in found] == [
        "ACC217 certificate 'web-client' of host 'web.example.com'"
    ]


def test_the_stack_says_what_is_deployed() -> None:
    extra = f"{OPEN}---\napiVersion: a.test/v1\nkind: Thing\nmetadata: {{name: t, namespace: orders}}\n"
    (found,) = messages(application(extra))
    assert found.startswith("ACC224 ")
    assert (
        messages(application(extra), allowed={"a.test/Thing": "nothing"}) == []
    )
    balanced = OPEN.replace(
        "spec: {selector: {app.oam.dev/component: api}",
        "spec: {type: LoadBalancer, selector: {app.oam.dev/component: api}",
    )
    (found,) = messages(application(balanced))
    assert found.startswith("ACC227 ")
    assert messages(application(balanced), reach="loadBalancer") == []


def test_what_is_made_beside_rendered_objects_has_its_name_once() -> None:
    """The program adds a ServiceAccount for pods that name no other account."""
    stateful = DEPLOYMENT.replace("kind: Deployment", "kind: StatefulSet")
    (twin,) = messages(application(DEPLOYMENT), shop(stateful, name="api"))
    assert twin.startswith(
        "OAM107 NetworkPolicy 'api' in namespace 'orders' would also be created for 'orders/api'"
    )
    account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: api, namespace: orders}\n"
    assert messages(application(DEPLOYMENT + account)) == []
    (twin,) = messages(application(DEPLOYMENT), shop(account, name="api"))
    assert twin.startswith(
        "OAM107 ServiceAccount 'api' in namespace 'orders' would also be created for 'orders/api'"
    )


def test_pods_are_where_their_definition_says() -> None:
    manifest = "apiVersion: a.test/v1\nkind: Thing\nmetadata: {name: t, namespace: orders}\nspec: {pods: {spec: {volumes: [{name: v, strange: {}}]}}}\n"
    stack = replace(STACK, allowed={"a.test/Thing": "nothing"})
    found = (
        compiled(application(manifest), stack=stack, pods=path).diagnostics
        for path in ("spec.pods.spec", "")
    )
    assert [
        [diagnostic.code for diagnostic in diagnostics] for diagnostics in found
    ] == [
        ["ACC226"],
        [],
    ]
