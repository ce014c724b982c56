"""Findings about the properties of components and traits that need no definition.

They cover all of plain components, and the traits of Kong-OAM in every component.
"""

from __future__ import annotations

from typing import Any

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.model import ComponentSpec, Trait
from kong_oam.oam.plain import (
    EXACT_HINT,
    INGRESS_HINT,
    INGRESS_ONLY,
    REPEATED,
    misplaced_trait,
)
from kong_oam.oam.position import SourcePosition
from kong_oam.oam.schema import TRAIT_TYPES, violations


def property_findings(component: ComponentSpec) -> Findings:
    """Yield the findings about a component that need no definition."""
    position = component.position
    if component.plain:
        # Otherwise the reader already reported the wrong shape.
        if isinstance(component.properties, dict):
            yield from violations(
                component.type, component.properties, position, "properties"
            )
        if message := _misnamed(component):
            yield Diagnostic("OAM103", message, position.at("name"))
    first: dict[tuple[str, Any], SourcePosition] = {}
    for trait in component.traits:
        message = misplaced_trait(component.type, trait.type)
        if component.plain and message:
            yield Diagnostic("OAM110", message, trait.position.at("type"))
        if trait.type in TRAIT_TYPES and (
            component.plain or trait.type != "gateway"
        ):
            yield from _wrong_trait(trait, first)


def _misnamed(component: ComponentSpec) -> str:
    """Return why the objects of a plain component cannot have its name; empty if they can."""
    name = component.name
    if component.type == "webservice" and "." in name:
        return (
            f"'{name}' cannot name a Service, which has no dots; rename the "
            "component"
        )
    if component.type != "external" and name != name.lower():
        return (
            f"'{name}' cannot name a Deployment, which has no capitals; use "
            "small letters"
        )
    return ""


def _wrong_trait(
    trait: Trait, first: dict[tuple[str, Any], SourcePosition]
) -> Findings:
    properties = trait.properties
    position = trait.position
    if not isinstance(properties, dict):
        return
    yield from violations(trait.type, properties, position, "properties")
    repeated = REPEATED.get(trait.type)
    name = properties.get("name") if repeated else None
    if not isinstance(name, str):
        name = None  # The schema already reported it; it may be unhashable.
    earlier = first.setdefault((trait.type, name), position)
    if earlier is not position:
        message = (
            repeated
            or f"a component can have `{trait.type}` only once; remove one"
        )
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
        message = (
            "'existingServiceName' could expose another component without "
            "that component's rules; remove it"
        )
        yield Diagnostic("OAM108", message, position.key("existingServiceName"))
    if properties.get("pathType") == "Exact":
        yield Diagnostic("OAM108", EXACT_HINT, position.at("pathType"))
