"""Read from a stack's file how an existing issuer names the claims of its tokens."""

from __future__ import annotations

from kong_oam.access.data import YamlObject
from kong_oam.access.providers import ClaimMapping, Listing, TokenType


def spelling(tokens: YamlObject) -> ClaimMapping:
    """Return the names of claims. Defaults are from RFC 9068 (2.2, and 2.2.3.1 for groups)."""
    scopes = _listing(tokens.get("scopes", {"claim": "scope", "form": "words"}))
    service = tokens.get("service", {"claim": "sub"})
    mark = tokens["accessToken"]
    return ClaimMapping(
        client=tokens.get("client", "client_id"),
        user=tokens["user"],
        scopes=scopes,
        service_scopes=_listing(tokens["serviceScopes"])
        if "serviceScopes" in tokens
        else scopes,
        groups=tokens.get("groups", "groups"),
        marks=(
            TokenType(
                mark["claim"],
                mark.get("value", mark.get("prefix", "")),
                prefix="prefix" in mark,
            ),
        ),
        subject=tokens.get("subject", "sub"),
        own=service["claim"],
        own_value=service.get("value"),
        overage=tuple(tokens.get("overage", ())),
    )


def _listing(listing: YamlObject) -> Listing:
    return Listing(listing["claim"], listing.get("form", "list"))
