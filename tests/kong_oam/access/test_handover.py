"""Scopes and roles that change owner and meaning while tokens live.

A token gives no more than the estate before or after gives to its holder.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.access.decide import Request, component_of, decide
from kong_oam.access.issue import User, issue
from kong_oam.access.model import Client, Component, Estate, Stack
from kong_oam.access.paths import read
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.tokens import Claims, Refusal
from tests.support.estates import api, estate
from tests.support.small_estates import (
    REQUESTS,
    SETS_OF_GROUPS,
    pairs,
    tokens_of,
)
from tests.support.tiers import examples

SPELLING = ClaimMapping(
    "cid",
    "uid",
    Listing("scp"),
    Listing("scp"),
    "groups",
    (TokenType("ver", "2"),),
)
Roles = dict[str, tuple[set[str], set[str]]]
"""Roles by name: scopes, and groups that hold them."""

SCOPES, GROUPS = ("a.read", "a.write"), ("sales", "desk", "audit")
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: web.example.com, http: {/: 80}}
        - type: access
          properties: {owner: w, rules: [{public: {reason: pages}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/cb], calls: [{component: a/api, scopes: [a.read, a.write]}]}
"""
ROLES = st.fixed_dictionaries(
    {
        name: st.tuples(
            st.sets(st.sampled_from(SCOPES), min_size=1),
            st.sets(st.sampled_from(GROUPS)),
        )
        for name in ("viewer", "editor")
    }
)


def granting(roles: Roles, provider: Provider) -> Estate:
    """Return an estate whose web client may ask for both scopes; roles decide for its users."""
    listed = "".join(
        f"\n              {name}: {{scopes: [{', '.join(sorted(scopes))}], groups: [{', '.join(sorted(groups))}], "
        "components: [shop/web]}"
        for name, (scopes, groups) in roles.items()
    )
    access = f"""
            owner: team
            scopes: {{a.read: r, a.write: w}}
            rules: [{{methods: [GET], scopes: [a.read]}}, {{methods: [POST], scopes: [a.write]}}]
            roles:{listed}
              all: {{scopes: [a.read, a.write], components: [shop/web]}}
"""
    return estate(
        api("a", domain="a.example.com", http="{/: 80}", access=access),
        SHOP,
        stack=Stack("tests", {"main": provider}),
    )


@pytest.mark.parametrize("per_api", [False, True])
@settings(max_examples=examples(150), deadline=None)
@given(
    before=ROLES,
    after=ROLES,
    groups=st.sets(st.sampled_from(GROUPS)),
    method=st.sampled_from(["GET", "POST"]),
)
def test_no_token_of_before_is_worth_more_than_before_or_after(
    per_api: bool, before: Roles, after: Roles, groups: set[str], method: str
) -> None:
    """The same holds for a new token at an old gate. Groups, scopes and role names may all have
    moved."""
    provider = Provider(
        "main",
        "api://t",
        SPELLING,
        "https://issuer.example.com",
        {"sales": "ACME Sales"},
        per_api,
    )
    old, new = granting(before, provider), granting(after, provider)
    names = tuple(sorted(provider.group(group) for group in groups))

    def token(model: Estate) -> object:
        client = next(
            candidate
            for candidate in model.clients
            if candidate.component == "shop/web"
        )
        return issue(
            provider, client, User("u", names), api=model.components["a/api"]
        )

    def allowed(gate: Estate, model: Estate) -> bool:
        claims = token(model)
        return (
            isinstance(claims, Claims)
            and decide(
                gate, Request(method, "a.example.com", b"/"), claims
            ).allowed
        )

    ends = allowed(old, old) or allowed(new, new)
    assert ends or not (allowed(new, old) or allowed(old, new))


ONE_SCOPE = """
            owner: team
            scopes: {%s: r}
            rules: [{scopes: [%s]}]
            roles:
              reader: {scopes: [%s], components: [shop/%s]}
"""
JOBS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: batch
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: a/api, scopes: [%s]}]}}]
    - name: audit
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: b/api, scopes: [%s]}]}}]
"""


def offering(at_a: str, at_b: str) -> Estate:
    """Return an estate in which `batch` calls a/api with one scope, and `audit` calls b/api with
    another scope."""
    return estate(
        api(
            "a",
            domain="a.example.com",
            http="{/: 80}",
            access=ONE_SCOPE % (at_a, at_a, at_a, "batch"),
        ),
        api(
            "b",
            domain="b.example.com",
            http="{/: 80}",
            access=ONE_SCOPE % (at_b, at_b, at_b, "audit"),
        ),
        JOBS % (at_a, at_b),
    )


def test_a_scope_that_moves_to_another_component_opens_nothing_there() -> None:
    """The old token lists a scope that now belongs to another component, which its client was never
    granted."""
    before, after = (
        offering("data.read", "b.read"),
        offering("a.read", "data.read"),
    )
    batch = before.clients[0]
    provider = before.stack.default_provider
    call = Request("GET", "b.example.com", b"/")
    claims = issue(provider, batch)
    assert isinstance(claims, Claims) and claims.scopes == ("data.read",)
    assert decide(after, call, claims).reason == (
        "needs data.read; the token lists it, but shop/batch was not granted it here"
    )
    assert [decide(gate, call, claims).status for gate in (before, after)] == [
        403,
        403,
    ]
    assert decide(after, call, issue(provider, after.clients[1])).allowed


@settings(max_examples=examples(150), deadline=None)
@given(pair=pairs(), requests=st.lists(REQUESTS, min_size=1, max_size=8))
def test_a_token_of_before_is_worth_what_a_new_one_of_its_client_is(
    pair: tuple[Estate, Estate], requests: list[Request]
) -> None:
    """This holds for all scope decisions, for the same user in the same groups, whatever groups
    sign in through the client."""
    old, new = pair
    for request in requests:
        component = component_of(new, request.host, read(request.target))
        for client, user, token in _tokens(old) if component else ():
            decision = decide(new, request, token)
            if decision.allowed and decision.rule and decision.rule.scopes:
                assert decide(
                    new, request, _again(new, client, user, component)
                ).allowed, (
                    client,
                    token,
                )


def _tokens(old: Estate) -> Iterator[tuple[Client, User | None, Claims]]:
    """Yield every live token with its holder."""
    for client in old.clients:
        for user in (
            [User("u", tuple(sorted(names))) for names in SETS_OF_GROUPS]
            if client.user_facing
            else [None]
        ):
            for token in tokens_of(old, client, user, None):
                if isinstance(token, Claims):
                    yield client, user, token


def _again(
    new: Estate, client: Client, user: User | None, component: Component | None
) -> Claims | Refusal:
    """Return the client's new token. The user may still sign in through the client."""
    for now in new.clients:
        if (now.component, now.provider) == (client.component, client.provider):
            provider, groups = new.stack.providers[now.provider], now.groups
            if user:
                provider = replace(
                    provider,
                    groups={**provider.groups, "theirs": user.groups[0]},
                )
                groups = ("theirs",)
            return issue(
                provider,
                replace(now, kind=client.kind, groups=groups),
                user,
                api=component,
            )
    return Refusal("there is no such client")
