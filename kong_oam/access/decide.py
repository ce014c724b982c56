"""Decides requests: the reference that the gateway, `explain`, `diff` and the tests are checked
against.

`decide` is total: it answers every request, and every answer says why, and by which rule.

Source: docs/explanation/design.md#meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from kong_oam.access.ambiguous_headers import Header, ambiguity
from kong_oam.access.data import PathSegments, Scopes
from kong_oam.access.model import (
    METHODS,
    Component,
    Estate,
    Rule,
    Rules,
    listing,
)
from kong_oam.access.networks import admits, only_from
from kong_oam.access.paths import AmbiguousPathError, read, written
from kong_oam.access.tokens import (
    Claims,
    KeyRing,
    Refusal,
    authenticate,
    bearer,
)

Status = Literal[200, 204, 400, 401, 403, 404]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrives: `host` from the Host header, `target` the raw bytes of the request
    line.

    `address` is what the gateway takes for the caller's, a text; None: one from which the rules let
    somebody in. `headers` are names and values, as they were sent, of headers other than Host and
    Authorization.
    """

    method: str
    host: str
    target: bytes
    address: str | None = None
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a request: its status, where 200 stands for "goes upstream" (and 204 is of
    preflights alone, by access.pages), and why, as a stable code (docs/reference/decisions.md) and
    in words. `rule` is the rule that decided, where one did."""

    status: Status
    code: str
    reason: str
    component: Component | None = None
    rule: Rule | None = None

    @property
    def allowed(self) -> bool:
        return self.status == 200

    @property
    def position(self) -> str | None:
        """`file:line:column` of the rule, or of the component where no rule owns the path."""
        if self.rule:
            return str(self.rule.position)
        return str(self.component.position) if self.component else None


def decide(
    estate: Estate, request: Request, claims: Claims | Refusal | None
) -> Decision:
    """Decide what the gateway does with `request`. `claims` are None without a token, and a
    Refusal for one that does not count.

    The address is judged last: from one that is not allowed, one learns of tokens and rules what
    all others do.
    """
    decision = _decide_by_token(estate, request, claims)
    if not decision.allowed or not decision.component or not decision.rule:
        return decision
    networks = decision.component.networks(decision.rule.path, request.method)
    if request.address is None:
        return replace(
            decision, reason=decision.reason + only_from(networks, ";")
        )
    if admits(networks, request.address):
        return decision
    why = f"it may be called{only_from(networks)}, not from {request.address}"
    return replace(decision, status=403, code="address-not-allowed", reason=why)


def _decide_by_token(
    estate: Estate, request: Request, claims: Claims | Refusal | None
) -> Decision:
    """Decide as if the caller's address were one from which the rules let somebody in."""
    try:
        path = read(request.target)
    except AmbiguousPathError as error:
        return Decision(400, "ambiguous-path", f"the path {error}")
    if misread := ambiguity(request.headers):
        return Decision(400, "ambiguous-header", misread)
    component = component_of(estate, request.host, path)
    if component is None:
        return Decision(
            404, "not-exposed", "no component is exposed on this host and path"
        )
    if request.method not in METHODS:
        why = f"the gateway does not listen to {request.method}"
        return Decision(404, "method-unknown", why, component)
    return _decide_at(estate, component, path, request.method, claims)


def _decide_at(
    estate: Estate,
    component: Component,
    path: PathSegments,
    method: str,
    claims: Claims | Refusal | None,
) -> Decision:
    rules = component.owning(path)
    matching = listing(rules, method)
    # Some servers take the path for that of another rule. No rule counts then, not even a public one.
    ambiguous = component.may_be_of_another_rule(path)
    for rule in matching:
        if rule.public and not ambiguous:
            why = f"public: {rule.public.reason}"
            return Decision(200, "public", why, component, rule)
    first = next(iter(matching or rules), None)
    if claims is None:
        return Decision(
            401, "token-needed", "a token is needed", component, first
        )
    if isinstance(claims, Refusal):
        return Decision(401, claims.code, claims.reason, component, first)
    if claims.provider != component.identity.provider:
        needed = (
            f"a token of provider '{component.identity.provider}' is needed"
        )
        return Decision(401, "token-not-verified", needed, component)
    if ambiguous:
        read_otherwise = "the path is spelled so that some servers take it for that of another rule"
        return Decision(400, "ambiguous-path", read_otherwise, component)
    if not _is_for(estate, component, claims):
        why = "the token is for another API"
        return Decision(403, "other-api", why, component, first)
    if matching:
        return _decide_by_scopes(estate, component, matching, claims)
    if rules:
        why = f"no rule on {written(rules[0].path)} lists {method}"
        return Decision(403, "method-not-listed", why, component, first)
    return Decision(403, "no-rule", "no rule owns this path", component)


def _is_for(estate: Estate, component: Component, claims: Claims) -> bool:
    """Whether a token is for the component, where the provider's tokens are for one API each."""
    provider = estate.provider_of(component)
    if not provider.per_api:
        return True
    audiences = {*map(provider.audience_of, estate.apis_at(component))}
    return claims.audience in audiences


def _decide_by_scopes(
    estate: Estate,
    component: Component,
    matching: Rules,
    claims: Claims,
) -> Decision:
    effective = effective_scopes(estate, component, claims)
    for rule in matching:
        if set(rule.scopes) <= effective:
            why = f"has {', '.join(rule.scopes) or 'a token that counts'}"
            return Decision(200, "allowed", why, component, rule)
    needed = " or ".join(" and ".join(rule.scopes) for rule in matching)
    why = f"needs {needed}"
    asked = {*chain.from_iterable(rule.scopes for rule in matching)}
    withheld = asked & set(claims.scopes) - effective
    if withheld:
        reason = _why_withheld(estate, component, claims, withheld)
        why += f"; the token lists it, but {reason}"
    return Decision(403, "scope-missing", why, component, matching[0])


def _why_withheld(
    estate: Estate, component: Component, claims: Claims, withheld: Set[str]
) -> str:
    """The reason why scopes that the token lists do not count."""
    if not claims.client:
        return "its client is none of this estate"
    if withheld - _granted_scopes(estate, component, claims):
        return f"{claims.client} was not granted it here"
    return "no group of the user holds it"


def answer(
    estate: Estate,
    request: Request,
    authorization: Iterable[str],
    rings: Mapping[str, KeyRing],
    now: float,
) -> Decision:
    """Decide a whole request: reads its Authorization headers, and judges the token by the
    component's own provider.

    A malformed bearer header is refused even on a public path
    (docs/explanation/design.md#admission).
    """
    unidentified = decide(estate, request, None)
    if unidentified.status in (400, 404) or unidentified.component is None:
        return unidentified
    token = bearer(authorization)
    if isinstance(token, Refusal):
        return Decision(401, token.code, token.reason, unidentified.component)
    ring = rings.get(unidentified.component.identity.provider)
    if token is None or ring is None:
        return unidentified
    apis = estate.apis_at(unidentified.component)
    return decide(estate, request, authenticate(token, ring, now, apis))


def effective_scopes(
    estate: Estate, component: Component, claims: Claims
) -> Scopes:
    """The issued scopes that count at `component`: those that the client was granted there and, for
    a user, that the roles of their groups hold.

    A token lists what was granted when it was issued; since then a scope may have come to belong to
    another component.
    """
    counting = frozenset(claims.scopes) & _granted_scopes(
        estate, component, claims
    )
    if not claims.user:
        return counting
    provider = estate.provider_of(component)
    held: set[str] = set()
    for role in component.identity.roles:
        if not set(map(provider.listed, role.groups)).isdisjoint(claims.groups):
            held.update(role.scopes)
    return counting & held


def _granted_scopes(
    estate: Estate, component: Component, claims: Claims
) -> Scopes:
    by_client = estate.held_at(component, users=claims.user)
    return frozenset(by_client.get(claims.client, ()))


def component_of(
    estate: Estate, host: str, path: PathSegments
) -> Component | None:
    """The component that host and path lead to."""
    pair = estate.reached(host, path)
    return pair[1] if pair else None
