"""The trait upstream-tls, and https to a named Service: their effects and findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.settings.values import Settings
from kong_oam.kong import names
from kong_oam.kubernetes.estate import objects_of
from kong_oam.traits.upstream_tls.at_kong import certified_name, service_fields
from kong_oam.traits.upstream_tls.value import UPSTREAM_TLS, Issuer, UpstreamTls
from tests.support.diffs import settings
from tests.support.estates import STACK, api, compiled, estate
from tests.support.rendered import DEPLOYMENT, SERVICE, application, ingress
from tests.support.rendered import compiled as rendered

TLS = replace(STACK, upstream_tls="tls")
ISSUER = "issuer: {kind: ClusterIssuer, name: internal}"


def with_tls(
    properties: str = "", http: str = "{/orders: 8443}", name: str = "orders"
) -> str:
    trait = f"        - {{type: upstream-tls, properties: {{{properties}}}}}\n"
    return api(name, domain=f"{name}.example.com", http=http) + trait


def said(*texts: str, stack: object = TLS) -> list[str]:
    return [
        str(diagnostic).splitlines()[0]
        for diagnostic in compiled(*texts, stack=stack).diagnostics
    ]  # type: ignore[arg-type]


def on(stack: object = TLS) -> Settings:
    found = settings()
    return replace(found, stack=stack)  # type: ignore[arg-type]


def objects(text: str) -> dict[str, dict]:  # type: ignore[type-arg]
    return {
        manifest["kind"]: manifest
        for manifest in objects_of(estate(text, stack=TLS), on())
    }


def test_by_default_every_routed_port_speaks_tls() -> None:
    """Each port has a Kong service, and the certificate must contain the Service's name in the
    cluster."""
    component = estate(with_tls(), stack=TLS).components["orders/api"]
    assert component.traits[UPSTREAM_TLS] == UpstreamTls((8443,))
    assert list(component.backends) == ["8443__tls"]
    assert (
        names.service("s", component, "8443__tls")
        == "kong-oam.s.orders.api.8443__tls"
    )
    assert certified_name(component, "8443__tls") == "api.orders.svc"


def test_ports_that_are_not_listed_stay_in_clear_text() -> None:
    component = estate(
        with_tls("ports: [8443]", "{/orders: 8443, /metrics: 8080}"), stack=TLS
    ).components["orders/api"]
    assert list(component.backends) == ["8080", "8443__tls"]
    assert [
        certified_name(component, backend) for backend in component.backends
    ] == [
        None,
        "api.orders.svc",
    ]


def test_with_a_client_certificate_the_service_is_another_one() -> None:
    """The official plugin cannot take the certificate back from a service that has one."""
    component = estate(
        with_tls(), stack=replace(STACK, upstream_tls="mtls")
    ).components["orders/api"]
    assert list(component.backends) == ["8443__mtls"]


def test_a_service_that_speaks_http_has_none_of_the_fields() -> None:
    """Kong takes none of them there, not even a `tls_verify` that is false."""
    component = estate(api()).components["orders/api"]
    assert service_fields(None, component, "8080", {}) == {}


@pytest.mark.parametrize(
    ("text", "stack", "expected"),
    [
        (with_tls(), STACK, "ACC244: the stack has no CA that verifies workloads' certificates; set gateway.upstreamTls.ca there"),
        (with_tls("ports: [8080]"), TLS, "ACC243: 'api' has no route to port 8080; it has routes to 8443"),
        (with_tls(f"secretName: own, {ISSUER}"), TLS, "ACC245: a certificate has one source, but secretName and issuer are both set; remove one of them"),
        (with_tls("mountPath: /x"), TLS, "ACC245: mountPath needs a certificate; add secretName or issuer"),
        (with_tls().replace("type: gateway", "type: access").replace('domain: "orders.example.com", http: {/orders: 8443}', "owner: o"), TLS, "ACC231: the gateway does not expose component 'api'; add a gateway trait, or remove this trait"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(
    text: str, stack: object, expected: str
) -> None:
    found = said(text, stack=stack)
    assert expected in [line.partition("error ")[2] for line in found], found


def test_the_workload_finds_the_certificate_of_a_secret() -> None:
    """Read-only, in its own container; nobody is asked for one."""
    made = objects(with_tls("secretName: own, mountPath: /certs"))
    pod = made["Deployment"]["spec"]["template"]["spec"]
    assert pod["volumes"] == [
        {"name": "kong-oam-tls", "secret": {"secretName": "own"}}
    ]
    assert pod["containers"][0]["volumeMounts"] == [
        {"name": "kong-oam-tls", "mountPath": "/certs", "readOnly": True}
    ]
    assert "Certificate" not in made


def test_cert_manager_is_asked_for_a_certificate_of_the_services() -> None:
    made = objects(with_tls(ISSUER))
    certificate = made["Certificate"]
    assert certificate["apiVersion"] == "cert-manager.io/v1"
    assert certificate["metadata"]["namespace"] == "orders"
    assert (
        certificate["spec"]["secretName"]
        == certificate["metadata"]["name"]
        == "api-upstream-tls"
    )
    assert certificate["spec"]["dnsNames"] == [
        "api.orders.svc",
        "api.orders.svc.cluster.local",
    ]
    assert certificate["spec"]["issuerRef"] == {
        "group": "cert-manager.io",
        "kind": "ClusterIssuer",
        "name": "internal",
    }
    pod = made["Deployment"]["spec"]["template"]["spec"]
    assert pod["volumes"][0]["secret"] == {"secretName": "api-upstream-tls"}
    assert pod["containers"][0]["volumeMounts"][0]["mountPath"] == "/etc/tls"


def test_rendered_pods_get_it_too() -> None:
    trait = f"[{{type: upstream-tls, properties: {{{ISSUER}}}}}, {{type: access, properties: {{owner: o}}}}]"
    backend = "{service: {name: api, port: {number: 80}}}"
    way = ingress(
        f"{{rules: [{{host: a.test, http: {{paths: [{{path: /x, backend: {backend}}}]}}}}]}}"
    )
    found = rendered(
        application(f"{DEPLOYMENT}---{SERVICE}---\n{way}", trait), stack=TLS
    )
    assert found.estate, found.diagnostics
    component = found.estate.components["orders/api"]
    assert component.traits[UPSTREAM_TLS] == UpstreamTls(
        (80,), "api-upstream-tls", Issuer("ClusterIssuer", "internal")
    )
    made = {
        manifest["kind"]: manifest
        for manifest in objects_of(found.estate, on())
    }
    assert made["Certificate"]["spec"]["dnsNames"][0] == "api.orders.svc"
    pod = made["Deployment"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["volumeMounts"] == [
        {"name": "kong-oam-tls", "mountPath": "/etc/tls", "readOnly": True}
    ]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (with_tls("secretName: own", name="shop").replace("namespace: shop", "namespace: orders"), "Secret 'own' is the credential of 'orders/api'; name a Secret that only this workload uses"),
        (
            with_tls(name="shop").replace("namespace: shop", "namespace: orders").replace("name: api", "name: web").replace(
                "{image: x}", "{image: x, volumeMounts: {secret: [{name: a, mountPath: /a, secretName: own}]}}"
            ),
            "spec.template.spec.volumes[0].secret.secretName 'own' is the credential of 'orders/api'; use a client trait of this component",
        ),
    ],
    ids=["shown by two", "mounted by another"],
)  # fmt: skip
def test_the_key_of_a_workload_is_nobody_elses(
    other: str, expected: str
) -> None:
    other = other.replace("name: api", "name: web")
    found = [
        finding
        for finding in said(with_tls("secretName: own"), other)
        if "ACC217" in finding
    ]
    assert len(found) == 1 and found[0].endswith(expected), found


def test_nobody_else_makes_the_secret_that_a_workload_shows() -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: own, namespace: orders}\n"
    other = (
        application(secret)
        .replace("name: orders,", "name: shop,")
        .replace("name: api", "name: web")
    )
    found = [
        str(diagnostic)
        for diagnostic in rendered(
            with_tls("secretName: own") + "\0", other, stack=TLS
        ).diagnostics
    ]
    assert any(
        "OAM107" in finding
        and "it would overwrite the certificate of the workload 'orders/api'"
        in finding
        for finding in found
    )


@pytest.mark.parametrize(
    "name", ["api.orders.svc", "API.orders.svc.cluster.local", "*.orders.svc"]
)
@pytest.mark.parametrize(
    "field", ["dnsNames: [web.test, '{}']", "commonName: '{}'"]
)
def test_nobody_else_asks_for_a_certificate_of_its_name(
    name: str, field: str
) -> None:
    """Where a stack lets components ask cert-manager themselves: whoever had one would stand for the workload."""
    spec = f"{{secretName: web, {field.format(name)}, issuerRef: {{name: i}}}}"
    asked = f"apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: web, namespace: x}}\nspec: {spec}\n"
    other = application(asked).replace(
        "name: orders, namespace: orders", "name: shop, namespace: x"
    )
    allowing = replace(
        TLS, allowed={"cert-manager.io/Certificate": "certificates"}
    )
    found = rendered(
        with_tls() + "\0",
        other.replace("name: api", "name: web"),
        stack=allowing,
    )
    (refused,) = [
        str(diagnostic).splitlines()[0]
        for diagnostic in found.diagnostics
        if diagnostic.severity == "error"
    ]
    assert refused.partition("ACC217: ")[2] == (
        f"Certificate 'web' of 'shop/web': '{name.lower()}' is the name of another workload, "
        "'orders/api'; remove it"
    )


def test_a_service_made_elsewhere_is_verified_by_its_own_name() -> None:
    """The gateway calls a Service of ours, but the operator's certificate contains the operator's
    Service."""
    backend = "{service: {name: es-http, port: {number: 9200}}}"
    way = ingress(
        f"{{rules: [{{host: a.test, http: {{paths: [{{path: /x, backend: {backend}}}]}}}}]}}"
    )
    service = "{name: es-http, port: 9200, scheme: https, podLabels: {app.kubernetes.io/instance: es}}"
    access = f"[{{type: access, properties: {{owner: o, service: {service}, rules: [{{public: {{reason: r}}}}]}}}}]"
    release = "apiVersion: helm.sh/v3\nkind: Release\nmetadata: {name: es, namespace: orders}\nspec: {chart: es}\n"
    found = rendered(
        application(f"{release}---\n{way}", access, "type: helmchart"),
        stack=TLS,
    )
    assert found.estate, found.diagnostics
    component = found.estate.components["orders/api"]
    assert [
        certified_name(component, backend) for backend in component.backends
    ] == ["es-http.orders.svc"]
    assert component.backends["9200__tls"].service == "api-gateway"
