"""Ingresses become routes, in every version of Kubernetes' format; other fields are rejected or get
a warning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.model import Component
from tests.support.estates import STACK
from tests.support.rendered import (
    DEPLOYMENT,
    SERVICE,
    application,
    compiled,
    ingress,
)

OBJECTS = f"{DEPLOYMENT}---{SERVICE}---\n"
V1 = "{service: {name: api, port: {number: 80}}}"
TRAITS = "[{type: way, properties: {domain: a.example.com, http: {/x: 80}, annotations: {a.b/rewrite: y}}}]"


def api(text: str, traits: str = "[]", **more: int) -> Component:
    found = compiled(application(OBJECTS + text, traits), **more)
    assert found.estate is not None, found.diagnostics
    return found.estate.components["orders/api"]


def messages(
    text: str, traits: str = "[]", objects: str = OBJECTS, **more: Any
) -> list[str]:
    """The findings, without the file's name and without notes about KubeVela."""
    found = compiled(application(objects + text, traits), **more).diagnostics
    return [
        str(diagnostic).splitlines()[0].removeprefix("app1.yaml:")
        for diagnostic in found
    ]


@pytest.mark.parametrize(
    "version",
    ["networking.k8s.io/v1", "networking.k8s.io/v1beta1", "extensions/v1beta1"],
)
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (f"{{rules: [{{host: A.example.com, http: {{paths: [{{path: /x, pathType: Prefix, backend: {V1}}}]}}}}]}}", ["a.example.com /x"]),
        ("{rules: [{host: a.example.com, http: {paths: [{path: /x, backend: {serviceName: api, servicePort: 80}}]}}]}", ["a.example.com /x"]),
        ("{rules: [{host: a.example.com, http: {paths: [{path: /x, backend: {serviceName: api, servicePort: http}}]}}]}", ["a.example.com /x"]),
        ("{rules: [{host: a.example.com, http: {paths: [{path: /x, backend: {service: {name: api, port: {name: http}}}}]}}]}", ["a.example.com /x"]),
        (f"{{rules: [{{http: {{paths: [{{path: /x/y, backend: {V1}}}]}}}}]}}", ["api-orders.apps.example.com /x/y"]),
        (f'{{rules: [{{host: "", http: {{paths: [{{path: /, backend: {V1}}}, {{path: /z, backend: {V1}}}]}}}}]}}', ["api-orders.apps.example.com /", "api-orders.apps.example.com /z"]),
        (f'{{rules: [{{host: "*.example.com", http: {{paths: [{{backend: {V1}}}]}}}}, {{host: b.test, http: {{paths: [{{path: "", backend: {V1}}}]}}}}]}}', ["*.example.com /", "b.test /"]),
        (f"{{defaultBackend: {V1}}}", ["api-orders.apps.example.com /"]),
        ("{backend: {serviceName: api, servicePort: 80}, rules: [{host: a.example.com}]}", ["a.example.com /", "api-orders.apps.example.com /"]),
        ("{rules: [{host: a.example.com}], tls: []}", []),
        ("{}", []),
    ],
)  # fmt: skip
def test_each_form_is_read(
    version: str, spec: str, expected: list[str]
) -> None:
    found = api(ingress(spec, api=version))
    assert [
        f"{e.host} /{'/'.join(e.path)}" for e in found.exposure.endpoints
    ] == expected
    assert {
        (e.service, e.port, e.backend) for e in found.exposure.endpoints
    } <= {("api", 80, "80")}
    assert found.exposure.services == ((("api", (80,)),) if expected else ())
    assert [rule.path for rule in found.exposure.rules] == list(
        {e.path: None for e in found.exposure.endpoints}
    )


def rule(path: str, backend: str = V1, host: str = "a.example.com") -> str:
    return (
        f"{{host: {host}, http: {{paths: [{{{path}, backend: {backend}}}]}}}}"
    )


WAY = f"{{rules: [{rule('path: /x')}]}}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (f"{{rules: [{rule('path: /x, pathType: Exact')}]}}", "7:13: error OAM108: pathType 'Exact' is not deployed, since rules of a path cover everything below it; remove it and write rules"),
        (f"{{rules: [{rule('path: /x, pathType: Regex')}]}}", "7:13: error OAM103: Ingress 'way': pathType of '/x' must be Prefix or ImplementationSpecific"),
        (f"{{rules: [{rule('path: /x(/|$)(.*)')}]}}", "7:13: error ACC213: path '/x(/|$)(.*)' is not plain; write /element/element, unencoded, of letters, digits and -._~!$&'()+,:=@, without patterns"),
        (f"{{rules: [{rule('path: /*')}]}}", "7:13: error ACC213: path '/*' is not plain; write /element/element, unencoded, of letters, digits and -._~!$&'()+,:=@, without patterns"),
        (f"{{rules: [{rule('path: x')}]}}", "7:13: error ACC213: path 'x' is not plain; write /element/element, unencoded, of letters, digits and -._~!$&'()+,:=@, without patterns"),
        (f"{{rules: [{rule('path: 7')}]}}", "7:13: error OAM103: Ingress 'way': spec.rules[0].http.paths[0].path must be a text"),
        (f"{{rules: [{rule('path: /x', host='a_b')}]}}", "7:13: error ACC213: host 'a_b' is not a DNS name; use letters, digits and '-', and '*' only as the first label"),
        (f"{{rules: [{rule('path: /x', host='7')}]}}", "7:13: error OAM103: Ingress 'way': spec.rules[0].host must be a text"),
        (f"{{rules: [{rule('path: /x', '{resource: {kind: Bucket, name: b}}')}]}}", "7:13: error OAM103: Ingress 'way': '/x' has no Service and port; write both"),
        (f"{{rules: [{rule('path: /x', '{service: {name: other, port: {number: 80}}}')}]}}", "7:13: error OAM108: Ingress 'way': '/x' leads to Service 'other', which 'api' does not create and which could expose another component; use a Service of this component"),
        ("{defaultBackend: {service: {name: other, port: {number: 80}}}}", "7:13: error OAM108: Ingress 'way': the default backend leads to Service 'other', which 'api' does not create and which could expose another component; use a Service of this component"),
        (f"{{rules: [{rule('path: /x', '{service: {name: api}}')}]}}", "7:13: error OAM103: Ingress 'way': '/x' has no Service and port; write both"),
        (f"{{rules: [{rule('path: /x', 'null')}]}}", "7:13: error OAM103: Ingress 'way': '/x' has no Service and port; write both"),
        (f"{{rules: [{rule('path: /x', '{service: {name: api, port: {number: 81}}}')}]}}", "7:13: error ACC223: Service 'api' has no port 81; its ports are 80"),
        (f"{{rules: [{rule('path: /x', '{service: {name: api, port: {name: web}}}')}]}}", "7:13: error ACC223: Service 'api' has no port web; its ports are 80"),
        ("{rules: null}", ""),
        ("{rules: {a: b}}", "7:13: error OAM103: Ingress 'way': spec.rules must be a list"),
        ("{rules: [a]}", "7:13: error OAM103: Ingress 'way': spec.rules[0] must be a mapping"),
        ("{rules: [{host: a.test, http: {}}]}", "7:13: error OAM103: Ingress 'way': spec.rules[0].http.paths must be present"),
        ("'...'", "7:13: error OAM103: Ingress 'way': spec must be a mapping"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_route_is_refused(spec: str, expected: str) -> None:
    assert messages(ingress(spec)) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("port: 80, targetPort: 8080, name: grpc", "ACC218: port 80 of Service 'api' is a gRPC port"),
        ("port: 80, targetPort: 8080, appProtocol: GRPC", "ACC218: port 80 of Service 'api' is a gRPC port"),
        ("port: 80, targetPort: 9090", "ACC218: port 80 of Service 'api' is a gRPC port"),
        ("port: 80, targetPort: grpc", "ACC218: port 80 of Service 'api' is a gRPC port"),
        ("port: 80, targetPort: 8080, protocol: UDP", "ACC223: Service 'api' has no port 80; none of its ports is TCP"),
        ("port: 80, targetPort: no", "ACC223: port 80 of Service 'api' leads to port no of the pods, which no container of 'api' lists"),
        ("port: 80, targetPort: web", ""),
        ("port: 80.0, targetPort: 8080.0", ""),
    ],
)  # fmt: skip
def test_what_a_route_leads_to_is_looked_at(
    service: str, expected: str
) -> None:
    objects = OBJECTS.replace(
        "port: 80, targetPort: 8080, name: http",
        service.replace(": no", ': "no"'),
    )
    found = messages(ingress(WAY), objects=objects)
    assert [
        message.partition(" error ")[2].partition("; Kong would")[0]
        for message in found
    ] == [expected] * bool(expected)


@pytest.mark.parametrize(
    "service",
    [
        "port: 80",
        "port: 80, targetPort: 0",
        "port: 80, targetPort: 8080}], clusterIP: None, sessionAffinity: [{",
    ],
)
def test_a_number_that_no_container_lists_is_told_of(service: str) -> None:
    """The list of ports is informational: the container may listen elsewhere. The route stays."""
    objects = OBJECTS.replace("port: 80, targetPort: 8080, name: http", service)
    assert messages(ingress(WAY), objects=objects) == [
        "7:13: warning ACC223: port 80 of Service 'api' leads to port 80 of the pods, which no "
        "container of 'api' lists; add the port to the container, if it listens there"
    ]
    found = compiled(application(objects + ingress(WAY)))
    assert found.estate and [
        endpoint.backend
        for endpoint in found.estate.components["orders/api"].exposure.endpoints
    ] == ["80"]


def test_a_container_that_lists_no_ports_may_listen_at_any() -> None:
    objects = OBJECTS.replace(
        "containers: [", "containers: [{name: sidecar, image: i}, "
    ).replace("8080, name: h", "7, name: h")
    assert messages(ingress(WAY), objects=objects) == []


@pytest.mark.parametrize(
    "selector", ["{app: other}", "{}", "{app.oam.dev/component: api, more: x}"]
)
def test_a_route_to_a_service_without_pods_of_its_own_is_refused(
    selector: str,
) -> None:
    objects = f"{DEPLOYMENT}---{SERVICE.replace('{app.oam.dev/component: api}', selector)}---\n"
    assert (
        "7:13: error ACC223: Ingress 'way': '/x' leads to Service 'api', which selects no pods "
        "of 'api'; correct its selector"
    ) in messages(ingress(WAY), objects=objects)


def test_services_of_one_name_are_one() -> None:
    """Like the Services of a port with `expose` and of a gateway trait."""
    second = SERVICE.replace(
        "port: 80, targetPort: 8080, name: http", "port: 8080"
    )
    backend = "{service: {name: api, port: {number: 8080}}}"
    found = api(
        f"{second}---\n"
        + ingress(
            f"{{rules: [{rule('path: /x')}, {rule('path: /y', backend)}]}}"
        )
    )
    assert found.exposure.services == (("api", (80, 8080)),)


def test_a_service_of_another_namespace_is_none_of_its_own() -> None:
    objects = f"{DEPLOYMENT}---{SERVICE.replace('namespace: orders', 'namespace: n')}---\n"
    found = messages(ingress(WAY), objects=objects)
    assert any("which 'api' does not create" in message for message in found)


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ("[{hosts: [a.example.com], secretName: s}]", "s"),
        ("[{hosts: [b.example.com], secretName: t}, {hosts: [A.example.com], secretName: s}]", "s"),
        ('[{hosts: ["*.example.com"], secretName: s}]', "s"),
        ('[{hosts: ["*.example.com"], secretName: t}, {hosts: [a.example.com], secretName: s}]', "s"),
        ("[{secretName: s}]", "s"),
        ("[{hosts: [b.example.com], secretName: s}]", None),
        ("[{hosts: [a.example.com]}]", None),
        ("nothing", None),
    ],
)  # fmt: skip
def test_a_host_has_the_certificate_that_tls_names(
    tls: str, expected: str | None
) -> None:
    (endpoint,) = api(
        ingress(f"{{rules: [{rule('path: /x')}], tls: {tls}}}")
    ).exposure.endpoints
    assert endpoint.certificate == expected


def test_findings_and_endpoints_are_where_the_trait_says_them() -> None:
    """At the key of the path, the domain, or the annotation."""
    text = ingress(WAY)
    (endpoint,) = api(
        text, TRAITS.replace("a.b/rewrite", "other"), trait=0
    ).exposure.endpoints
    assert str(endpoint.position) == "app1.yaml:8:71"
    text = ingress(
        f"{{rules: [{rule('path: /x', host='a_b')}]}}",
        annotations="{a.b/rewrite: y}",
    )
    assert [
        message[:24]
        for message in messages(
            text, TRAITS.replace("a.example.com", "a_b"), trait=0
        )
    ] == [
        "8:49: error ACC213: host",
        "8:84: error OAM108: 'a.b",
    ]


REFUSED = [
    "nginx.ingress.kubernetes.io/auth-url", "nginx.ingress.kubernetes.io/whitelist-source-range",
    "nginx.ingress.kubernetes.io/rewrite-target", "nginx.ingress.kubernetes.io/server-snippet",
    "nginx.ingress.kubernetes.io/configuration-snippet", "nginx.ingress.kubernetes.io/canary-weight",
    "nginx.ingress.kubernetes.io/ssl-passthrough", "nginx.ingress.kubernetes.io/use-regex",
    "nginx.ingress.kubernetes.io/app-root", "nginx.ingress.kubernetes.io/server-alias",
    "nginx.ingress.kubernetes.io/default-backend", "nginx.ingress.kubernetes.io/permanent-redirect",
    "nginx.ingress.kubernetes.io/upstream-vhost", "nginx.org/location-snippets", "konghq.com/plugins",
    "konghq.com/strip-path", "alb.ingress.kubernetes.io/actions.weighted", "alb.ingress.kubernetes.io/inbound-cidrs",
    "traefik.ingress.kubernetes.io/router.middlewares", "haproxy-ingress.github.io/oauth", "haproxy.org/deny-list",
]  # fmt: skip
UNKNOWN = [
    "nginx.org/rewrites", "alb.ingress.kubernetes.io/scheme", "ingress.pomerium.io/policy", "nginx.ingress.kubernetes.io/proxy-body-size",
    "cert-manager.io/cluster-issuer", "example.com/author", "nginx.org/policies", "traefik.ingress.kubernetes.io/router.entrypoints",
]  # fmt: skip
WITHOUT_EFFECT = [
    "nginx.ingress.kubernetes.io/ssl-redirect", "nginx.ingress.kubernetes.io/proxy-body-size",
    "nginx.ingress.kubernetes.io/cors-allow-origin", "cert-manager.io/cluster-issuer", "example.com/author",
    "nginx.ingress.kubernetes.io/backend-protocol",
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_annotation_that_says_who_may_call_or_what_is_reached_is_refused(
    name: str,
) -> None:
    (message,) = messages(ingress("{}", annotations=f"{{{name}: x}}"))
    assert message.startswith(
        f"7:13: error OAM108: '{name}' changes who may call, or which workload answers; "
    )


@pytest.mark.parametrize("name", [*UNKNOWN, *WITHOUT_EFFECT])
def test_an_annotation_that_nobody_knows_is_refused(name: str) -> None:
    """Its controller may do anything. A listed domain does not include its keys."""
    for stack in (
        STACK,
        replace(STACK, metadata={name.partition("/")[0]: "shapes answers"}),
    ):
        assert messages(
            ingress("{}", annotations=f"{{{name}: HTTPS}}"), stack=stack
        ) == [
            f"7:13: error OAM108: '{name}' is unknown and may change who may call; remove it, or "
            f"declare it harmless in the stack: cluster.metadata, {name}"
        ]


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_an_annotation_that_the_stack_knows_has_no_effect(name: str) -> None:
    stack = replace(STACK, metadata={name: "shapes answers"})
    assert messages(
        ingress("{}", annotations=f"{{{name}: HTTPS}}"), stack=stack
    ) == [
        f"7:13: warning OAM109: '{name}' configures an Ingress and has no effect here; remove it"
    ]


@pytest.mark.parametrize("name", REFUSED)
def test_no_stack_takes_an_annotation_that_says_who_may_call(name: str) -> None:
    stack = replace(STACK, metadata={name: "x", name.partition("/")[0]: "x"})
    assert (
        "error OAM108"
        in messages(ingress("{}", annotations=f"{{{name}: x}}"), stack=stack)[0]
    )


def test_an_annotation_that_says_grpc_is_refused_and_what_chooses_a_controller_is_not_told() -> (
    None
):
    name = "nginx.ingress.kubernetes.io/backend-protocol"
    assert messages(
        ingress(
            "{}",
            annotations=f"{{{name}: grpcs, kubernetes.io/ingress.class: nginx}}",
        )
    ) == [
        f"7:13: error ACC218: '{name}: grpcs' is a gRPC port; Kong would forward gRPC calls past "
        "the gate's path check. Use an HTTP port"
    ]


def test_where_nothing_says_a_domain_it_is_said_once() -> None:
    stack = type(STACK)("tests", STACK.providers)
    text = ingress(
        f"{{rules: [{{http: {{paths: [{{path: /x, backend: {V1}}}, {{path: /y, backend: {V1}}}]}}}}]}}"
    )
    found = compiled(application(OBJECTS + text), stack=stack).diagnostics
    assert [diagnostic.code for diagnostic in found] == ["ACC208"]
