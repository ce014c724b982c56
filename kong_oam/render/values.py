"""The values that components of an Application pass to each other.

Some values are known after rendering. Other values exist only after deployment; until then a
placeholder text stands for each.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.input_values import FieldPathError, path_of, with_value
from kong_oam.oam.model import Application, ComponentSpec, Input, Output
from kong_oam.oam.position import Fields, SourcePosition, Texts
from kong_oam.oam.rendered import Awaited, Objects, RenderedObject
from kong_oam.render.answers import Answer, Ask, Question
from kong_oam.render.requests import Setting

# The limit of a value's length as JSON, since values built from values could fill the memory.
MAX_CHARACTERS = 65_536
_UNKNOWN = re.compile(r'reference "\w+" not found\Z')
_WHERE = re.compile(r'\A"the value": | \(valueFrom:\d+:\d+\)\Z')
_SECRET = ("data", "stringData")
# The kinds without values from the cluster.
_NEVER: Texts = {
    "Secret": "values of a Secret are not passed on; refer to the Secret with "
    "valueFrom.secretKeyRef",
    "Ingress": (
        "an Ingress is not deployed, since its routes are in Kong; write the "
        "value out"
    ),
    "Release": "Pulumi knows only the properties of a release; write the value out",
    "Namespace": "only the name of a Namespace is known; write the value out",
    "CustomResourceDefinition": "only the properties of a CustomResourceDefinition "
    "are known; write the value out",
}


# The rendered components with each output, by output name.
OutputSources = Mapping[str, tuple[ComponentSpec, Output]]


@dataclass(frozen=True, slots=True)
class FilledComponent:
    """A component with its input values. `awaited` are the values with placeholders."""

    component: ComponentSpec
    awaited: tuple[Awaited, ...] = ()


def with_values(
    part: ComponentSpec,
    givers: OutputSources,
    application: Application,
    ask: Ask,
    setting: Setting,
) -> FilledComponent | Diagnostic:
    """Return a component with its input values. Raise EvaluatorError."""
    awaited: dict[Awaited, None] = {}
    for taken in part.inputs:
        giver, output = givers[taken.source]
        question: Question = {
            "valueFrom": output.value_from,
            "scope": _scope(giver, application, setting),
        }
        answer = ask(question)
        own: list[Awaited] = []
        message = _wrong(answer) or _collected(answer, giver, application, own)
        if message:
            value_from = " ".join(output.value_from.split())[:100]
            label = f"output '{output.name}' of '{giver.name}': '{value_from}'"
            position = output.position.at("valueFrom")
            return Diagnostic("OAM108", f"{label}: {message}", position)
        value = _with_placeholders(answer["value"], own)
        awaited.update(dict.fromkeys(own))
        text = json.dumps(value)
        for rendered in giver.rendered or ():
            for passed_on in rendered.awaited:
                if passed_on.placeholder in text:
                    awaited[passed_on] = None
        try:
            part = _placed(
                with_value(part, path_of(taken.parameter), value), taken
            )
        except FieldPathError as error:
            message = f"component '{part.name}': parameterKey '{taken.parameter}': {error}"
            return Diagnostic(
                "OAM103", message, taken.position.at("parameterKey")
            )
    return FilledComponent(part, tuple(awaited))


def _collected(
    answer: Answer,
    giver: ComponentSpec,
    application: Application,
    into: list[Awaited],
) -> str:
    """Append the values that only the cluster knows to `into`. Return why a value cannot be passed,
    or ""."""
    for path in answer.get("paths", ()):
        awaited = _awaited(application, giver, path)
        if isinstance(awaited, str):
            return awaited
        into.append(awaited)
    value = _with_placeholders(answer["value"], into)
    if any(awaited.placeholder not in value for awaited in into):
        return "it is no text; write the value out"
    return ""


def _with_placeholders(value: Any, awaited: Sequence[Awaited]) -> Any:
    for number, value_awaited in enumerate(awaited):
        value = str(value).replace(
            f"\ue000{number}\ue001", value_awaited.placeholder
        )
    return value


def with_other_texts(
    part: ComponentSpec, awaited: Sequence[Awaited]
) -> ComponentSpec:
    """Return the component with different texts instead of the placeholders."""
    traits = []
    for trait in part.traits:
        properties = _in_other_words(trait.properties, awaited)
        traits.append(replace(trait, properties=properties))
    properties = _in_other_words(part.properties, awaited)
    return replace(part, properties=properties, traits=tuple(traits))


def is_passed_on(
    awaited: Sequence[Awaited],
    objects: Iterable[RenderedObject],
    others: Iterable[RenderedObject],
) -> bool:
    """Tell whether a definition passes placeholders on unchanged, and decides nothing by them.

    If so, other texts in their places (`with_other_texts`) change nothing else in the objects.
    """
    return [
        _in_other_words(rendered.object, awaited) for rendered in objects
    ] == [rendered.object for rendered in others]


def evaluated_input(part: ComponentSpec) -> Diagnostic:
    """Return the finding about a component whose definition evaluates placeholders."""
    message = (
        f"component '{part.name}': its definition evaluates a value that only "
        "the cluster knows, so its objects cannot be checked; write the value "
        "out"
    )
    return Diagnostic("OAM108", message, part.position.key("inputs"))


def _in_other_words(value: Any, awaited: Sequence[Awaited]) -> Any:
    text = json.dumps(value)
    for value_awaited in awaited:
        text = text.replace(
            value_awaited.placeholder,
            f"{value_awaited.placeholder[-16:].upper()}:/Awaited",
        )
    return json.loads(text)


def with_awaited(
    objects: Sequence[RenderedObject], awaited: Sequence[Awaited]
) -> Objects:
    """Return the objects, each with the awaited values in it."""
    if not awaited:
        return tuple(objects)
    changed = []
    for rendered in objects:
        text = json.dumps(rendered.object)
        own = tuple(value for value in awaited if value.placeholder in text)
        changed.append(replace(rendered, awaited=own))
    return tuple(changed)


def _scope(
    giver: ComponentSpec, application: Application, setting: Setting
) -> Fields:
    """Return the known fields of a component before deployment. As in a workflow, `context.name` is
    the Application."""
    first, *others = giver.rendered or ()
    keys = [rendered.key for rendered in others]
    return {
        "output": _known(first),
        "outputs": {
            rendered.key: _known(rendered)
            for rendered in others
            if keys.count(rendered.key) == 1
        },
        "context": {
            "name": application.name,
            "namespace": application.namespace,
            "appName": application.name,
            "appRevision": setting.revision,
        },
    }


def _known(rendered: RenderedObject) -> Fields:
    hidden = ("status", *(_SECRET if rendered.kind == "Secret" else ()))
    return {
        name: value
        for name, value in rendered.object.items()
        if name not in hidden
    }


def _wrong(answer: Answer) -> str:
    if "limit" in answer:
        return (
            "its evaluation exceeds the time or memory limit; write the value "
            "out"
        )
    for finding in answer.get("findings", ()):
        line, *_ = finding["message"].splitlines() or [""]
        reason = _WHERE.sub("", line)[:300]
        if _UNKNOWN.search(reason):
            return f"{reason}; use output, outputs and context"
        return reason
    if len(json.dumps(answer["value"])) > MAX_CHARACTERS:
        return (
            f"it has more than {MAX_CHARACTERS} characters; pass a shorter "
            "value"
        )
    return "it is null; write the value out" if answer["value"] is None else ""


def _awaited(
    application: Application, giver: ComponentSpec, path: Sequence[str | int]
) -> Awaited | str:
    """Return the value at a path of the scope, which only the cluster knows, or why it cannot be
    passed."""
    rendered, *others = giver.rendered or ()
    inside = tuple(path[1:])
    if path[0] != "output":
        rendered = next(other for other in others if other.key == path[1])
        inside = tuple(path[2:])
    if reason := _NEVER.get(rendered.kind):
        return reason
    if inside[0] not in ("metadata", "spec", "status") or len(inside) < 2:
        return (
            "after deployment only metadata, spec and status of an object are "
            "known; use one of these"
        )
    source = (
        giver.name,
        rendered.api,
        rendered.kind,
        rendered.namespace,
        rendered.name,
        inside,
    )
    text = json.dumps([application.name, *source])
    placeholder = (
        f"awaited-value-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    )
    return Awaited(placeholder, *source)


def _placed(part: ComponentSpec, taken: Input) -> ComponentSpec:
    """Return the component with the positions of input values at the input."""
    path = path_of(taken.parameter)
    if path[0] == "properties":
        return replace(part, position=_moved(part.position, path, taken))
    number = int(path[1])
    trait = part.traits[number]
    trait = replace(trait, position=_moved(trait.position, path[2:], taken))
    traits = (*part.traits[:number], trait, *part.traits[number + 1 :])
    return replace(part, traits=traits)


def _moved(
    position: SourcePosition, path: tuple[str | int, ...], taken: Input
) -> SourcePosition:
    target = (*position.at(*path[:-1]).path, path[-1])
    return replace(
        position, moved={**position.moved, target: taken.position.path}
    )
