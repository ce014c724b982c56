"""Plain components: they are rendered without an evaluator.

Definitions describe all other components; `kong_oam.render` evaluates them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from kong_oam.oam.model import OwnTypes
from kong_oam.oam.position import Names
from kong_oam.oam.schema import COMPONENT_TYPES, TRAIT_TYPES

# Fields of KubeVela's gateway trait for an Ingress. Kong-OAM creates no Ingress.
INGRESS_ONLY = ("annotations", "class", "classInSpec", "gatewayHost", "labels")
INGRESS_HINT = "configures an Ingress and has no effect here; remove it"
# Traits that a component can have several times, with different names.
REPEATED = {
    "gateway": "another `gateway` needs its own `name`",
    "kong-plugin": "a component can have each plugin `name` only once",
}
EXACT_HINT = (
    "pathType 'Exact' is not deployed, since rules of a path cover everything "
    "below it; remove it and write rules"
)


def is_plain(
    component_type: str,
    trait_types: Iterable[str],
    own: OwnTypes,
) -> bool:
    """Tell whether a component of these types needs no evaluator. An external component never does.
    `own` are the types that the project defines, with their kinds."""
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


@cache
def plain_traits(component_type: str) -> Names:
    """Return the traits that a component type can have without an evaluator. A worker's gateway
    needs its definition, which creates the Service."""
    return tuple(
        trait
        for trait in TRAIT_TYPES
        if (component_type, trait) != ("worker", "gateway")
    )


def misplaced_trait(component_type: str, trait_type: str) -> str:
    """Return why this component type cannot have this trait type; empty if it can."""
    if component_type != "external":
        return ""
    if trait_type == "upstream-tls":
        return (
            "the stack's gateway.upstreams has scheme and serverName of an "
            "external component; remove 'upstream-tls'"
        )
    if trait_type not in TRAIT_TYPES:
        return (
            "an external component runs elsewhere and can only have traits of "
            f"the gateway, and client; remove '{trait_type}'"
        )
    return ""
