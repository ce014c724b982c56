"""The schemas of KubeVela's types: rejected properties, their messages, and real Applications."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.support.json_object import JsonObject
from tests.support.repository import DATA, ROOT

OAM = DATA / "oam"

SCHEMAS: Mapping[str, Any] = {
    name: json.loads(
        (ROOT / "kong_oam" / "oam" / "schemas" / f"{name}.json").read_text(
            "utf-8"
        )
    )
    for name in ("application", "gateway", "webservice", "worker")
}

ORDERS: Mapping[str, Any] = {
    "apiVersion": "core.oam.dev/v1beta1",
    "kind": "Application",
    "metadata": {"name": "orders"},
    "spec": {"components": [{"name": "api", "type": "webservice"}]},
}

# KubeVela renders it but silently drops unknown fields; reject it.
DROPPED_BY_KUBEVELA = {
    (
        "kubevela-kubevela.github.io__docs_case-studies_initialize-env.md__1.yaml",
        "worker",
    ): "name is no property",
    (
        "kubevela-kubevela__docs_examples_traits_control-plane-only-usecase_app-with-control-plane-only-usecase.yaml__0.yaml",
        "webservice",
    ): "mem for memory",
}


def _violations(
    name: str, instance: Any
) -> list[tuple[str, list[str | int], str]]:
    errors = jsonschema_rs.validator_for(SCHEMAS[name]).iter_errors(instance)
    return [
        (error.kind.name, list(error.instance_path), error.message)
        for error in errors
    ]


def _application(**changes: Any) -> JsonObject:
    return {**ORDERS, **changes}


def _component(**changes: Any) -> JsonObject:
    return _application(
        spec={"components": [{"name": "api", "type": "webservice", **changes}]}
    )


@pytest.mark.parametrize(
    ("schema", "instance", "kind", "position", "message"),
    [
        (
            "application",
            _application(traits=[]),
            "additionalProperties",
            [],
            "'traits' was unexpected",
        ),
        (
            "application",
            _application(apiVersion="v1"),
            "enum",
            ["apiVersion"],
            '"core.oam.dev/v1beta1"',
        ),
        (
            "application",
            _application(metadata={}),
            "required",
            ["metadata"],
            '"name"',
        ),
        (
            "application",
            _application(metadata={"name": "Orders"}),
            "pattern",
            ["metadata", "name"],
            '"Orders"',
        ),
        (
            "application",
            _application(metadata={"name": "a" * 64}),
            "maxLength",
            ["metadata", "name"],
            "63",
        ),
        (
            "application",
            _application(metadata={"name": "a", "labels": {"tier": 1}}),
            "type",
            ["metadata", "labels", "tier"],
            '"string"',
        ),
        (
            "application",
            _component(name="-"),
            "pattern",
            ["spec", "components", 0, "name"],
            '"-"',
        ),
        (
            "application",
            _component(properties=None),
            "type",
            ["spec", "components", 0, "properties"],
            '"object"',
        ),
        (
            "application",
            _component(traits=[{"properties": {}}]),
            "required",
            ["spec", "components", 0, "traits", 0],
            '"type"',
        ),
        ("webservice", {}, "required", [], '"image"'),
        (
            "webservice",
            {"image": "i", "mem": "1Gi"},
            "additionalProperties",
            [],
            "'mem' was unexpected",
        ),
        ("webservice", {"image": "i", "cpu": 0.5}, "type", ["cpu"], '"string"'),
        (
            "webservice",
            {"image": "i", "ports": [{"port": "80"}]},
            "type",
            ["ports", 0, "port"],
            '"integer"',
        ),
        (
            "webservice",
            {"image": "i", "port": 0},
            "minimum",
            ["port"],
            "minimum of 1",
        ),
        (
            "webservice",
            {"image": "i", "exposeType": "ExternalName"},
            "enum",
            ["exposeType"],
            "LoadBalancer",
        ),
        (
            "webservice",
            {"image": "i", "env": [{"value": "1"}]},
            "required",
            ["env", 0],
            '"name"',
        ),
        (
            "webservice",
            {
                "image": "i",
                "volumes": [{"name": "v", "mountPath": "/v", "type": "pvc"}],
            },
            "required",
            ["volumes", 0],
            '"claimName"',
        ),
        (
            "webservice",
            {"image": "i", "livenessProbe": {"httpGet": {"port": 80}}},
            "required",
            ["livenessProbe", "httpGet"],
            '"path"',
        ),
        (
            "worker",
            {"image": "i", "ports": []},
            "additionalProperties",
            [],
            "'ports' was unexpected",
        ),
        (
            "worker",
            {
                "image": "i",
                "readinessProbe": {
                    "httpGet": {"path": "/", "port": 80, "scheme": "HTTPS"}
                },
            },
            "additionalProperties",
            ["readinessProbe", "httpGet"],
            "'scheme' was unexpected",
        ),
        ("gateway", {"domain": "orders.example.com"}, "required", [], '"http"'),
        (
            "gateway",
            {"http": {}},
            "minProperties",
            ["http"],
            "less than 1 property",
        ),
        (
            "gateway",
            {"http": {"orders": 80}},
            "propertyNames",
            ["http"],
            '"orders"',
        ),
        ("gateway", {"http": {"/": 99999}}, "maximum", ["http", "/"], "65535"),
        (
            "gateway",
            {"http": {"/": 80}, "domain": "https://example.com"},
            "pattern",
            ["domain"],
            "https://example.com",
        ),
        (
            "gateway",
            {"http": {"/": 80}, "pathType": "Regex"},
            "enum",
            ["pathType"],
            "Prefix",
        ),
    ],
)
def test_one_mistake_is_one_violation_that_names_it(
    schema: str,
    instance: Any,
    kind: str,
    position: list[str | int],
    message: str,
) -> None:
    """Each mistake gives exactly one violation, at its position, of a kind with a message."""
    ((found_kind, found_place, found_message),) = _violations(schema, instance)
    assert (found_kind, found_place) == (kind, position)
    assert message in found_message


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ("application", ORDERS),
        (
            "application",
            _component(
                dependsOn=["db"],
                traits=[{"type": "gateway"}],
                properties={"any": [1]},
            ),
        ),
        (
            "webservice",
            {"image": "i", "volumes": [{"name": "v", "mountPath": "/v"}]},
        ),
        (
            "webservice",
            {
                "image": "i",
                "volumeMounts": {
                    "hostPath": [{"name": "v", "mountPath": "/v", "path": "/"}]
                },
            },
        ),
        (
            "worker",
            {
                "image": "i",
                "cmd": ["run"],
                "env": [
                    {
                        "name": "A",
                        "valueFrom": {
                            "secretKeyRef": {"name": "s", "key": "k"}
                        },
                    }
                ],
            },
        ),
        (
            "gateway",
            {
                "http": {"/orders": 8080},
                "domain": "*.example.com",
                "existingServiceName": "orders",
            },
        ),
    ],
)
def test_properties_of_kubevela_are_accepted(
    schema: str, instance: Any
) -> None:
    """Optional parts may be missing, and each type's own fields are known."""
    assert _violations(schema, instance) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_closed_and_described(
    name: str,
) -> None:
    """An object lists its fields or is a free mapping, fields have descriptions, and alternatives
    hide no mistake."""
    jsonschema_rs.meta.validate(SCHEMAS[name])
    seen = 0
    for node in _nodes(SCHEMAS[name]):
        assert not {"oneOf", "anyOf", "not"} & set(node), node
        if node.get("type") == "object" and "properties" in node:
            assert node["additionalProperties"] is False, node
            for field, definition in node["properties"].items():
                assert definition.get("description"), field
                seen += 1
    assert seen >= 11


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in (
        node.values()
        if isinstance(node, dict)
        else node
        if isinstance(node, list)
        else ()
    ):
        yield from _nodes(child)


def test_properties_that_kubevela_rendered_are_accepted() -> None:
    """Real webservice, worker and gateway properties are accepted, except those that KubeVela
    silently drops."""
    if not (OAM / "expected").is_dir():
        pytest.skip(f"no shared data beside the project: {OAM} is missing")
    accepted: Counter[str] = Counter()
    refused: dict[tuple[str, str], list[str]] = {}
    for file, kind, properties in _rendered_properties():
        messages = [message for _, _, message in _violations(kind, properties)]
        if messages:
            refused.setdefault((file, kind), []).extend(messages)
        else:
            accepted[kind] += 1
    print(
        f"accepted of what KubeVela rendered: {dict(accepted)}; refused: {refused}"
    )
    assert set(refused) == set(DROPPED_BY_KUBEVELA)
    assert accepted["webservice"] >= 139
    assert accepted["worker"] >= 22
    assert accepted["gateway"] >= 15


def _rendered_properties() -> Iterator[tuple[str, str, Any]]:
    for path in sorted((OAM / "expected").glob("*.yaml")):
        application = yaml.safe_load(
            (OAM / "applications" / path.name).read_text("utf-8")
        )
        for component in application["spec"].get("components") or ():
            for part in (component, *(component.get("traits") or ())):
                if part.get("type") in ("webservice", "worker", "gateway"):
                    yield path.name, part["type"], part["properties"]
