"""Describes Keycloak as a value: the claims of its tokens, and its realm.

Source: Keycloak's Server Administration Guide.
"""

from __future__ import annotations

from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.settings.values import ProviderSettings, StackError
from kong_oam.http.addresses import without_secrets
from kong_oam.identity.common.settings import check

SPELLING = ClaimMapping(
    client="azp",
    user="sid",  # of the session: users have a session, services have none
    scopes=Listing("scope", "words"),
    service_scopes=Listing("scope", "words"),
    groups="groups",
    marks=(
        TokenType("typ", "Bearer"),
    ),  # an ID token says ID, a refresh token Refresh
    # From the scope service_account, which only clients with a service account have.
    own="client_id",
)

_REALMS = "/realms/"


def describe(settings: ProviderSettings) -> Provider:
    """Describe the provider, whose realm exists. Raises
    kong_oam.access.settings.values.StackError."""
    check(settings, needs=("issuer",), takes=("client_secrets", "moved_from"))
    issuer = settings.issuer or ""
    base, _, realm = issuer.partition(_REALMS)
    if not base or not realm or "/" in realm:
        raise StackError(
            f"identity provider '{settings.name}': issuer "
            f"{without_secrets(issuer)} does not end in {_REALMS}<realm>"
        )
    return Provider(
        settings.name,
        settings.audience,
        SPELLING,
        issuer=issuer,
        groups=settings.groups,
    )
