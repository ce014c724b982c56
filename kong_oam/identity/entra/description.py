"""Describes Entra ID as a value: the claims of its tokens.

Sources: the identity platform's access tokens and optional claims.
"""

from __future__ import annotations

from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.settings.values import ProviderSettings, StackError
from kong_oam.http.addresses import without_secrets
from kong_oam.identity.common.settings import check
from kong_oam.identity.entra.api import is_known
from kong_oam.identity.entra.names import SCOPE_PREFIX, tenant_of

SPELLING = ClaimMapping(
    client="azp",
    user="scp",  # an ID token has neither this claim nor the claim of services
    scopes=Listing("scp", "words"),
    service_scopes=Listing("roles", prefix=SCOPE_PREFIX),
    groups="roles",
    marks=(TokenType("ver", "2.0"),),
    subject="oid",
    own="idtyp",
    own_value="app",
    overage=("_claim_names", "hasgroups"),
)

# Minutes. Entra's access tokens last between 60 and 90; a stack cannot change that.
_LONGEST_LIFE = 90


def describe(settings: ProviderSettings) -> Provider:
    """Describe the provider, whose tenant exists. Raises
    kong_oam.access.settings.values.StackError."""
    check(
        settings,
        needs=("issuer",),
        takes=(
            "client_secrets",
            "cluster_issuer",
            "moved_from",
            "settle_seconds",
            "certificates",
        ),
    )
    tenant = tenant_of(settings.issuer or "")
    problem = None
    if tenant is None or not is_known(tenant):
        problem = (
            f"issuer {without_secrets(settings.issuer or '')} is not "
            "https://login.microsoftonline.com/<tenant id>/v2.0"
        )
    elif settings.access_token_minutes < _LONGEST_LIFE:
        problem = (
            f"access tokens live up to {_LONGEST_LIFE} minutes: set accessTokenMinutes: "
            f"{_LONGEST_LIFE}"
        )
    elif settings.client_secrets and settings.cluster_issuer:
        problem = (
            "set either clientSecrets or clusterIssuer: clients have secrets or their "
            "cluster's tokens"
        )
    if problem:
        raise StackError(
            f"identity provider '{settings.name}' (type {settings.type}): {problem}"
        )
    return Provider(
        settings.name,
        settings.audience,
        SPELLING,
        issuer=settings.issuer,
        groups=settings.groups,
        per_api=True,
    )
