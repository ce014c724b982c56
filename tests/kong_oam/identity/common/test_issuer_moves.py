"""Which issuers may change: where an issuer is made with the stack."""

from __future__ import annotations

from kong_oam.access.model import Stack
from kong_oam.access.providers import Provider
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.identity.common.issuer_moves import issuer_moves
from tests.support.estates import SPELLING, api, estate


def test_an_issuer_that_is_made_with_the_stack_changes_only_with_what_makes_it() -> (
    None
):
    """It is not known beforehand, so it cannot be another."""
    made = Stack(
        "tests",
        {"main": Provider("main", "api://tests", SPELLING)},
        domain="apps.example.com",
    )
    settings = ProviderSettings("main", "okta", "api://tests")
    assert (
        list(
            issuer_moves(
                settings,
                estate(api(), stack=made),
                {"main": "https://before.example.com"},
            )
        )
        == []
    )
