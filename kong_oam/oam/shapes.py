"""Check the kind, fields and names of a document, independent of its types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kong_oam.diagnostics import Diagnostic, Findings, suggestion
from kong_oam.oam.document import as_mapping
from kong_oam.oam.position import Document, SourcePosition
from kong_oam.oam.schema import violations

# Kinds of an older KubeVela API, each with a remedy.
_PARTS = {
    "Policy": "; write it into the Application: spec.policies",
    "Workflow": "; write its steps into the Application: spec.workflow.steps",
    "WorkflowRun": "",
}
_WITHOUT_EFFECT = {
    "externalRevision": "has no effect, since Git keeps the revisions; remove it",
    "scopes": "has no effect, since KubeVela removed health scopes; declare OAuth "
    "scopes in access",
}


def other_kind(document: Document) -> str | None:
    """Return the kind of a document that is no Application, not even a misspelt one."""
    kind = as_mapping(document.data).get("kind")
    if kind == "Application":
        return None
    is_other = isinstance(kind, str) and not suggestion(
        kind, ["Application"]
    ).startswith("; did you mean")
    return kind if is_other else None


def shape_findings(document: Document, data: Any) -> Findings:
    """Yield findings about the shape of a document. `data` is its pruned data."""
    if other := _of_another_kind(document):
        yield other
        return
    yield from violations("application", data, document.position())
    spec = as_mapping(as_mapping(data).get("spec"))
    components = spec.get("components", ())
    position = document.position("spec")
    yield from _named_once(components, "component", position.at("components"))
    yield from _named_once(
        spec.get("policies"), "policy", position.at("policies")
    )
    if (
        isinstance(data, dict)
        and not components
        and isinstance(components, Sequence)
    ):
        message = (
            "an Application without components deploys nothing; add a "
            "component, or remove the file"
        )
        yield Diagnostic(
            "OAM109",
            message,
            document.position("spec", "components"),
            "warning",
        )
    for index, component in enumerate(
        components if isinstance(components, list) else ()
    ):
        for field in _WITHOUT_EFFECT.keys() & as_mapping(component).keys():
            position = document.position("spec", "components", index).key(field)
            yield Diagnostic(
                "OAM109",
                f"'{field}' {_WITHOUT_EFFECT[field]}",
                position,
                "warning",
            )


def _of_another_kind(document: Document) -> Diagnostic | None:
    kind = other_kind(document)
    if not kind:
        return None
    remedy = _PARTS.get(kind) or ". Move it to another folder"
    message = (
        f"a {kind} is not deployed from here, only Applications are{remedy}"
    )
    return Diagnostic("OAM108", message, document.position("kind"))


def _named_once(
    parts: Any, part_kind: str, position: SourcePosition
) -> Findings:
    first: dict[str, tuple[str, int]] = {}
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        name = as_mapping(part).get("name")
        if isinstance(name, str):
            # Hosts and file systems ignore capitals.
            known = name.lower() if part_kind == "component" else name
            earlier, number = first.setdefault(known, (name, index))
            if number != index:
                line = position.at(number).line
                message = f"{part_kind} '{name}' is already defined in line {line}; rename one"
                if earlier != name:
                    message = (
                        f"{part_kind} '{name}' and '{earlier}' (line {line}) "
                        "differ only in capitals; rename one"
                    )
                yield Diagnostic("OAM106", message, position.at(index, "name"))
