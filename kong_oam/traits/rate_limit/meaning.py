"""Compiles the trait rate-limit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import kong_oam.oam.application as oam
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic
from kong_oam.traits.rate_limit.value import WINDOWS, RateLimit


def rate_limit_of(
    part: oam.Component, stack: Stack, out: list[Diagnostic]
) -> RateLimit | None:
    """The limit of `part`; None where it has none. Findings are added to `out`."""
    trait = part.trait("rate-limit")
    if trait is None:
        return None
    properties = trait.properties
    limit = RateLimit(
        properties["per"],
        properties.get("requests", {}),
        properties.get("policy", "local"),
    )
    out += _contradictions(trait, limit)
    if limit.policy == "redis" and stack.redis is False:
        message = (
            "the stack says no gateway.redis to count in; add it to the stack, or write "
            "policy: local"
        )
        out.append(
            Diagnostic("ACC236", message, trait.place.at("properties", "policy"))
        )
    return limit


def _contradictions(trait: oam.Trait, limit: RateLimit) -> Iterator[Diagnostic]:
    """Finds windows that can never fill, since a longer one ends before them, and a limit without
    any."""
    place = trait.place.at("properties", "requests")
    said = [window for window in WINDOWS if window in limit.requests]
    if not said:
        yield Diagnostic(
            "ACC235", f"a limit needs a window: {', '.join(WINDOWS)}", place
        )
    for shorter, longer in pairwise(said):
        few, many = limit.requests[longer], limit.requests[shorter]
        if few < many:
            message = (
                f"{few} per {longer} are fewer than {many} per {shorter}; raise the one, or "
                "lower the other"
            )
            yield Diagnostic("ACC235", message, place.at(longer))
