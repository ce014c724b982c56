"""The values that components of an Application give each other.

What a value is made of is known once the component that gives it is rendered, or else once that is
deployed: then a text stands in for it, which is replaced when whoever takes it is deployed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.filling import FieldPathError, filled, path_of
from kong_oam.oam.model import Application, ComponentSpec, Input, Output
from kong_oam.oam.position import Fields, SourcePosition, Texts
from kong_oam.oam.rendered import Awaited, Objects, RenderedObject
from kong_oam.render.answers import Answer, Ask, Question
from kong_oam.render.requests import Setting

MAX_CHARACTERS = 65_536
"""The longest value, as JSON: values made of values could fill any memory."""
_UNKNOWN = re.compile(r'reference "\w+" not found\Z')
_WHERE = re.compile(r'\A"the value": | \(valueFrom:\d+:\d+\)\Z')
_SECRET = ("data", "stringData")
_NEVER: Texts = {
    "Secret": "a Secret's value is not passed; name the Secret where it is read: "
    "valueFrom.secretKeyRef",
    "Ingress": "an Ingress is not deployed: Kong has its routes",
    "Release": "Pulumi does not know more of a release than what it is told",
    "Namespace": "of a Namespace nothing more is known than its name",
    "CustomResourceDefinition": "of a CustomResourceDefinition nothing more is known than what it "
    "says",
}
"""The kinds of which no live value is passed."""


Givers = Mapping[str, tuple[ComponentSpec, Output]]
"""By the names of outputs, the rendered components that give them."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A component with the values that it takes; `awaited` are those for which texts stand in."""

    component: ComponentSpec
    awaited: tuple[Awaited, ...] = ()


def with_values(
    part: ComponentSpec,
    givers: Givers,
    application: Application,
    ask: Ask,
    setting: Setting,
) -> Filled | Diagnostic:
    """Put into a component what it takes of others. Raises EvaluatorError."""
    awaited: dict[Awaited, None] = {}
    for taken in part.inputs:
        giver, output = givers[taken.source]
        asked: Question = {
            "valueFrom": output.value_from,
            "scope": _scope(giver, application, setting),
        }
        answer = ask(asked)
        own: list[Awaited] = []
        message = _wrong(answer) or _collected(answer, giver, application, own)
        if message:
            value_from = " ".join(output.value_from.split())[:100]
            what = f"output '{output.name}' of '{giver.name}': '{value_from}'"
            position = output.position.at("valueFrom")
            return Diagnostic("OAM108", f"{what}: {message}", position)
        value = _with_stand_ins(answer["value"], own)
        awaited.update(dict.fromkeys(own))
        text = json.dumps(value)
        for made in giver.rendered or ():
            for passed_on in made.awaited:
                if passed_on.stand_in in text:
                    awaited[passed_on] = None
        try:
            part = _placed(filled(part, path_of(taken.parameter), value), taken)
        except FieldPathError as error:
            message = f"component '{part.name}': parameterKey '{taken.parameter}': {error}"
            return Diagnostic(
                "OAM103", message, taken.position.at("parameterKey")
            )
    return Filled(part, tuple(awaited))


def _collected(
    answer: Answer,
    giver: ComponentSpec,
    application: Application,
    into: list[Awaited],
) -> str:
    """Put the values that only the cluster knows into the list; say why one cannot be passed."""
    for path in answer.get("paths", ()):
        awaited = _awaited(application, giver, path)
        if isinstance(awaited, str):
            return awaited
        into.append(awaited)
    value = _with_stand_ins(answer["value"], into)
    if any(awaited.stand_in not in value for awaited in into):
        return "it gives no text"
    return ""


def _with_stand_ins(value: Any, awaited: Sequence[Awaited]) -> Any:
    for number, awaits in enumerate(awaited):
        value = str(value).replace(f"\ue000{number}\ue001", awaits.stand_in)
    return value


def otherwise(part: ComponentSpec, awaited: Sequence[Awaited]) -> ComponentSpec:
    """Return the same component with texts of another form in the place of those that stand in."""
    traits = []
    for trait in part.traits:
        properties = _in_other_words(trait.properties, awaited)
        traits.append(replace(trait, properties=properties))
    properties = _in_other_words(part.properties, awaited)
    return replace(part, properties=properties, traits=tuple(traits))


def are_passed_on(
    awaited: Sequence[Awaited],
    objects: Iterable[RenderedObject],
    others: Iterable[RenderedObject],
) -> bool:
    """Tell whether a definition passes texts on as they are, and decides nothing by them.

    Then it makes the same of stand-ins and of what `otherwise` has in their place.
    """
    return [
        _in_other_words(rendered.object, awaited) for rendered in objects
    ] == [rendered.object for rendered in others]


def not_passed_on(part: ComponentSpec) -> Diagnostic:
    """Return the finding about a component whose definitions do more with texts."""
    message = (
        f"component '{part.name}': its definition does more with what only the cluster knows than "
        "to pass it on, so nobody could say before what is deployed; write the value out"
    )
    return Diagnostic("OAM108", message, part.position.key("inputs"))


def _in_other_words(value: Any, awaited: Sequence[Awaited]) -> Any:
    text = json.dumps(value)
    for awaits in awaited:
        text = text.replace(
            awaits.stand_in, f"{awaits.stand_in[-16:].upper()}:/Awaited"
        )
    return json.loads(text)


def with_awaited(
    objects: Sequence[RenderedObject], awaited: Sequence[Awaited]
) -> Objects:
    """Return the objects, each with those of the values that stand in it."""
    if not awaited:
        return tuple(objects)
    changed = []
    for rendered in objects:
        text = json.dumps(rendered.object)
        own = tuple(value for value in awaited if value.stand_in in text)
        changed.append(replace(rendered, awaited=own))
    return tuple(changed)


def _scope(
    giver: ComponentSpec, application: Application, setting: Setting
) -> Fields:
    """Return what is known of a component before it is deployed. The context is the workflow's, of
    which a name is that of the Application."""
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
        return "its evaluation takes too long or too much memory"
    for finding in answer.get("findings", ()):
        line, *_ = finding["message"].splitlines() or [""]
        said = _WHERE.sub("", line)[:300]
        if _UNKNOWN.search(said):
            return f"{said}; it is said of output, outputs and context"
        return said
    if len(json.dumps(answer["value"])) > MAX_CHARACTERS:
        return f"it gives more than {MAX_CHARACTERS} characters"
    return "it gives null" if answer["value"] is None else ""


def _awaited(
    application: Application, giver: ComponentSpec, path: Sequence[str | int]
) -> Awaited | str:
    """Return the value at a path of the scope, which only the cluster knows; or why it cannot be
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
            "only what stands in metadata, spec and status of an object is known once it is "
            "deployed"
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
    stand_in = f"awaited-value-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return Awaited(stand_in, *source)


def _placed(part: ComponentSpec, taken: Input) -> ComponentSpec:
    """Return the component with findings about a value that it takes at the input."""
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
    there = (*position.at(*path[:-1]).path, path[-1])
    return replace(
        position, moved={**position.moved, there: taken.position.path}
    )
