"""The meaning of `rate-limit`. It does not decide; it allows fewer requests of a caller."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Any, cast

from kong_oam.access.diff.kind import Kind
from kong_oam.access.meaning import Declared, Meaning
from kong_oam.diagnostics import Code, Diagnostic, Findings
from kong_oam.oam.model import Trait
from kong_oam.traits.rate_limit.value import (
    RATE_LIMIT,
    WINDOWS,
    RateLimit,
    RateLimitYaml,
)


def _compile(declared: Declared) -> RateLimit | None:
    trait = declared.part.trait(RATE_LIMIT.name)
    if trait is None:
        return None
    limit = RateLimit(**cast("RateLimitYaml", trait.properties))
    declared.out.extend(_contradictions(trait, limit))
    if limit.policy == "redis" and declared.stack.redis is False:
        message = (
            "the stack has no gateway.redis for the counts; add it to the stack, or write policy: "
            "local"
        )
        position = trait.position.at("properties", "policy")
        declared.out.append(Diagnostic("ACC236", message, position))
    return limit


def _contradictions(trait: Trait, limit: RateLimit) -> Findings:
    """Yield findings about a limit without windows, and windows that can never fill.

    A window cannot fill if a longer window allows fewer requests.
    """
    position = trait.position.at("properties", "requests")
    windows = [window for window in WINDOWS if window in limit.requests]
    if not windows:
        yield Diagnostic(
            "ACC235",
            f"a limit needs a window; add one of {', '.join(WINDOWS)}",
            position,
        )
    for shorter, longer in pairwise(windows):
        few = limit.requests[longer]
        many = limit.requests[shorter]
        if few < many:
            message = (
                f"{few} per {longer} are fewer than {many} per {shorter}; raise the first, or "
                "lower the second"
            )
            yield Diagnostic("ACC235", message, position.at(longer))


def _change(name: str, was: Any, now: Any) -> Kind:
    """Return the kind of a change. A new limit, or a limit with equal or lower windows, narrows
    access."""
    if name != "requests" or not isinstance(now, dict):
        return "changed"
    if was is None:
        return "may narrow"
    if not isinstance(was, dict):
        return "changed"
    lower = all(now.get(window, inf) <= was[window] for window in was)
    return "may narrow" if lower else "changed"


MEANING = Meaning(
    RATE_LIMIT,
    _compile,
    _change,
    codes={
        "ACC235": Code(
            "a rate limit without a window, or with fewer requests in a longer window",
            "add a window; raise the longer window's number, or lower the shorter window's",
        ),
        "ACC236": Code(
            "a rate limit counted in Redis, on a stack without Redis",
            "add `gateway.redis` to the stack's settings, or write `policy: local`",
        ),
    },
)
