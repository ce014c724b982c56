"""Rendered components compile like built-in types: the same endpoints, rules and clients."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.graph.build import graph_of
from kong_oam.access.memory import Memory
from kong_oam.access.model import Component, Estate
from kong_oam.access.report import access_table
from kong_oam.access.workloads import workload_of
from kong_oam.kong import names
from kong_oam.kong.enforced import enforced_models
from kong_oam.kong.routes import routes
from kong_oam.oam.application import Reading, join_readings, read_bytes
from kong_oam.objects.named_services import NAMED_SERVICE_HINT
from tests.support.components import with_fields
from tests.support.enforced_state import state
from tests.support.estates import STACK
from tests.support.rendered import (
    DEPLOYMENT,
    SERVICE,
    application,
    as_rendered,
    compiled,
    ingress,
    with_objects,
)
from tests.support.repository import ROOT
from tests.support.small_estates import model
from tests.support.tiers import examples

VERSIONS = (
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "extensions/v1beta1",
)
ACCESS = """
        - type: access
          properties:
            owner: o
            scopes: {read: Read}
            rules: [{paths: [/a], methods: [GET], scopes: [read]}, {paths: [/a/b], public: {reason: r}}]
            roles: {reader: {scopes: [read], groups: [sales]}}
"""
_PATHS = st.sampled_from(["/a", "/a/b", "/c", "/"])
_GATEWAYS = st.lists(
    st.fixed_dictionaries(
        {
            "http": st.dictionaries(
                _PATHS, st.sampled_from([80, 8080]), min_size=1
            )
        },
        optional={
            "name": st.sampled_from(["x", "y"]),
            "domain": st.sampled_from(
                ["a.example.com", "*.example.com", "B.test", "a_b"]
            ),
            "secretName": st.just("tls"),
        },
    ).filter(
        lambda gateway: "domain" in gateway or "secretName" not in gateway
    ),
    max_size=2,
    unique_by=lambda gateway: gateway.get("name"),
)
_PROPERTIES = st.sampled_from(
    [
        "{image: i}",
        "{image: i, ports: [{port: 80}, {port: 8080}]}",
        "{image: i, ports: [{port: 80, expose: true, containerPort: 8080}, {port: 8080}]}",
    ]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Yield Applications of up to two webservices, with gateway traits and perhaps an access trait."""
    parts = []
    for name in draw(st.sampled_from([["one"], ["one", "two"]])):
        gateways = draw(_GATEWAYS)
        traits = "".join(
            f"        - {{type: gateway, properties: {gateway}}}\n"
            for gateway in gateways
        )
        traits += ACCESS.lstrip("\n") if draw(st.booleans()) else ""
        text = f"    - name: {name}\n      type: webservice\n      properties: {draw(_PROPERTIES)}\n"
        parts.append(text + (f"      traits:\n{traits}" if traits else ""))
    head = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: shop}\nspec:\n  components:\n"
    return head + "".join(parts)


@settings(max_examples=examples(500), deadline=None)
@given(texts(), st.sampled_from(VERSIONS))
def test_what_kubevela_renders_is_compiled_as_what_it_renders_of(
    text: str, version: str
) -> None:
    """Both give the same estate or the same findings. Each of several Services with one port has a
    gate. An unlisted port is an error if properties list ports, and a warning if containers do."""
    reading = read_bytes("a.yaml", text.encode())
    if any(
        diagnostic.severity == "error" for diagnostic in reading.diagnostics
    ):
        return
    plain, rendered = (
        compile_estate(reading, STACK),
        compile_estate(as_rendered(reading, version), STACK),
    )
    findings = {
        (
            diagnostic.code,
            "warning" if diagnostic.code == "ACC223" else diagnostic.severity,
        )
        for diagnostic in plain.diagnostics
    }
    assert findings == {
        (diagnostic.code, diagnostic.severity)
        for diagnostic in rendered.diagnostics
    }
    if plain.estate and rendered.estate:
        assert plain.estate == _together(rendered.estate)
        for from_type, from_objects in zip(
            _endpoints(plain.estate), _endpoints(rendered.estate), strict=True
        ):
            assert (from_type.service, from_type.port) == (
                from_objects.service,
                from_objects.port,
            )
        assert _exposures(plain.estate) == _exposures(rendered.estate)


def _together(estate: Estate) -> Estate:
    """Return the estate with one gate per port, as for built-in types."""

    def joined(component: Component) -> Component:
        return with_fields(
            component,
            endpoints=tuple(
                replace(e, apart="") for e in component.exposure.endpoints
            ),
        )

    applications = (
        replace(app, components=tuple(map(joined, app.components)))
        for app in estate.applications
    )
    return replace(estate, applications=tuple(applications))


def _endpoints(estate: Estate) -> list[object]:
    return [
        endpoint
        for component in estate.components.values()
        for endpoint in component.exposure.endpoints
    ]


def _exposures(estate: Estate) -> list[dict[str, tuple[int, ...]]]:
    return [
        dict(component.exposure.services)
        for component in estate.components.values()
    ]


def test_every_question_has_the_same_answer() -> None:
    """Tables, graph and outputs of the project's Applications are equal, except for the holders of
    credentials."""
    files = sorted((ROOT / "applications").glob("*.yaml"))
    reading = join_readings(
        [read_bytes(file.name, file.read_bytes()) for file in files]
    )
    plain, rendered = (
        compile_estate(source, STACK).estate
        for source in (reading, as_rendered(reading))
    )
    assert plain and rendered and plain.exposed
    assert access_table(plain) == access_table(rendered)
    assert graph_of(plain) == graph_of(rendered)
    assert (
        diff(model(plain), model(rendered))
        == diff(model(rendered), model(plain))
        == ()
    )


TWO = f"{DEPLOYMENT}---{SERVICE}---{SERVICE.replace('name: api, n', 'name: api-web, n')}---\n"


def two(first: str = "api", second: str = "api-web") -> Estate:
    rules = ", ".join(
        f"{{host: {host}.test, http: {{paths: [{{path: /x, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}]}}}}"
        for host, service in (("a", first), ("b", second))
    )
    found = compiled(application(TWO + ingress(f"{{rules: [{rules}]}}")))
    assert found.estate, found.diagnostics
    return found.estate


def test_two_services_with_one_port_have_a_gate_each() -> None:
    """The first Service by name is named by the port, as before. Names stay distinct, and can be
    read back."""
    estate = two()
    component = estate.components["orders/api"]
    assert [(e.host, e.backend) for e in component.exposure.endpoints] == [
        ("a.test", "80"),
        ("b.test", "80_api-web"),
    ]
    assert {
        name: backend.service for name, backend in component.backends.items()
    } == {
        "80": "api",
        "80_api-web": "api-web",
    }
    assert [names.service("s", component, backend) for backend in component.backends] == [
        "kong-oam.s.orders.api.80", "kong-oam.s.orders.api.80_api-web",
    ]  # fmt: skip
    assert (
        names.component_of("s", "kong-oam.s.orders.api.80_api-web")
        == "orders/api"
    )
    assert [(route.backend, route.hosts) for route in routes(component)] == [
        ("80", ("a.test",)),
        ("80_api-web", ("b.test",)),
    ]
    meant = model(estate)
    read = load_model(dump_model(meant))
    assert [
        e.backend
        for e in read.estate.components["orders/api"].exposure.endpoints
    ] == [
        "80",
        "80_api-web",
    ]
    (found,) = enforced_models(state(estate), meant)
    assert [
        e.backend
        for e in found.estate.components["orders/api"].exposure.endpoints
    ] == [
        "80",
        "80_api-web",
    ]
    assert diff(found, meant) == diff(meant, found) == ()


def test_which_of_its_services_answers_is_nobodys_access() -> None:
    assert diff(model(two()), model(two("api-web", "api"))) == ()


GATEWAY = "[{type: gateway, properties: {http: {/x: 80}}}]"
RULES = (
    "[{type: access, properties: {owner: o, rules: [{public: {reason: r}}]}}]"
)


@pytest.mark.parametrize(
    ("objects", "traits", "expected"),
    [
        (DEPLOYMENT, RULES, "component 'api' has access rules but no gateway trait exposes it; add a gateway trait"),
        (DEPLOYMENT, GATEWAY, f"gateway exposes nothing of component 'api'; remove the trait, or {NAMED_SERVICE_HINT}"),
    ],
)  # fmt: skip
def test_rules_that_guard_nothing_are_refused(
    objects: str, traits: str, expected: str
) -> None:
    found = compiled(application(objects, traits))
    assert [
        (diagnostic.code, diagnostic.message)
        for diagnostic in found.diagnostics
    ] == [("ACC211", expected)]


def test_another_rendering_is_seen_by_who_asks_after_every_save() -> None:
    """Both the memory and the workload's digest change, even if the workload has another name than
    the component."""
    memory = Memory()

    def digest(objects: str, name: str = "api") -> str:
        text = application(
            "", "[{type: client, properties: {kind: service}}]"
        ).replace("name: api", f"name: {name}")
        (orders,) = read_bytes("a.yaml", text.encode()[:-1]).applications
        parts = tuple(
            with_objects(part, objects.replace(": api", f": {name}"))
            for part in orders.components
        )
        estate = compile_estate(
            Reading((replace(orders, components=parts),), ()), STACK, memory
        ).estate
        assert estate
        return workload_of(estate.components[f"orders/{name}"])

    objects = f"{DEPLOYMENT}---{SERVICE}"
    assert digest(objects) == digest(objects, "other") == digest(objects)
    assert digest(objects) == digest(
        objects.replace("image: i", "image: i:1.2@sha256:3")
    )
    assert digest(objects) != digest(objects.replace("image: i", "image: j"))


def test_what_a_gateway_trait_says_to_an_ingress_controller_is_judged_alike() -> (
    None
):
    """The finding is the same for built-in and rendered components."""
    text = "a: {type: gateway, properties: {http: {/: 80}, annotations: {nginx.ingress.kubernetes.io/auth-url: x}}}"
    head = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: shop}\nspec:\n  components:\n"
    part = f"    - {{name: web, type: webservice, properties: {{image: i}}, traits: [{text.removeprefix('a: ')}]}}\n"
    reading = read_bytes("a.yaml", (head + part).encode())
    for found in (
        compile_estate(reading, STACK),
        compile_estate(as_rendered(reading), STACK),
    ):
        assert found.estate is None
        assert [
            (diagnostic.code, str(diagnostic.position))
            for diagnostic in found.diagnostics
            if diagnostic.severity == "error"
        ] == [("OAM108", "a.yaml:6:128")]


@pytest.mark.parametrize(
    "objects",
    [
        DEPLOYMENT,
        f"{DEPLOYMENT}---{SERVICE}---\n{ingress('{backend: {serviceName: api, servicePort: 80}}')}",
    ],
)
@pytest.mark.parametrize(
    "traits", ["[]", "[{type: client, properties: {kind: service}}]"]
)
@pytest.mark.parametrize(
    ("name", "flaw"), [("api.v1", "a dot"), ("Api", "a capital")]
)
def test_what_is_exposed_or_a_client_has_a_plain_name(
    objects: str, traits: str, name: str, flaw: str
) -> None:
    """Names of roles, calls, hosts and gateway objects allow no dots and no capitals. Other
    components may have both, but no capitals if a NetworkPolicy has their name."""
    text = application(objects, traits).replace(
        "name: api\n      type", f"name: {name}\n      type"
    )
    found = compiled(text.replace("component: api}", f"component: {name}}}"))
    wrong = [
        f"{diagnostic.position} {diagnostic.message}"
        for diagnostic in found.diagnostics
    ]
    message = f"the name '{name}' has {flaw}; an exposed component or a client needs a name of small letters, digits and '-'"
    fence = "'Api' becomes the name of a NetworkPolicy, which has no capitals; rename the component"
    messages = [] if (objects, traits) == (DEPLOYMENT, "[]") else [message]
    assert wrong == [
        f"app1.yaml:6:13 {message}"
        for message in (*([fence] if name == "Api" else []), *messages)
    ]


def test_a_component_without_pods_may_have_capitals_in_its_name() -> None:
    """Its objects have other names, and the state, labels and rules accept capitals."""
    text = application(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: orders}\n"
    )
    found = compiled(
        text.replace(
            "name: api\n      type",
            "name: orders.ConfigMap.settings\n      type",
        )
    )
    assert found.diagnostics == ()
    assert found.estate and list(found.estate.components) == [
        "orders/orders.ConfigMap.settings"
    ]


@pytest.mark.parametrize(
    ("name", "objects", "wrong"),
    [
        ("reader", "", ["app1.yaml:8:59 OAM108 'api' runs as its own ServiceAccount, never as an existing one; "
                        "write create: true so that it creates 'reader', or remove the trait"]),
        ("reader", "---\n{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader, namespace: orders}}\n", []),
        ("api", "", []),
    ],
)  # fmt: skip
def test_pods_cannot_run_as_an_account_that_exists(
    name: str, objects: str, wrong: list[str]
) -> None:
    """KubeVela's trait `service-account` creates none by default. Pods would get another account
    without a word."""
    trait = f"[{{type: service-account, properties: {{name: {name}}}}}]"
    found = compiled(application(DEPLOYMENT + objects, trait))
    assert [
        f"{diagnostic.position} {diagnostic.code} {diagnostic.message}"
        for diagnostic in found.diagnostics
    ] == wrong


@pytest.mark.parametrize(
    "component",
    [
        "type: own",
        'type: worker\n      properties: {image: a, env: [{name: A, value: "1"}, {name: A, value: "$(A):2"}]}',
    ],
)
def test_the_order_of_variables_is_kubevelas(component: str) -> None:
    """A pod gets the last value, and earlier references the first. Since a server-side apply takes no
    duplicates, they are merged."""
    env = "env: [{name: A, value: '1'}, {name: B, value: '$(A)'}, {name: A, value: '2'}]"
    text = DEPLOYMENT.replace("image: i,", f"image: i, {env},")
    (wrong,) = compiled(application(text, component=component)).diagnostics
    assert (wrong.code, wrong.message) == (
        "OAM106",
        "'api' has the variable 'A' more than once, and a value refers to variables by $(...); write 'A' once",
    )
    without = [part.replace("$(A)", "0") for part in (text, component)]
    kept = compiled(application(without[0], component=without[1]))
    assert kept.diagnostics == ()
