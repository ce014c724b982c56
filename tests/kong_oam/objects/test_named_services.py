"""The Service in `access.service`: its pods, and pods that it must not reach."""

from __future__ import annotations

import pytest

from tests.support.estates import STACK
from tests.support.rendered import (
    DEPLOYMENT,
    SERVICE,
    application,
    compiled,
    ingress,
)

WEBSERVICE = "type: webservice\n      properties: {image: i, labels: {app.kubernetes.io/instance: es}}"


def chart(
    name: str = "es-http",
    labels: str = "{app.kubernetes.io/instance: es}",
    more: str = "",
) -> str:
    """An access trait with a Service."""
    service = f"{{name: {name}, port: 9200, podLabels: {labels}{more}}}"
    rule = "{paths: [/x], public: {reason: r}}"
    return f"[{{type: access, properties: {{owner: o, service: {service}, rules: [{rule}]}}}}]"


def way(
    service: str = "es-http", port: str = "number: 9200", path: str = "/x"
) -> str:
    backend = f"{{service: {{name: {service}, port: {{{port}}}}}}}"
    return "---\n" + ingress(
        f"{{rules: [{{host: a.test, http: {{paths: [{{path: {path}, backend: {backend}}}]}}}}]}}"
    )


RELEASE = "apiVersion: helm.sh/v3\nkind: Release\nmetadata: {name: es, namespace: orders}\nspec: {chart: es}\n"
HELM = "type: helmchart"
TAKEN = application(RELEASE + way(), chart(), HELM)


def shop(text: str, name: str = "web") -> str:
    """The same as another Application in the same namespace."""
    return (
        text.replace("{name: orders,", "{name: shop,")
        .replace("name: api", f"name: {name}")
        .replace("component: api", f"component: {name}")
        .replace("a.test", "b.test")
    )


def messages(*texts: str) -> list[str]:
    return [
        str(diagnostic).splitlines()[0]
        for diagnostic in compiled(*texts, stack=STACK).diagnostics
    ]


def test_a_route_leads_to_its_own_service() -> None:
    """Never to the Service itself, which may select pods outside the NetworkPolicy."""
    estate = compiled(TAKEN).estate
    assert estate
    component = estate.components["orders/api"]
    assert component.exposure.services == (("api-gateway", (9200,)),)
    (named, backend) = (
        component.workload.named_service,
        component.backends["9200"],
    )
    assert named and (named.name, named.port, named.target, named.ours) == (
        "es-http",
        9200,
        9200,
        backend.service,
    )
    elsewhere = compiled(
        TAKEN.replace("port: 9200, pod", "port: 9200, targetPort: 9201, pod")
    ).estate
    assert (
        elsewhere
        and (found := elsewhere.components["orders/api"].workload.named_service)
        and found.target == 9201
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (application(RELEASE + way(port="number: 80"), chart(), HELM), "ACC223: Ingress 'way': '/x' leads to port 80 of Service 'es-http', but access.service has 9200; write the same port in both"),
        (application(RELEASE + way(port="name: http"), chart(), HELM), "ACC223: Ingress 'way': '/x' leads to port http of Service 'es-http', but access.service has 9200; write the same port in both"),
        (application(RELEASE + way("other"), chart(), HELM), "OAM108: Ingress 'way': '/x' leads to Service 'other', which 'api' does not create and which could expose another component; write the Service of a release or an operator in access.service, and as existingServiceName of the gateway trait"),
        (application(RELEASE + way("other"), "[]", HELM), "OAM108: Ingress 'way': '/x' leads to Service 'other', which 'api' does not create and which could expose another component; write the Service of a release or an operator in access.service, and as existingServiceName of the gateway trait"),
        (application(f"{DEPLOYMENT}---{SERVICE}{way('other')}", "[]", HELM), "OAM108: Ingress 'way': '/x' leads to Service 'other', which 'api' does not create and which could expose another component; use a Service of this component"),
        (application(RELEASE, chart(), HELM), "ACC211: component 'api' has access rules but no gateway trait exposes it; add a gateway trait"),
        (application(RELEASE + way(), chart(more=", scheme: https"), HELM), "ACC244: the stack has no CA that verifies workloads' certificates; set gateway.upstreamTls.ca there"),
        (application(RELEASE + way(), chart(), HELM).replace("name: api", f"name: {'a' * 56}"), f"OAM103: the gateway needs a Service '{'a' * 56}-gateway', which is no valid name; rename the component"),
        (application(f"{RELEASE}---{SERVICE}{way('api', 'number: 80')}", "[]", HELM), "ACC223: Ingress 'way': '/x' leads to Service 'api', which selects no pods of 'api'; correct its selector; write the Service of a release or an operator in access.service, and as existingServiceName of the gateway trait"),
    ],
)  # fmt: skip
def test_services_without_targets_are_rejected(
    text: str, expected: str
) -> None:
    assert [message.partition("error ")[2] for message in messages(text)] == [
        expected
    ]


def test_what_needs_no_definition_has_a_service_of_its_own() -> None:
    traits = chart().replace(
        "[{type",
        "[{type: gateway, properties: {domain: a.test, http: {/x: 80}}}, {type",
    )
    (found,) = messages(
        application(
            "", traits, "type: webservice\n      properties: {image: i}"
        )
    )
    assert found.endswith(
        "a webservice has its own Service, and access.service is for Services of others; remove it"
    )


@pytest.mark.parametrize(
    "second",
    [
        shop(application(DEPLOYMENT.replace("labels: {", "labels: {app.kubernetes.io/instance: es, "))),
        shop(application("", component=WEBSERVICE)),
        shop(application(RELEASE + way("two"), chart("two"), HELM).replace("name: es,", "name: two,")),
        shop(application(RELEASE + way("two"), chart("two", "{app.kubernetes.io/instance: es, a: b}"), HELM)).replace("name: es,", "name: two,"),
    ],
)  # fmt: skip
def test_the_pods_of_two_components_are_apart(second: str) -> None:
    """Pods with another component's labels would receive its calls, in either order."""
    for texts in ((TAKEN, second), (second, TAKEN)):
        found = messages(*texts)
        assert found and all("ACC227" in message for message in found)


def test_the_pods_of_two_releases_are_apart_by_the_label_that_names_each() -> (
    None
):
    """Whatever other labels the access traits have."""
    text = shop(
        application(
            RELEASE + way("two"),
            chart("two", "{app.kubernetes.io/instance: two, part: data}"),
            HELM,
        )
    )
    assert messages(TAKEN, text.replace("name: es,", "name: two,")) == []


def test_a_service_of_others_does_not_select_the_pods_that_are_named() -> None:
    """Its route would reach them without the rules of their component."""
    served = SERVICE.replace(
        "selector: {app.oam.dev/component: api}",
        "selector: {app.kubernetes.io/instance: es}",
    )
    text = (
        DEPLOYMENT.replace(
            "labels: {", "labels: {app.kubernetes.io/instance: es, "
        )
        + f"---{served}"
        + way("api", "number: 80")
    )
    found = messages(TAKEN, shop(application(text)))
    assert found and all("ACC227" in message for message in found)


@pytest.mark.parametrize("maker", ["rendered", "plain", "its own", "named"])
def test_the_named_service_belongs_to_no_component_of_the_stack(
    maker: str,
) -> None:
    """With both positions, in either order."""
    taker = application(RELEASE + way("web"), chart("web"), HELM)
    rendered = shop(application(f"{DEPLOYMENT}---{SERVICE}"))
    traits = "[{type: gateway, properties: {http: {/: 80}}}]"
    plain = shop(
        application(
            "", traits, WEBSERVICE.replace("app.kubernetes.io/instance: es", "")
        )
    )
    named = shop(
        taker.replace("instance: es", "instance: two").replace(
            "name: es,", "name: two,"
        )
    )
    itself = application(
        f"{RELEASE}---{SERVICE.replace('name: api', 'name: web')}{way('web')}",
        chart("web"),
        HELM,
    )
    texts = {
        "rendered": [taker, rendered],
        "plain": [taker, plain],
        "its own": [itself],
        "named": [taker, named],
    }[maker]
    for order in (texts, texts[::-1]):
        (found,) = messages(*order)
        assert (
            "also creates Service 'web' in namespace 'orders' " in found
            and found.count(".yaml:") == 2
        )
