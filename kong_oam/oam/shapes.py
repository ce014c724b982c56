"""What one document has to look like before anybody asks what its types mean: kinds, fields, names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.oam.definitions.definition import Kind
from kong_oam.oam.document import Document, Path, Place
from kong_oam.oam.model import Own
from kong_oam.oam.schema import violations

_OLDER: Final = ("core.oam.dev/v1alpha1", "core.oam.dev/v1alpha2")
_PARTS: Final = {
    "Policy": "; write it into the Application: spec.policies",
    "Workflow": "; write its steps into the Application: spec.workflow.steps",
    "WorkflowRun": "",
}
"""What KubeVela still keeps in an older version of the API."""
WASMCLOUD: Final[Own] = frozenset(
    {
        ("component", "actor"),
        ("component", "capability"),
        ("trait", "daemonscaler"),
        ("trait", "linkdef"),
        ("trait", "spreadscaler"),
    }
)
"""Types of wasmCloud's wadm, whose Applications have the same apiVersion and kind."""
_WITHOUT_EFFECT: Final = {
    "externalRevision": "has no effect: revisions are not kept here; Git keeps them",
    "scopes": "has no effect: health scopes are gone from KubeVela too; an API's own are declared in access",
}


def other_kind(document: Document) -> str | None:
    """The kind of an object that nobody wrote as an Application."""
    kind = document.data.get("kind") if isinstance(document.data, dict) else None
    if kind == "Application":
        return None
    is_other = isinstance(kind, str) and not suggestion(kind, ["Application"]).startswith("; did you mean")
    return kind if is_other else None


def misshapen(document: Document, data: Any, own: Own) -> Iterator[Diagnostic]:
    """Yields what is wrong with the shape of a document, whatever its types mean. `data` is its own, pruned."""
    if foreign := _of_another_format(document, data, own) or _of_another_kind(document):
        yield foreign
        return
    yield from violations("application", data, document.place())
    spec = data.get("spec") if isinstance(data, dict) else None
    spec = spec if isinstance(spec, dict) else {}
    components = spec.get("components", ())
    yield from _named_once(components, "component", document.place("spec", "components"))
    yield from _named_once(spec.get("policies"), "policy", document.place("spec", "policies"))
    if isinstance(data, dict) and not components and isinstance(components, Sequence):
        message = "an Application without components: nothing is deployed of it"
        yield Diagnostic("OAM109", message, document.place("spec", "components"), "warning")
    for index, component in enumerate(components if isinstance(components, list) else ()):
        for field in _WITHOUT_EFFECT.keys() & component.keys() if isinstance(component, dict) else ():
            place = document.place("spec", "components", index).key(field)
            yield Diagnostic("OAM109", f"'{field}' {_WITHOUT_EFFECT[field]}", place, "warning")


def _of_another_format(document: Document, data: Any, own: Own) -> Diagnostic | None:
    """The finding about what shares OAM's names and is something else."""
    if not isinstance(data, dict):
        return None
    api = data.get("apiVersion")
    if api in _OLDER and data.get("kind") not in _PARTS:
        message = (
            f"{api} is another format, OAM's own of before KubeVela; write it anew as an Application of "
            "core.oam.dev/v1beta1"
        )
        return Diagnostic("OAM108", message, document.place("apiVersion"))
    foreign = WASMCLOUD - own if own else WASMCLOUD
    for kind, type_, path in _types(data):
        if (kind, type_) in foreign:
            message = (
                f"{kind} type '{type_}' is wasmCloud's: this is an Application of its wadm, another format of the same "
                "apiVersion and kind, which only wadm deploys"
            )
            return Diagnostic("OAM108", message, document.place("spec", "components", *path, "type"))
    return None


def _types(data: Mapping[str, Any]) -> Iterator[tuple[Kind, str, Path]]:
    """The types of all components and traits, as far as there are any, with where they are among the components."""
    spec = data.get("spec")
    components = spec.get("components") if isinstance(spec, dict) else None
    for index, component in enumerate(components if isinstance(components, list) else ()):
        if isinstance(component, dict):
            if isinstance(component.get("type"), str):
                yield "component", component["type"], (index,)
            traits = component.get("traits")
            for number, trait in enumerate(traits if isinstance(traits, list) else ()):
                if isinstance(trait, dict) and isinstance(trait.get("type"), str):
                    yield "trait", trait["type"], (index, "traits", number)


def _of_another_kind(document: Document) -> Diagnostic | None:
    kind = other_kind(document)
    if not kind:
        return None
    remedy = _PARTS.get(kind) or ". Move it to another folder"
    message = f"a {kind} is not deployed from here: only Applications are read{remedy}"
    return Diagnostic("OAM108", message, document.place("kind"))


def _named_once(parts: Any, what: str, place: Place) -> Iterator[Diagnostic]:
    first: dict[str, tuple[str, Place]] = {}
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        name = part.get("name") if isinstance(part, dict) else None
        if isinstance(name, str):
            here = place.at(index)
            known = name.lower() if what == "component" else name  # hosts and file systems know no capitals
            earlier, there = first.setdefault(known, (name, here))
            if there is not here:
                message = f"{what} '{name}' is already defined in line {there.line}"
                if earlier != name:
                    message = f"{what} '{name}' is '{earlier}' (line {there.line}) but for capitals; rename one"
                yield Diagnostic("OAM106", message, here.at("name"))
