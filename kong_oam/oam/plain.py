"""Components that are rendered without an evaluator, and what is asked of access, client and
external in any.

Of all others, a definition says what they take: `kong_oam.render` asks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.document import Place
from kong_oam.oam.model import Component, Own, Trait
from kong_oam.oam.schema import COMPONENT_TYPES, TRAIT_TYPES, violations

INGRESS_ONLY = ("annotations", "class", "classInSpec", "gatewayHost", "labels")
"""Fields of KubeVela's gateway trait that shape an Ingress, which Kong-OAM does not make."""
INGRESS_HINT = "shapes an Ingress and has no effect here: Kong is configured directly"
REPEATED = {
    "gateway": "another `gateway` needs a `name` of its own",
    "kong-plugin": "a plugin of one `name` stands once before a component",
}
"""Traits that a component may have several of, told apart by their `name`."""
EXACT = "pathType 'Exact' is not deployed: a path owns all that lies below it; guard that with rules"


def is_plain(component_type: str, trait_types: Iterable[str], own: Own) -> bool:
    """Whether a component of these types needs no evaluator. An external one never does: nothing is
    made of it."""
    if component_type == "external":
        return True
    if component_type not in COMPONENT_TYPES or ("component", component_type) in own:
        return False
    traits = plain_traits(component_type)
    return all(
        trait in traits and (trait != "gateway" or ("trait", trait) not in own)
        for trait in trait_types
    )


def plain_traits(component_type: str) -> tuple[str, ...]:
    """The traits that a component of a type can have without an evaluator. A worker's gateway makes
    the Service that it leads to: that is for its definition."""
    return tuple(
        trait
        for trait in TRAIT_TYPES
        if (component_type, trait) != ("worker", "gateway")
    )


def misplaced(component_type: str, trait_type: str) -> str:
    """Why a component of this type cannot have a trait of that one; empty where it can."""
    if component_type == "external" and trait_type != "client":
        return (
            f"an external component runs elsewhere: it is a client, and '{trait_type}' says "
            "nothing of it"
        )
    return ""


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
