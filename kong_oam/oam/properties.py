"""What is wrong with the properties of components and traits, as far as no definition is needed
to know it: all of plain components, and access, client and the like in any."""

from __future__ import annotations

from typing import Any

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.model import ComponentSpec, Trait
from kong_oam.oam.plain import (
    EXACT,
    INGRESS_HINT,
    INGRESS_ONLY,
    REPEATED,
    misplaced,
)
from kong_oam.oam.position import SourcePosition
from kong_oam.oam.schema import TRAIT_TYPES, violations


def wrong(component: ComponentSpec) -> Findings:
    """Yield what is wrong with a component of which this can be said without its definition."""
    position = component.position
    if component.plain:
        # Else its shape is wrong, which is a finding already.
        if isinstance(component.properties, dict):
            here = position.at("properties")
            yield from violations(component.type, component.properties, here)
        if message := _misnamed(component):
            yield Diagnostic("OAM103", message, position.at("name"))
    first: dict[tuple[str, Any], SourcePosition] = {}
    for trait in component.traits:
        message = misplaced(component.type, trait.type)
        if component.plain and message:
            yield Diagnostic("OAM110", message, trait.position.at("type"))
        if trait.type in TRAIT_TYPES and (
            component.plain or trait.type != "gateway"
        ):
            yield from _wrong_trait(trait, first)


def _misnamed(component: ComponentSpec) -> str:
    """Say why what is made of a plain component cannot have its name; empty where it can."""
    name = component.name
    if component.type == "webservice" and "." in name:
        return f"'{name}' would be the name of a Service, which has no dots"
    if component.type != "external" and name != name.lower():
        return (
            f"'{name}' would be the name of a Deployment, which has no capitals"
        )
    return ""


def _wrong_trait(
    trait: Trait, first: dict[tuple[str, Any], SourcePosition]
) -> Findings:
    properties = trait.properties
    position = trait.position
    if not isinstance(properties, dict):
        return
    yield from violations(trait.type, properties, position.at("properties"))
    repeated = REPEATED.get(trait.type)
    name = properties.get("name") if repeated else None
    if not isinstance(name, str):
        name = None  # a violation already, and maybe no key
    earlier = first.setdefault((trait.type, name), position)
    if earlier is not position:
        message = repeated or f"`{trait.type}` may stand once"
        yield Diagnostic(
            "OAM106",
            f"{message} (first in line {earlier.line})",
            position.at("type"),
        )
    if trait.type == "gateway":
        yield from _gateway(trait)


def _gateway(trait: Trait) -> Findings:
    properties = trait.properties
    position = trait.position.at("properties")
    for field in INGRESS_ONLY:
        if field in properties:
            yield Diagnostic(
                "OAM109",
                f"'{field}' {INGRESS_HINT}",
                position.key(field),
                "warning",
            )
    if "existingServiceName" in properties:
        message = "'existingServiceName' could expose another component past its own rules; remove it"
        yield Diagnostic("OAM108", message, position.key("existingServiceName"))
    if properties.get("pathType") == "Exact":
        yield Diagnostic("OAM108", EXACT, position.at("pathType"))


def unrendered(component: ComponentSpec) -> Findings:
    """Yield why nothing can be made of a component that needs an evaluator and has no objects."""
    if not component.plain and component.rendered is None:
        message = f"component '{component.name}' is made by definitions, and was not rendered"
        yield Diagnostic("OAM104", message, component.position.at("type"))
