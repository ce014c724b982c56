"""Build the evaluator's questions about a component from the Application and KubeVela's context.
Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kong_oam.oam.definitions.definition import Definition
from kong_oam.oam.model import Application, ComponentSpec
from kong_oam.oam.position import Fields, JsonObject
from kong_oam.render.answers import Question, QuestionPart

# The CPU time limit of one evaluation.
SECONDS = 2.0
MEGABYTES = 512
# The default minor version of the cluster. Definitions select API versions by it.
MINOR = 30
_NUMBER = re.compile(r"-v(\d{1,18})\Z")


@dataclass(frozen=True, slots=True)
class Setting:
    """The target of a rendering: the minor version of the cluster (1.x), the Application's
    revision, and the cluster's topology name (empty for the default cluster)."""

    minor: int = MINOR
    revision: str = ""
    cluster: str = ""


def request(
    application: Application,
    component: ComponentSpec,
    definitions: Sequence[Definition],
    setting: Setting,
) -> Question:
    """Return the request for a component. `definitions` has the definition of its type and of
    each trait, in order.

    Only templates that read `context.components` get all components, because each change of a
    component then repeats the evaluation.
    """
    context = _context(application, component, setting)
    if any("components" in definition.template for definition in definitions):
        context["components"] = [
            _plain(each) for each in application.components
        ]
    parts = [_part(definitions[0], component.type, component.properties)]
    for trait, definition in zip(
        component.traits, definitions[1:], strict=True
    ):
        parts.append(_part(definition, trait.type, trait.properties))
    return {"component": parts[0], "traits": parts[1:], "context": context}


def _part(definition: Definition, type_: str, properties: Any) -> QuestionPart:
    return {
        "type": type_.partition("@")[0],
        "template": definition.template,
        "properties": as_json(properties),
        "workloadRefPath": definition.workload_ref_path,
    }


def _context(
    application: Application, component: ComponentSpec, setting: Setting
) -> JsonObject:
    number = _NUMBER.search(setting.revision)
    annotations = application.annotations
    return {
        "name": component.name,
        "namespace": application.namespace,
        "appName": application.name,
        "appRevision": setting.revision,
        "appRevisionNum": int(number[1]) if number else 0,
        "appLabels": dict(application.labels),
        "appAnnotations": dict(annotations),
        "componentType": component.type.partition("@")[0],
        "workflowName": annotations.get("app.oam.dev/workflowName", ""),
        "publishVersion": annotations.get("app.oam.dev/publishVersion", ""),
        "revision": "",
        "replicaKey": "",
        "cluster": setting.cluster,
        "clusterVersion": {
            "major": "1",
            "minor": setting.minor,
            "gitVersion": f"v1.{setting.minor}.0",
            "platform": "",
        },
    }


def _plain(component: ComponentSpec) -> Fields:
    """Return a component in the Application's format."""
    plain: JsonObject = {"name": component.name, "type": component.type}
    if component.properties:
        plain["properties"] = as_json(component.properties)
    traits = [
        {"type": trait.type, "properties": as_json(trait.properties)}
        for trait in component.traits
    ]
    if traits:
        plain["traits"] = traits
    return plain


def as_json(value: Any) -> Any:
    """Return a value as Kubernetes reads it: whole numbers become integers."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    # type() is faster than isinstance for a dict.
    if type(value) is dict or isinstance(value, Mapping):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:
        return int(value)
    return value
