"""Makes typed Applications of documents. What is misshapen was found before, and is left out
here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kong_oam.oam.document import Document, Place, as_mapping, as_text
from kong_oam.oam.model import (
    Application,
    Component,
    Input,
    Output,
    Own,
    Policy,
    Step,
    Trait,
    Workflow,
)
from kong_oam.oam.plain import is_plain
from kong_oam.oam.schema import POLICY_TYPES, STEP_TYPES, pruned


def application_of(document: Document, data: Any, own: Own) -> Application:
    """The Application of a document, as it stands there; `data` is its own, pruned."""
    data = as_mapping(data)
    metadata, spec = as_mapping(data.get("metadata")), as_mapping(data.get("spec"))
    revision = as_mapping(as_mapping(data.get("status")).get("latestRevision")).get(
        "name"
    )
    return Application(
        name=as_text(metadata.get("name")),
        namespace=as_text(metadata.get("namespace")) or "default",
        labels=as_mapping(metadata.get("labels")),
        annotations=as_mapping(metadata.get("annotations")),
        components=tuple(
            component_of(component, place, own)
            for component, place in _typed(
                spec.get("components"), document.place("spec", "components")
            )
        ),
        place=document.place(),
        revision=as_text(revision),
        policies=tuple(
            Policy(
                name=as_text(policy.get("name"))
                or f"{policy['type']}-auto-gen-{place.path[-1]}",
                type=policy["type"],
                properties=_told(policy, POLICY_TYPES),
                place=place,
            )
            for policy, place in _typed(
                spec.get("policies"), document.place("spec", "policies")
            )
        ),
        workflow=_workflow(spec.get("workflow"), document.place("spec", "workflow")),
    )


def component_of(data: Mapping[str, Any], place: Place, own: Own) -> Component:
    """A component of what stands at `place`: it has a type."""
    traits = tuple(
        Trait(trait["type"], trait.get("properties", {}), here)
        for trait, here in _typed(data.get("traits"), place.at("traits"))
    )
    return Component(
        name=as_text(data.get("name")),
        type=data["type"],
        properties=data.get("properties", {}),
        traits=traits,
        depends_on=_texts(data.get("dependsOn")),
        place=place,
        plain=is_plain(data["type"], (trait.type for trait in traits), own),
        inputs=_inputs(data, place),
        outputs=_outputs(data, place),
    )


def _inputs(data: Mapping[str, Any], place: Place) -> tuple[Input, ...]:
    return tuple(
        Input(as_text(one.get("from")), as_text(one.get("parameterKey")), here)
        for one, here in _mappings(data.get("inputs"), place.at("inputs"))
    )


def _outputs(data: Mapping[str, Any], place: Place) -> tuple[Output, ...]:
    return tuple(
        Output(as_text(one.get("name")), as_text(one.get("valueFrom")), here)
        for one, here in _mappings(data.get("outputs"), place.at("outputs"))
    )


def _workflow(data: Any, place: Place) -> Workflow | None:
    if not isinstance(data, dict):
        return None
    mode = as_mapping(data.get("mode"))
    return Workflow(
        steps=tuple(_steps(data.get("steps"), place.at("steps"))),
        dag=mode.get("steps") == "DAG",
        dag_in_groups=mode.get("subSteps", "DAG") == "DAG",
        place=place,
        ref=as_text(data.get("ref")),
    )


def _steps(data: Any, place: Place) -> Iterator[Step]:
    for step, here in _typed(data, place):
        yield Step(
            name=as_text(step.get("name"))
            or f"{step['type']}-auto-gen-{here.path[-1]}",
            type=step["type"],
            properties=_told(step, STEP_TYPES),
            depends_on=_texts(step.get("dependsOn")),
            steps=tuple(_steps(step.get("subSteps"), here.at("subSteps"))),
            place=here,
            condition=as_text(step.get("if")),
            inputs=_inputs(step, here),
            outputs=_outputs(step, here),
            timeout=as_text(step.get("timeout")),
            dag=step.get("mode", "") == "DAG" if "mode" in step else None,
        )


def _told(part: Mapping[str, Any], known: Collection[str]) -> Mapping[str, Any]:
    """What a policy or step is told; nulls stand for missing fields, where we know its fields."""
    properties = as_mapping(part.get("properties"))
    return (
        as_mapping(pruned(part["type"], properties))
        if part["type"] in known
        else properties
    )


def _typed(data: Any, place: Place) -> Iterator[tuple[Mapping[str, Any], Place]]:
    """Those entries of a list that have a type, each with its place."""
    return (
        (one, here)
        for one, here in _mappings(data, place)
        if isinstance(one.get("type"), str)
    )


def _mappings(data: Any, place: Place) -> Iterator[tuple[Mapping[str, Any], Place]]:
    for index, one in enumerate(data if isinstance(data, list) else ()):
        if isinstance(one, dict):
            yield one, place.at(index)


def _texts(value: Any) -> tuple[str, ...]:
    return (
        tuple(one for one in value if isinstance(one, str))
        if isinstance(value, list)
        else ()
    )
