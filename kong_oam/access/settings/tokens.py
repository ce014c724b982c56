"""Read from a stack's file how an existing issuer names the claims of its tokens."""

from __future__ import annotations

from typing import TypedDict

from kong_oam.access.data import TextList, Texts, YamlObject
from kong_oam.access.providers import ClaimMapping, Listing, TokenType


class TokensYaml(TypedDict, total=False):
    """The setting `tokens` of an identity provider. Scopes have the fields of Listing."""

    client: str
    subject: str
    user: str
    service: Texts
    scopes: YamlObject
    serviceScopes: YamlObject
    groups: str
    accessToken: Texts
    overage: TextList


def spelling(tokens: TokensYaml) -> ClaimMapping:
    """Return the names of claims. Defaults are from RFC 9068 (2.2, and 2.2.3.1 for groups)."""
    scopes = Listing(
        **tokens.get("scopes", {"claim": "scope", "form": "words"})
    )
    service = tokens.get("service", {"claim": "sub"})
    mark = tokens["accessToken"]
    return ClaimMapping(
        client=tokens.get("client", "client_id"),
        user=tokens["user"],
        scopes=scopes,
        service_scopes=Listing(**tokens["serviceScopes"])
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
