"""Components in several forms: each form is checked, and all forms share the access rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.compile.estate import compile_alone, compile_estate
from kong_oam.access.model import Component
from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.application import read_bytes
from kong_oam.oam.topology import on_clusters
from tests.support.estates import STACK, estate

ALL = replace(
    STACK, clusters=frozenset({"west", "east"}), gateway_namespace="kong"
)
TEXT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: x, cpu: "1", ports: [{port: 80}, {port: 81}]}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 80}}
        - type: access
          properties: {owner: o, scopes: {read: r}, rules: [{scopes: [read]}]}
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: shop/lib, scopes: [see]}]}
    - name: lib
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: lib.example.com, http: {/: 80}}
        - type: access
          properties: {owner: o, scopes: {see: s}, rules: [{scopes: [see]}], roles: {all: {scopes: [see], components: [shop/job, shop/partner]}}}
    - name: partner
      type: external
      properties: {jwksUri: "https://partner.example.com/keys"}
      traits:
        - type: client
          properties: {kind: external, calls: [{component: shop/lib, scopes: [see]}]}
  policies:
    - {name: staging, type: topology, properties: {namespace: staging}}
    - {name: production, type: topology, properties: PLACE}
    - {name: large, type: override, properties: {components: [CHANGE]}}
  workflow:
    steps:
      - {name: to-staging, type: deploy, properties: {policies: [staging]}}
      - {name: to-production, type: deploy, properties: {policies: [production, large]}}
"""
LARGE = '{name: web, properties: {cpu: "4", env: [{name: A, value: b}]}}'
SAID_ONCE = "Access must be the same in all places; remove it from the override, or write two Applications"


def text(change: str = LARGE, position: str = "{namespace: production}") -> str:
    """Return the Application with this change in its override, which production has at this
    position."""
    return TEXT.replace("CHANGE", change).replace("PLACE", position)


def messages(application: str, **stack: Any) -> list[str]:
    """Return the errors without their source lines."""
    reading = read_bytes("a.yaml", application.encode())
    labels = stack.get("labels", {})
    reading = replace(
        reading,
        applications=tuple(
            on_clusters(application, labels)
            for application in reading.applications
        ),
    )
    found = compile_estate(reading, replace(ALL, **stack)).diagnostics
    return [
        str(diagnostic).splitlines()[0]
        for diagnostic in found
        if diagnostic.severity == "error"
    ]


def container_of(site: Component) -> Any:
    """Return the container of the workload at the target."""
    return site.workload.rendered[0].object["spec"]["template"]["spec"][
        "containers"
    ][0]


def cpu_of(site: Component) -> str:
    cpu: str = container_of(site)["resources"]["requests"]["cpu"]
    return cpu


def test_each_place_has_its_form_under_the_names_that_places_have() -> None:
    """Routes, rules and roles are shared; workloads differ."""
    component = estate(text(), stack=ALL).components["shop/web"]
    assert [
        (site.at, site.state_name, cpu_of(site)) for site in component.instances
    ] == [
        ("staging", "shop/web", "1"),
        ("production", "/production:shop/web", "4"),
    ]
    assert ["env" in container_of(site) for site in component.instances] == [
        False,
        True,
    ]
    assert len(component.exposure.endpoints) == 1
    assert {site.exposure.endpoints for site in component.instances} == {
        component.exposure.endpoints
    }


def test_the_stacks_own_cluster_comes_first_in_whichever_form() -> None:
    """Routes lead there, and the step has a warning."""
    application = text(position="{clusters: [local]}").replace(
        "{namespace: staging}", "{clusters: [west]}"
    )
    component = estate(application, stack=ALL).components["shop/web"]
    assert [
        (site.at, site.state_name, cpu_of(site)) for site in component.instances
    ] == [
        ("shop", "shop/web", "4"),
        ("west/shop", "west:shop/web", "1"),
    ]
    (warning,) = _warnings(application)
    assert (warning.code, getattr(warning.position, "line", 0)) == (
        "OAM109",
        41,
    )
    assert warning.message.startswith(
        "routes of 'web' lead only to 'shop', where step 'to-production' (override"
    )
    assert _warnings(text('{name: job, properties: {cpu: "4"}}')) == [], (
        "it has no routes"
    )


def _warnings(source: str) -> list[Diagnostic]:
    (application,) = read_bytes("a.yaml", source.encode()).applications
    found: list[Diagnostic] = []
    for part in application.components:
        compile_alone(application, part, ALL, found)
    return found


GATEWAY, ACCESS, CLIENT = (
    f"{{name: web, traits: [{{type: {kind}, "
    for kind in ("gateway", "access", "client")
)


@pytest.mark.parametrize(
    ("change", "field", "values"),
    [
        (GATEWAY + "properties: {http: {/x: 80}}}]}", "routes.shop.example.com/x", ('"port 80 of web, certificate None"', "missing")),
        (GATEWAY + "properties: {http: {/: 81}}}]}", "routes.shop.example.com/", ('"port 81 of web, certificate None"', '"port 80 of web, certificate None"')),
        (GATEWAY + "properties: {name: n}}]}", "routes.shop.example.com/", ('"port 80 of web-n, certificate None"', '"port 80 of web, certificate None"')),
        (GATEWAY + "properties: {secretName: s}}]}", "routes.shop.example.com/", ('"port 80 of web, certificate s"', '"port 80 of web, certificate None"')),
        ("{name: web, traits: [{type: gateway, disable: true}, {type: access, disable: true}]}", "access", ("missing", '{"owner": "o"')),
        (ACCESS + "properties: {rules: [{scopes: [read]}, {paths: [/a], public: {reason: r}}]}}]}", "access.rules", ('[{"scopes": ["read"]}, {"paths": ["/a"], ', '[{"scopes": ["read"]}]')),
        (ACCESS + "properties: {rules: [{scopes: [read], methods: [GET]}]}}]}", "access.rules[0].methods", ('["GET"]', "missing")),
        (ACCESS + "properties: {roles: {r: {scopes: [read], groups: [g]}}}}]}", "access.roles", ('{"r": {"scopes": ["read"], "groups": ["g"]}}', "missing")),
        (ACCESS + "disable: true}]}", "access", ("missing", '{"owner": "o"')),
        (CLIENT + "properties: {kind: service, calls: [{component: shop/lib, scopes: [see]}]}}]}", "client", ('{"kind": "service", ', "missing")),
        ("{name: job, traits: [{type: client, properties: {rotateEvery: 30d}}]}", "client.rotateEvery", ('"30d"', "missing")),
        ("{name: web, properties: {ports: [{port: 80}, {port: 81}, {port: 9, expose: true}]}}", "services.web.ports.9/TCP", ('{"name": "port-9", "port": 9', "missing")),
        ("{name: web, properties: {ports: [{port: 80, expose: true, name: port-80, containerPort: 8080}, {port: 81}]}}", "services.web.ports.80/TCP.targetPort", ("8080", "80")),
        ("{name: partner, properties: {jwksUri: https://evil.example.com/}}", "properties.jwksUri", ('"https://evil.example.com/"', '"https://partner.example.com/keys"')),
    ],
)  # fmt: skip
def test_who_may_call_and_what_is_reached_is_the_same_in_all_forms(
    change: str, field: str, values: tuple[str, str]
) -> None:
    """Otherwise the error has the field, both values and both steps, at the override's position."""
    (only,) = messages(text(change))
    name = change.partition(",")[0].removeprefix("{name: ")
    production, staging = values
    assert (
        f": error OAM108: component '{name}': {field} is {production}" in only
    )
    assert f" in step 'to-production' (override 'large'), but {staging}" in only
    assert f" in step 'to-staging' (no override). {SAID_ONCE}" in only


@pytest.mark.parametrize(
    ("change", "line", "written"),
    [
        (ACCESS + "properties: {owner: p}}]}", 37, "p}}]}"),
        (GATEWAY + "properties: {http: {/x: 80}}}]}", 37, "/x: 80}}}]}"),
        (
            GATEWAY + "properties: {domain: a.example.com}}]}",
            41,
            "{name: to-prod",
        ),
        (
            CLIENT
            + "properties: {kind: service, calls: [{component: shop/lib, scopes: [see]}]}}]}",
            37,
            "client, ",
        ),
        (
            "{name: web, properties: {ports: [{port: 80}, {port: 81}, {port: 9, expose: true}]}}",
            41,
            "{name: to-prod",
        ),
        (ACCESS + "disable: true}]}", 12, "access"),
    ],
)
def test_a_difference_is_told_where_it_is_written(
    change: str, line: int, written: str
) -> None:
    """The position is in the override, at a removed component, or at the step of a derived value."""
    application = text(change)
    _, at, column, _ = messages(application)[0].split(":", 3)
    assert int(at) == line
    assert application.splitlines()[line - 1][
        int(column.split()[0]) - 1 :
    ].startswith(written)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            "{name: web, properties: {ports: [{port: 81}]}}",
            "ACC223: 'web' has no port 80; its ports are 81",
        ),
        (
            "{name: web, properties: {ports: [{port: 80, name: grpc}]}}",
            "ACC218: port 80 ('grpc') is a gRPC port",
        ),
        (
            "{name: web, properties: {volumeMounts: {hostPath: [{name: a, path: /, mountPath: /a}]}}}",
            "hostPath",
        ),
        (
            "{name: web, properties: {exposeType: NodePort, ports: [{port: 9, expose: true}]}}",
            "has no port 80",
        ),
        (
            "{name: lib, properties: {exposeType: NodePort, ports: [{port: 80, expose: true}]}}",
            "spec.type 'NodePort'",
        ),
        (
            "{name: web, properties: {env: [{name: a, valueFrom: {secretKeyRef: {name: job-client, key: k}}}]}}",
            "secretKeyRef.name 'job-client' is the credential of 'shop/job'",
        ),
        (
            "{name: web, properties: {imagee: y}}",
            "OAM102: unknown field 'imagee' in webservice; did you mean 'image'?",
        ),
    ],
)
def test_each_form_is_judged_as_any_component_is(
    change: str, code: str
) -> None:
    """An override for only one place is checked, too, in that place."""
    assert any(code in line for line in messages(text(change))), messages(
        text(change)
    )
    assert messages(text()) == []


def test_what_all_forms_have_wrong_is_told_once() -> None:
    """Errors of reading and of compiling."""
    (only,) = messages(text().replace("http: {/: 80}", "http: {/: 82}", 1))
    assert "ACC223: 'web' has no port 82" in only
    warned = text().replace("http: {/: 80}", "http: {/: 80}, class: nginx", 1)
    (warning,) = read_bytes("a.yaml", warned.encode()).diagnostics
    assert "'class' configures an Ingress" in warning.message


def test_what_is_wrong_about_a_form_is_told_before_it_is_compared() -> None:
    """A form that cannot be read has no values to compare. Its error is at the override."""
    application = text(GATEWAY + "properties: {http: {/x: 82}}}]}")
    (only,) = messages(application)
    assert (
        only.startswith("a.yaml:37:") and "ACC223: 'web' has no port 82" in only
    )
    volumes = "{hostPath: [{name: a, path: /, mountPath: /a}]}"
    (only,) = messages(
        text(f"{{name: web, properties: {{volumeMounts: {volumes}}}}}")
    )
    assert only.startswith("a.yaml:37:") and "hostPath" in only


def test_two_selections_of_clusters_may_meet_in_one_place() -> None:
    """Only a stack knows the clusters that labels select."""
    application = text(position="{clusterLabelSelector: {tier: a}}").replace(
        "{namespace: staging}", "{clusters: [west, local]}"
    )
    labels = {"west": {"tier": "a"}, "east": {"tier": "b"}}
    (web, *_) = messages(application, labels=labels)
    assert web == (
        "a.yaml:41:9: error OAM108: component 'web' has two variants at one place, 'west/shop': "
        "step 'to-staging' (no override) and step 'to-production' (override 'large'); give each "
        "step its own topology, or the same overrides"
    )
    assert (
        messages(
            application, labels={"west": {"tier": "b"}, "east": {"tier": "a"}}
        )
        == []
    )
    assert messages(application, clusters=None) == []


def test_a_form_that_is_only_elsewhere_is_no_way_in() -> None:
    """The gateway need not reach this form: it uses only the first place."""
    assert messages(text(position="{clusters: [west]}")) == []
    (found, *_) = messages(
        text(position="{clusters: [east]}").replace(
            "{namespace: staging}", "{clusters: [west]}"
        )
    )
    assert "ACC229: the gateway does not reach 'web' in cluster 'west'" in found


def test_forms_are_no_other_access() -> None:
    """Access questions see the component's first form."""
    plain, varied = (
        estate(text(change), stack=ALL).components["shop/web"]
        for change in ("{name: web}", LARGE)
    )
    assert plain == varied


def test_forms_are_told_apart_as_json_tells_values_apart() -> None:
    """`true` is not 1."""
    for value, variants in (("1", 0), ("true", 2)):
        application = text("{name: job, properties: {x: 1}}").replace(
            "worker\n      properties: {",
            f"t\n      properties: {{x: {value}, ",
        )
        parts = (
            read_bytes("a.yaml", application.encode())
            .applications[0]
            .components
        )
        assert {part.name: len(part.variants) for part in parts}[
            "job"
        ] == variants
