"""The meanings of all traits, in the order in which they are compiled."""

from __future__ import annotations

from typing import Any

from kong_oam.access.meaning import Declared, Meaning
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.schema import EDGE_TRAITS
from kong_oam.traits.cors import meaning as cors
from kong_oam.traits.headers import meaning as headers
from kong_oam.traits.ip_allow import meaning as ip_allow
from kong_oam.traits.key import Traits
from kong_oam.traits.kong_plugin import meaning as kong_plugin
from kong_oam.traits.limits import meaning as limits
from kong_oam.traits.rate_limit import meaning as rate_limit
from kong_oam.traits.upstream_tls import meaning as upstream_tls

MEANINGS: tuple[Meaning[Any], ...] = (
    cors.MEANING,
    kong_plugin.MEANING,
    headers.MEANING,
    limits.MEANING,
    rate_limit.MEANING,
    upstream_tls.MEANING,
    ip_allow.MEANING,
)


def compile_traits(declared: Declared) -> Traits:
    """Compile the traits of a component into their values."""
    declared.out.extend(_unexposed(declared))
    values = {}
    for meaning in MEANINGS:
        value = meaning.compile(declared)
        if value:
            values[meaning.key] = value
    return Traits(values)


def _unexposed(declared: Declared) -> Findings:
    """Yield findings about traits of a component that the gateway does not expose."""
    if declared.endpoints:
        return
    for trait in declared.part.traits:
        if trait.type in EDGE_TRAITS:
            message = (
                f"the gateway does not expose component '{declared.part.name}'; add a gateway "
                "trait, or remove this trait"
            )
            yield Diagnostic("ACC231", message, trait.position.at("type"))
