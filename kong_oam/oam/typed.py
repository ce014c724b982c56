"""Build typed Applications from documents. Misshapen parts are left out; earlier checks report
them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from kong_oam.oam.document import as_mapping, as_text
from kong_oam.oam.model import (
    NAMESPACE_LABEL,
    Application,
    ComponentSpec,
    Input,
    Output,
    OwnTypes,
    Policy,
    Step,
    Trait,
    Workflow,
)
from kong_oam.oam.plain import is_plain
from kong_oam.oam.position import Document, Fields, Names, SourcePosition
from kong_oam.oam.schema import POLICY_TYPES, STEP_TYPES, pruned

# The entries of a list, each with its position.
_Entries = Iterator[tuple[Fields, SourcePosition]]


def application_of(document: Document, data: Any, own: OwnTypes) -> Application:
    """Return the Application of a document. `data` is its pruned data."""
    data = as_mapping(data)
    metadata = as_mapping(data.get("metadata"))
    spec = as_mapping(data.get("spec"))
    latest = as_mapping(as_mapping(data.get("status")).get("latestRevision"))
    at = document.position("spec")
    labels = dict(as_mapping(metadata.get("labels")))
    labels.pop(NAMESPACE_LABEL, None)  # KubeVela writes its own value
    components = [
        component_of(component, position, own)
        for component, position in _typed(spec, "components", at)
    ]
    return Application(
        name=as_text(metadata.get("name")),
        namespace=as_text(metadata.get("namespace")) or "default",
        labels=labels,
        annotations=as_mapping(metadata.get("annotations")),
        components=tuple(components),
        position=document.position(),
        revision=as_text(latest.get("name")),
        policies=tuple(_policies(spec, at)),
        workflow=_workflow(spec.get("workflow"), at.at("workflow")),
    )


def _policies(spec: Fields, position: SourcePosition) -> Iterator[Policy]:
    for policy, here in _typed(spec, "policies", position):
        yield Policy(
            name=_name_of(policy, here),
            type=policy["type"],
            properties=policy_properties(policy, POLICY_TYPES),
            position=here,
        )


def _name_of(part: Fields, position: SourcePosition) -> str:
    """Return the name of a policy or step, or KubeVela's generated name."""
    return (
        as_text(part.get("name"))
        or f"{part['type']}-auto-gen-{position.path[-1]}"
    )


def component_of(
    data: Fields, position: SourcePosition, own: OwnTypes
) -> ComponentSpec:
    """Return the component at `position`. It must have a type."""
    traits = tuple(
        Trait(trait["type"], trait.get("properties", {}), here)
        for trait, here in _typed(data, "traits", position)
    )
    return ComponentSpec(
        name=as_text(data.get("name")),
        type=data["type"],
        properties=data.get("properties", {}),
        traits=traits,
        depends_on=_texts(data.get("dependsOn")),
        position=position,
        plain=is_plain(data["type"], (trait.type for trait in traits), own),
        inputs=_inputs(data, position),
        outputs=_outputs(data, position),
    )


def _inputs(data: Fields, position: SourcePosition) -> tuple[Input, ...]:
    return tuple(
        Input(
            as_text(value.get("from")), as_text(value.get("parameterKey")), here
        )
        for value, here in _mappings(data, "inputs", position)
    )


def _outputs(data: Fields, position: SourcePosition) -> tuple[Output, ...]:
    return tuple(
        Output(
            as_text(value.get("name")), as_text(value.get("valueFrom")), here
        )
        for value, here in _mappings(data, "outputs", position)
    )


def _workflow(data: Any, position: SourcePosition) -> Workflow | None:
    if not isinstance(data, dict):
        return None
    mode = as_mapping(data.get("mode"))
    ref = as_text(data.get("ref"))
    return Workflow(
        # KubeVela reads the steps in the cluster instead.
        steps=() if ref else tuple(_steps(data, "steps", position)),
        dag=mode.get("steps") == "DAG",
        dag_in_groups=mode.get("subSteps", "DAG") == "DAG",
        position=position,
        ref=ref,
    )


def _steps(
    data: Fields, field: str, position: SourcePosition
) -> Iterator[Step]:
    for step, here in _typed(data, field, position):
        yield Step(
            name=_name_of(step, here),
            type=step["type"],
            properties=policy_properties(step, STEP_TYPES),
            depends_on=_texts(step.get("dependsOn")),
            steps=tuple(_steps(step, "subSteps", here)),
            position=here,
            condition=as_text(step.get("if")),
            inputs=_inputs(step, here),
            outputs=_outputs(step, here),
            timeout=as_text(step.get("timeout")),
            dag=step["mode"] == "DAG" if "mode" in step else None,
        )


def policy_properties(part: Fields, known: Collection[str]) -> Fields:
    """Return the properties of a policy or step. For known types, nulls count as missing fields."""
    properties = as_mapping(part.get("properties"))
    if part["type"] in known:
        return as_mapping(pruned(part["type"], properties))
    return properties


def _typed(data: Fields, field: str, position: SourcePosition) -> _Entries:
    """Yield the entries with a type of the list in a field, each with its position."""
    for part, here in _mappings(data, field, position):
        if isinstance(part.get("type"), str):
            yield part, here


def _mappings(data: Fields, field: str, position: SourcePosition) -> _Entries:
    entries = data.get(field)
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield entry, position.at(field, index)


def _texts(value: Any) -> Names:
    if not isinstance(value, list):
        return ()
    return tuple(text for text in value if isinstance(text, str))
