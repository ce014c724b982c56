"""Roles change hands and meaning while tokens live: whoever holds one gets what the estate before or after gives them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.decide import Request, decide
from access.model import Estate, Listing, Mark, Provider, Spelling, Stack
from access.tokens import Claims, User, issue
from tests.estates import api, estate
from tests.tiers import examples

SPELLING = Spelling("cid", "uid", Listing("scp"), Listing("scp"), "groups", (Mark("ver", "2"),))
Roles = dict[str, tuple[set[str], set[str]]]
"""By name: scopes, and groups that hold it."""

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
        name: st.tuples(st.sets(st.sampled_from(SCOPES), min_size=1), st.sets(st.sampled_from(GROUPS)))
        for name in ("viewer", "editor")
    }
)


def granting(roles: Roles, provider: Provider) -> Estate:
    """The web client may ask for both scopes, whatever its users hold by the roles."""
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
        api("a", domain="a.example.com", http="{/: 80}", access=access), SHOP, stack=Stack("tests", {"main": provider})
    )


@pytest.mark.parametrize("per_api", [False, True])
@settings(max_examples=examples(150), deadline=None)
@given(before=ROLES, after=ROLES, groups=st.sets(st.sampled_from(GROUPS)), method=st.sampled_from(["GET", "POST"]))
def test_no_token_of_before_is_worth_more_than_before_or_after(
    per_api: bool, before: Roles, after: Roles, groups: set[str], method: str
) -> None:
    """Nor one of after at a gate that has not changed yet: groups, scopes and names of roles may all have moved."""
    provider = Provider("main", "api://t", SPELLING, "https://issuer.example.com", {"sales": "ACME Sales"}, per_api)
    old, new = granting(before, provider), granting(after, provider)
    names = tuple(sorted(provider.group(group) for group in groups))

    def token(given: Estate) -> object:
        client = next(one for one in given.clients if one.component == "shop/web")
        return issue(provider, client, User("u", names), api=given.components["a/api"])

    def allowed(gate: Estate, given: Estate) -> bool:
        claims = token(given)
        return isinstance(claims, Claims) and decide(gate, Request(method, "a.example.com", b"/"), claims).allowed

    ends = allowed(old, old) or allowed(new, new)
    assert ends or not (allowed(new, old) or allowed(old, new))
