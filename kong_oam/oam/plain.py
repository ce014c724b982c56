"""Components that are rendered without an evaluator: of which types and with which traits.

Of all others, a definition says what they take: `kong_oam.render` asks it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kong_oam.oam.schema import COMPONENT_TYPES, TRAIT_TYPES

INGRESS_ONLY = ("annotations", "class", "classInSpec", "gatewayHost", "labels")
"""Fields of KubeVela's gateway trait that shape an Ingress, which Kong-OAM does not make."""
INGRESS_HINT = (
    "shapes an Ingress and has no effect here: Kong is configured directly"
)
REPEATED = {
    "gateway": "another `gateway` needs a `name` of its own",
    "kong-plugin": "a plugin of one `name` stands once before a component",
}
"""Traits that a component may have several of, told apart by their `name`."""
EXACT = "pathType 'Exact' is not deployed: a path owns all that lies below it; guard that with rules"


def is_plain(
    component_type: str,
    trait_types: Iterable[str],
    own: Collection[tuple[str, str]],
) -> bool:
    """Tell whether a component of these types needs no evaluator. An external one never does:
    nothing is made of it. `own` are the types that the project defines itself, with their kinds."""
    if component_type == "external":
        return True
    if (
        component_type not in COMPONENT_TYPES
        or ("component", component_type) in own
    ):
        return False
    traits = plain_traits(component_type)
    return all(
        trait in traits and (trait != "gateway" or ("trait", trait) not in own)
        for trait in trait_types
    )


def plain_traits(component_type: str) -> tuple[str, ...]:
    """Return the traits that a component of a type can have without an evaluator. A worker's
    gateway makes the Service that it leads to: that is for its definition."""
    return tuple(
        trait
        for trait in TRAIT_TYPES
        if (component_type, trait) != ("worker", "gateway")
    )


def misplaced(component_type: str, trait_type: str) -> str:
    """Return why a component of this type cannot have a trait of that one; empty where it can."""
    if component_type == "external" and trait_type != "client":
        return (
            f"an external component runs elsewhere: it is a client, and '{trait_type}' says "
            "nothing of it"
        )
    return ""
