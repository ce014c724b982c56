"""Web pages of other origins: answers to their preflights, and permission to read answers (CORS).

The functions answer for every request, as `decide` does, and tests compare the gateway's scripts
with them. They give no access: only rules do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.model import Component, Estate, Rule, listing
from kong_oam.access.origins import readable_requests
from kong_oam.access.paths import read, written
from kong_oam.diagnostics import nearest_typo
from kong_oam.traits.cors.value import CORS


@dataclass(frozen=True, slots=True)
class Reading:
    """Whether pages of an origin may read an answer, and the reason. `rule`: the rule for the path
    that lists the method."""

    may: bool
    reason: str
    rule: Rule | None = None


def preflight(
    estate: Estate, request: Request, origin: str, asked: str
) -> Decision:
    """Decide an OPTIONS request with `Origin` and `Access-Control-Request-Method`, which is
    `asked`.

    If pages of other origins call the component, the gateway answers every valid preflight itself
    (204). Otherwise the preflight is decided as any request.
    """
    decision = decide(estate, request, None)
    answer = reading(estate, request, origin, asked)
    if answer is None or decision.component is None:
        return decision
    why = "the gateway answers preflights here itself"
    return Decision(204, "preflight", why, decision.component, answer.rule)


def reading(
    estate: Estate, request: Request, origin: str, method: str
) -> Reading | None:
    """Return whether pages of the origin may read the answer to `request` with this method. None if
    only the workload decides.

    No page of another origin may read a denial of the gateway.
    """
    decision = decide(estate, request, None)
    component = decision.component
    if decision.status in (400, 404) or component is None:
        return Reading(False, decision.reason)
    readable = readable_requests(estate, component)
    if readable is None:
        return None
    path = read(request.target)
    rules = component.owning(path)
    listed = next(iter(listing(rules, method)), None)
    if origin not in readable:
        return Reading(
            False,
            _no_reader_text(estate, component, request, origin)
            + nearest_typo(origin, readable),
            listed,
        )
    if component.may_match_another_rule(path):
        return Reading(
            False,
            "some servers read this spelling of the path as the path of another rule",
            listed,
        )
    if not rules:
        return Reading(False, "no rule owns this path")
    if listed is None:
        return Reading(
            False,
            f"no rule on {written(rules[0].path)} lists {method}",
            rules[0],
        )
    whose = " and ".join(_readers_text(estate, component, origin))
    if method not in readable[origin].get(rules[0].path, ()):
        return Reading(
            False,
            f"{whose}, whose scopes do not allow {method} here",
            listed,
        )
    return Reading(True, whose, listed)


def reading_origins(estate: Estate, request: Request) -> Names:
    """Return the origins whose pages may read the answer to the request, as the gateway allows."""
    component = decide(estate, request, None).component
    if component is None:
        return ()
    origins = []
    for origin in sorted(readable_requests(estate, component) or ()):
        answer = reading(estate, request, origin, request.method)
        if answer and answer.may:
            origins.append(origin)
    return tuple(origins)


def _no_reader_text(
    estate: Estate, component: Component, request: Request, origin: str
) -> str:
    if origin == f"{estate.stack.scheme}://{request.host}":
        return "the page has the same origin, so browsers do not check"
    return (
        "no cors trait lists this origin, "
        f"and no browser client of {component.key} has pages there"
    )


def _readers_text(
    estate: Estate, component: Component, origin: str
) -> Iterator[str]:
    """Yield the reasons why pages of the origin may read answers."""
    cors = component.traits.get(CORS)
    if cors and origin in cors.origins:
        yield f"the cors trait of {component.key} lists the origin"
    held = estate.granted_at(component, users=True)
    for client in estate.clients:
        if origin in client.origins and client.component in held:
            yield f"these are pages of {client.component}"
