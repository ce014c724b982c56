"""Decide requests. The gateway, `explain`, `diff` and the tests are checked against this reference.

`decide` never raises: it answers every request with a reason and, if a rule decides, the rule.

Source: docs/explanation/design.md#meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal
from urllib.parse import parse_qsl

from kong_oam.access.ambiguous_headers import Header, ambiguity
from kong_oam.access.before import (
    OldCaller,
    OldCredential,
    caller_of,
    has_ended,
    proof_words,
)
from kong_oam.access.data import PathSegments, Scopes
from kong_oam.access.discovery import DISCOVERY, described
from kong_oam.access.methods import is_call, is_known, tool_of
from kong_oam.access.model import (
    Component,
    Estate,
    Rule,
    Rules,
    applying,
    listing,
)
from kong_oam.access.networks import admits, only_from
from kong_oam.access.paths import AmbiguousPathError, read_text, written
from kong_oam.access.tokens import (
    Claims,
    KeyRing,
    Refusal,
    Token,
    authenticate,
    bearer,
    is_one_token,
)

Status = Literal[200, 204, 400, 401, 403, 404]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrives: `host` from the Host header, `target` the raw bytes of the request
    line.

    `method` is the HTTP method. For a message that calls an MCP tool it is `call NAME`
    (kong_oam.access.methods): the gate reads the tool's name in the body.
    `address` is the caller's address as the gateway sees it. None stands for an address that the
    rules allow. `headers` are names and values, as sent, of headers other than Host and
    Authorization.
    """

    method: str
    host: str
    target: bytes
    address: str | None = None
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a request: its status, a stable code and a reason.

    The gate's Lua returns the same codes. Commands print the reason. Status 200 means that the
    request goes upstream, except for documents about MCP endpoints (kong_oam.access.discovery).
    Only preflights have 204 (kong_oam.access.pages). Codes: docs/reference/decisions.md. `rule` is
    the deciding rule, if there is such a rule.
    """

    status: Status
    code: str
    reason: str
    component: Component | None = None
    rule: Rule | None = None

    @property
    def allowed(self) -> bool:
        return self.status == 200 and self.code != DISCOVERY

    @property
    def position(self) -> str | None:
        """`file:line:column` of the rule, or of the component if no rule owns the path."""
        if self.rule:
            return str(self.rule.position)
        return str(self.component.position) if self.component else None


# The caller's proof: a token, an old credential, or the reason why neither counts.
Proof = Token | OldCredential


def decide(estate: Estate, request: Request, claims: Proof | None) -> Decision:
    """Decide on `request`. `claims` are None without a token, and a Refusal for an invalid token.
    An old credential is the third kind of caller.

    The address is checked last. So a caller at a denied address learns no more about tokens and
    rules than other callers.
    """
    decision = _decide_by_token(estate, request, claims)
    if not decision.allowed or not decision.component or not decision.rule:
        return decision
    method = decision.component.method_at(decision.rule.path, request.method)
    networks = decision.component.networks(decision.rule.path, method)
    if request.address is None:
        return replace(
            decision, reason=decision.reason + only_from(networks, ";")
        )
    if admits(networks, request.address):
        return decision
    why = f"it may be called{only_from(networks)}, not from {request.address}"
    return replace(decision, status=403, code="address-not-allowed", reason=why)


def _decide_by_token(
    estate: Estate, request: Request, claims: Proof | None
) -> Decision:
    """Decide without checking the caller's address."""
    try:
        path = read_text(request.target)
    except AmbiguousPathError as error:
        return Decision(400, "ambiguous-path", f"the path {error}")
    if described_here := described(estate, request.method, request.host, path):
        why = "the gateway describes the MCP endpoint to everybody"
        return Decision(200, DISCOVERY, why, described_here)
    if misread := ambiguity(request.headers):
        return Decision(400, "ambiguous-header", misread)
    component = component_of(estate, request.host, path)
    if component is None:
        return Decision(
            404, "not-exposed", "no component is exposed on this host and path"
        )
    if not is_known(request.method):
        why = f"the gateway does not listen to {request.method}"
        return Decision(404, "method-unknown", why, component)
    return _decide_at(estate, component, path, request.method, claims)


def _decide_at(
    estate: Estate,
    component: Component,
    path: PathSegments,
    method: str,
    claims: Proof | None,
) -> Decision:
    rules = component.owning(path)
    method = component.method_at(path, method)
    listed = listing(rules, method)
    matching = applying(listed, path)
    # Some servers read the path as another rule's. Then no rule applies, not even a public rule.
    ambiguous = component.may_match_another_rule(path)
    for rule in matching:
        if rule.public and not ambiguous:
            why = f"public: {rule.public.reason}"
            return Decision(200, "public", why, component, rule)
    first = next(iter(matching or listed or rules), None)
    caller = _caller(component, first, claims)
    if isinstance(caller, Decision):
        return caller
    if ambiguous:
        read_otherwise = "some servers read this spelling of the path as the path of another rule"
        return Decision(400, "ambiguous-path", read_otherwise, component)
    if isinstance(caller, Claims) and not _has_audience(
        estate, component, caller
    ):
        why = "the token is for another API"
        return Decision(403, "other-api", why, component, first)
    if matching:
        return _decide_by_scopes(estate, component, matching, caller)
    if listed:
        why = f"the rules on {written(listed[0].path)} refuse {written(path)}"
        return Decision(403, "path-refused", why, component, first)
    if rules and is_call(method):
        why = f"no rule on {written(rules[0].path)} names tool '{tool_of(method)}'"
        return Decision(403, "tool-not-listed", why, component, first)
    if rules:
        why = f"no rule on {written(rules[0].path)} lists {method}"
        return Decision(403, "method-not-listed", why, component, first)
    return Decision(403, "no-rule", "no rule owns this path", component)


def _caller(
    component: Component, rule: Rule | None, claims: Proof | None
) -> Claims | OldCaller | Decision:
    """Return the caller that the claims prove to the component, or the decision without a
    caller."""
    if claims is None:
        return Decision(
            401, "token-needed", "a token is needed", component, rule
        )
    proof = (
        _old_caller(component, claims)
        if isinstance(claims, OldCredential)
        else claims
    )
    if isinstance(proof, Refusal):
        return Decision(401, proof.code, proof.reason, component, rule)
    own = component.identity.provider
    if isinstance(proof, Claims) and proof.provider != own:
        needed = f"a token of provider '{own}' is needed"
        return Decision(401, "token-not-verified", needed, component)
    return proof


def _old_caller(
    component: Component, credential: OldCredential
) -> OldCaller | Refusal:
    """Return the client with this old credential at the component, or the reason why it does not
    count."""
    caller = caller_of(component.identity.old_callers, credential)
    if caller is None:
        why = f"consumer '{credential.consumer}' may not call {component.key} by {credential.by}"
        return Refusal(why, "credential-not-accepted")
    if has_ended(caller, credential):
        why = f"the old credential counted until {caller.until}"
        return Refusal(why, "credential-ended")
    return caller


def _has_audience(estate: Estate, component: Component, claims: Claims) -> bool:
    """Return whether a token is for the component, if tokens of the provider are for one API."""
    provider = estate.provider_of(component)
    if not provider.per_api:
        return True
    audiences = {*map(provider.audience_of, estate.apis_at(component))}
    return claims.audience in audiences


def _decide_by_scopes(
    estate: Estate,
    component: Component,
    matching: Rules,
    claims: Claims | OldCaller,
) -> Decision:
    if isinstance(claims, OldCaller):
        effective = frozenset(claims.scopes)
        proof = proof_words(claims.consumer, claims.by, claims.until)
    else:
        effective = effective_scopes(estate, component, claims)
        proof = ""
    for rule in matching:
        if set(rule.scopes) <= effective:
            why = f"has {', '.join(rule.scopes) or 'a valid token'}"
            if proof:
                why += f", {proof}"
            return Decision(200, "allowed", why, component, rule)
    needed = " or ".join(" and ".join(rule.scopes) for rule in matching)
    why = f"needs {needed}"
    if isinstance(claims, OldCaller):
        return Decision(403, "scope-missing", why, component, matching[0])
    asked = {*chain.from_iterable(rule.scopes for rule in matching)}
    withheld = asked & set(claims.scopes) - effective
    if withheld:
        reason = _why_withheld(estate, component, claims, withheld)
        why += f"; the token lists it, but {reason}"
    return Decision(403, "scope-missing", why, component, matching[0])


def _why_withheld(
    estate: Estate, component: Component, claims: Claims, withheld: Set[str]
) -> str:
    """Return why scopes that the token lists do not count."""
    if not claims.client:
        return "its client is not in this estate"
    if withheld - _granted_scopes(estate, component, claims):
        return f"{claims.client} was not granted it here"
    return "no group of the user has it"


def answer(
    estate: Estate,
    request: Request,
    authorization: Iterable[str],
    rings: Mapping[str, KeyRing],
    now: float,
    credential: OldCredential | None = None,
) -> Decision:
    """Decide a whole request. Read its Authorization headers, and validate the token at the
    component's provider.

    A malformed bearer header is denied even on a public path
    (docs/explanation/design.md#admission). A component with `forwardToken` may know other tokens
    than its provider's: there, such a token counts as no token. `credential`: the old credential
    that the gateway found. A request with a token and an old credential has neither.
    """
    headers = tuple(authorization)
    without_token = decide(estate, request, None)
    is_decided = without_token.status in (400, 404)
    if is_decided or without_token.code == DISCOVERY:
        return without_token
    if without_token.component is None:
        return without_token
    component = without_token.component
    token = bearer(headers)
    is_passed_on = component.identity.forward_token and is_one_token(headers)
    if isinstance(token, Refusal) and not is_passed_on:
        return Decision(401, token.code, token.reason, component)
    if component.identity.old_callers:
        if token and (credential or _shows_key(component, request)):
            return decide(estate, request, SEVERAL)
        if credential:
            return decide(estate, request, replace(credential, at=now))
    if isinstance(token, Refusal):
        return decide(estate, request, token)
    ring = rings.get(component.identity.provider)
    if token is None or ring is None:
        return without_token
    apis = estate.apis_at(component)
    return decide(estate, request, authenticate(token, ring, now, apis))


# The answer to a request with a token and an old credential.
SEVERAL = Refusal(
    "a request has one credential: a token, or an old credential",
    "several-credentials",
)


def _shows_key(component: Component, request: Request) -> bool:
    """Return whether the request has a value where the component accepts keys, valid or not."""
    accepted = component.identity.accept_before
    if accepted is None or accepted.by != "key-auth":
        return False
    names: set[str] = set()
    if "header" in accepted.places:
        names.update(name.lower() for name, _ in request.headers)
    if "query" in accepted.places:
        query = request.target.partition(b"?")[2].decode("latin-1")
        names.update(name for name, _ in parse_qsl(query, True))
    return not names.isdisjoint(accepted.names)


def effective_scopes(
    estate: Estate, component: Component, claims: Claims
) -> Scopes:
    """Return the token's scopes that count at `component`.

    The client must have been granted them there. For a user, a role of the user's groups must hold
    them, too. A token lists the scopes at the time of its issue. Since then a scope may belong to
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
    by_client = estate.granted_at(component, users=claims.user)
    return frozenset(by_client.get(claims.client, ()))


def component_of(
    estate: Estate, host: str, path: PathSegments
) -> Component | None:
    """Return the component that host and path lead to."""
    pair = estate.reached(host, path)
    return pair[1] if pair else None
