"""Describes Okta as a value: the claims of its tokens. Source: Okta's guide to access tokens and
their claims."""

from __future__ import annotations

from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.identity.common.settings import check
from kong_oam.identity.okta.names import GROUPS_CLAIM

SPELLING = ClaimMapping(
    client="cid",
    user="uid",
    scopes=Listing("scp"),
    service_scopes=Listing("scp"),
    groups=GROUPS_CLAIM,
    # An access token's id starts with AT., an ID token's with ID.; only an access token has `cid`.
    marks=(TokenType("jti", "AT.", prefix=True),),
)


def describe(settings: ProviderSettings) -> Provider:
    """Describe the provider. The same graph makes its issuer with the authorization server.

    Raises kong_oam.access.settings.values.StackError.
    """
    check(settings, takes=("client_secrets", "shared_origins"))
    return Provider(
        settings.name, settings.audience, SPELLING, groups=settings.groups
    )
