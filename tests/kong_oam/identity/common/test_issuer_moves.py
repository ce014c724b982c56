"""What is said where a provider's issuer changes: only of whom it concerns."""

from __future__ import annotations

from kong_oam.access.model import Stack
from kong_oam.access.providers import Provider
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.identity.common.issuer_moves import issuer_moves
from tests.support.estates import SPELLING, api, estate

NOW, BEFORE = "https://now.example.com", "https://before.example.com"
SETTINGS = ProviderSettings("main", "oidc", "api://tests", issuer=NOW)
STACK = Stack(
    "tests",
    {name: Provider(name, "api://tests", SPELLING, issuer=NOW) for name in ("main", "other")},
    domain="apps.example.com",
)
OTHERS = """
            owner: team
            identityProvider: other
            scopes: {read: r}
            rules: [{scopes: [read]}]
            roles: {reader: {scopes: [read], components: [shop/job]}}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: theirs/api, scopes: [read]}]}}]
"""


def said(count: int) -> str:
    """Of `count` components at the provider, and of one, with its client, at another."""
    own = [api(f"a{number}", domain=f"a{number}.example.com") for number in range(count)]
    one = estate(*own, api("theirs", domain="theirs.example.com", access=OTHERS), SHOP, stack=STACK)
    (found,) = issuer_moves(SETTINGS, one, {"main": BEFORE, "other": BEFORE})
    return found.message


def test_components_and_clients_of_other_providers_are_not_concerned() -> None:
    """Named are those whose callers would be locked out; nobody, where there is none."""
    assert "No token of before would count any more at a0/api; nobody would need a client there" in said(1)
    assert "No token of before would count any more at nobody; nobody would need" in said(0)


def test_five_are_named_and_the_others_counted() -> None:
    """A message is read by people."""
    assert "at a0/api, a1/api, a2/api, a3/api, a4/api; nobody" in said(5)
    assert "at a0/api, a1/api, a2/api, a3/api, a4/api and 1 more; nobody" in said(6)


def test_an_issuer_that_is_made_with_the_stack_changes_only_with_what_makes_it() -> None:
    """It is not known beforehand, so it cannot be another."""
    made = Stack("tests", {"main": Provider("main", "api://tests", SPELLING)}, domain="apps.example.com")
    assert (
        list(issuer_moves(ProviderSettings("main", "okta", "api://tests"), estate(api(), stack=made), {"main": BEFORE}))
        == []
    )
