"""Render components: find their definitions, ask the evaluator, and return objects or findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kong_oam.diagnostics import Diagnostic, Diagnostics, Position
from kong_oam.oam.definitions.definition import Definition, Kind
from kong_oam.oam.definitions.library import Library, find
from kong_oam.oam.model import Application, ComponentSpec
from kong_oam.oam.position import NO_POSITION
from kong_oam.oam.rendered import Objects, RenderedObject
from kong_oam.render.answers import AnswerObject, Ask
from kong_oam.render.findings import findings
from kong_oam.render.hidden_errors import with_hidden
from kong_oam.render.requests import Setting, request
from kong_oam.render.terraform import as_template

# Types that cannot be rendered even with a definition.
_UNRENDERABLE = {
    "ref-objects": "its objects are in a cluster, which Kong-OAM does not read; write "
    "them out with k8s-objects"
}
# The codes of findings about properties.
_OF_PROPERTIES = ("OAM102", "OAM103", "OAM105")
# The types whose properties contain objects.
_OBJECT_TYPES = (("component", "k8s-objects"), ("component", "raw"))
# In place of a missing definition of a component, so that its traits can be checked.
_ANY_COMPONENT = Definition(
    "component", "", "parameter: {...}\noutput: {...}", NO_POSITION
)


@dataclass(frozen=True, slots=True)
class RenderedComponent:
    """The objects of a component, workload first; empty if there are findings."""

    objects: Objects
    diagnostics: Diagnostics


def render(
    definitions: Sequence[Definition | Diagnostic],
    application: Application,
    component: ComponentSpec,
    ask: Ask,
    setting: Setting = Setting(),  # noqa: B008 - frozen
) -> RenderedComponent:
    """Render one component of an Application with its traits. `definitions` come from
    `definitions_of`. If some are missing, check only the properties of the other parts. Raise
    EvaluatorError without an evaluator."""
    found = [known for known in definitions if isinstance(known, Definition)]
    wrong = [known for known in definitions if isinstance(known, Diagnostic)]
    if definitions[0] in wrong:
        found.insert(0, _ANY_COMPONENT)
    if found == [_ANY_COMPONENT]:
        return RenderedComponent((), tuple(wrong))
    if wrong:
        pairs = zip(component.traits, definitions[1:], strict=True)
        traits = [trait for trait, known in pairs if known not in wrong]
        component = replace(component, traits=tuple(traits))
    found[0] = as_template(found[0], application, component)
    question = request(application, component, found, setting)
    answer = with_hidden(question, ask)
    problems = tuple(findings(component, found, answer))
    if wrong:
        wrong += [each for each in problems if each.code in _OF_PROPERTIES]
        return RenderedComponent((), tuple(wrong))
    objects = tuple(
        _object(answered, component, found)
        for answered in answer.get("objects", ())
    )
    return RenderedComponent(objects, problems)


def definitions_of(
    component: ComponentSpec, library: Library, kind: Kind = "component"
) -> tuple[Definition | Diagnostic, ...]:
    """Return the definitions of a component's type and of its traits, or findings in their place.
    `kind` is the kind of its type."""
    position = component.position.at("type")
    found = [find(library, kind, component.type, position)]
    if refused := _UNRENDERABLE.get(component.type.partition("@")[0]):
        message = f"{component.type} '{component.name}': {refused}"
        found = [Diagnostic("OAM108", message, position)]
    for trait in component.traits:
        found.append(
            find(library, "trait", trait.type, trait.position.at("type"))
        )
    return tuple(found)


def _object(
    answered: AnswerObject,
    component: ComponentSpec,
    definitions: Sequence[Definition],
) -> RenderedObject:
    part = answered["part"]
    key = answered["key"]
    by = definitions[part + 1]
    pods = by.pod_spec_path if part < 0 and not key else ""
    defined = (
        ""
        if by.built_in
        else f"{by.type[0]} type '{by.name}' ({by.position.file})"
    )
    as_written = by.built_in and by.type in _OBJECT_TYPES
    position = (
        _written(component, by.name, key)
        if as_written
        else _place(component, part)
    )
    return RenderedObject(
        answered["object"],
        part if part >= 0 else None,
        key,
        position,
        pods,
        defined=defined,
    )


def _written(component: ComponentSpec, type_: str, key: str) -> Position:
    """Return the position of an object in a component's properties."""
    properties = component.position.at("properties")
    if type_ == "raw":
        return properties
    return properties.at("objects", int(key.rpartition("-")[2] or 0))


def _place(component: ComponentSpec, part: int) -> Position:
    return (
        component.traits[part].position if part >= 0 else component.position
    ).at("type")
