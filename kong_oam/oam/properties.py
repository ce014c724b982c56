"""What is wrong with the properties of components and traits, as far as no definition is needed
to know it: all of plain components, and access, client and the like in any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.document import Place
from kong_oam.oam.model import Component, Trait
from kong_oam.oam.plain import (
    EXACT,
    INGRESS_HINT,
    INGRESS_ONLY,
    REPEATED,
    misplaced,
)
from kong_oam.oam.schema import TRAIT_TYPES, violations


def wrong(component: Component) -> Iterator[Diagnostic]:
    """Yields what is wrong with a component of which this can be said without its definition."""
    place = component.place
    if component.plain:
        if isinstance(
            component.properties, dict
        ):  # else its shape is wrong, which was found
            yield from violations(
                component.type, component.properties, place.at("properties")
            )
        if component.type == "webservice" and "." in component.name:
            message = (
                f"'{component.name}' would be the name of a Service, which has no dots"
            )
            yield Diagnostic("OAM103", message, place.at("name"))
        elif component.type != "external" and component.name != component.name.lower():
            message = f"'{component.name}' would be the name of a Deployment, which has no capitals"
            yield Diagnostic("OAM103", message, place.at("name"))
    first: dict[tuple[str, Any], Place] = {}
    for trait in component.traits:
        if component.plain and (message := misplaced(component.type, trait.type)):
            yield Diagnostic("OAM110", message, trait.place.at("type"))
        if trait.type in TRAIT_TYPES and (component.plain or trait.type != "gateway"):
            yield from _wrong_trait(trait, first)


def _wrong_trait(
    trait: Trait, first: dict[tuple[str, Any], Place]
) -> Iterator[Diagnostic]:
    properties, place = trait.properties, trait.place
    if not isinstance(properties, dict):
        return
    yield from violations(trait.type, properties, place.at("properties"))
    repeated = REPEATED.get(trait.type)
    name = properties.get("name") if repeated else None
    name = (
        name if isinstance(name, str) else None
    )  # else a violation already, and maybe no key
    if (trait.type, name) in first:
        what = repeated or f"`{trait.type}` may stand once"
        yield Diagnostic(
            "OAM106",
            f"{what} (first in line {first[trait.type, name].line})",
            place.at("type"),
        )
    first.setdefault((trait.type, name), place)
    if trait.type == "gateway":
        yield from _gateway(trait)


def _gateway(trait: Trait) -> Iterator[Diagnostic]:
    properties, place = trait.properties, trait.place.at("properties")
    for field in INGRESS_ONLY:
        if field in properties:
            yield Diagnostic(
                "OAM109", f"'{field}' {INGRESS_HINT}", place.key(field), "warning"
            )
    if "existingServiceName" in properties:
        message = "'existingServiceName' could expose another component past its own rules; remove it"
        yield Diagnostic("OAM108", message, place.key("existingServiceName"))
    if properties.get("pathType") == "Exact":
        yield Diagnostic("OAM108", EXACT, place.at("pathType"))


def unrendered(component: Component) -> Iterator[Diagnostic]:
    """Yields why nothing can be made of a component that needs an evaluator and has no objects."""
    if not component.plain and component.rendered is None:
        message = (
            f"component '{component.name}' is made by definitions, and was not rendered"
        )
        yield Diagnostic("OAM104", message, component.place.at("type"))
