"""The browser (sandbox.browser) at an authorization server of the Okta stand-in, by its issuer
URL."""

from collections.abc import Iterable

from sandbox import browser
from sandbox.browser import (
    CrossOriginError,
    Endpoints,
    IssuerError,
    Proof,
    TokenAnswer,
)

__all__ = [
    "CrossOriginError",
    "IssuerError",
    "client_credentials",
    "login",
    "refresh",
]


def login(
    okta_issuer: str,
    client_id: str,
    proof: Proof,
    redirect_uri: str,
    scopes: Iterable[str],
    user: str,
    origin: str | None = None,
) -> TokenAnswer:
    """As sandbox.browser.login."""
    endpoints = Endpoints(
        f"{okta_issuer}/v1/authorize", f"{okta_issuer}/v1/token"
    )
    return browser.login(
        endpoints, client_id, proof, redirect_uri, scopes, user, origin
    )


def client_credentials(
    issuer: str, client_id: str, proof: Proof, scopes: Iterable[str]
) -> TokenAnswer:
    """As sandbox.browser.client_credentials."""
    return browser.client_credentials(
        f"{issuer}/v1/token", client_id, proof, scopes
    )


def refresh(
    issuer: str, client_id: str, proof: Proof, refresh_token: str
) -> TokenAnswer:
    """As sandbox.browser.refresh."""
    return browser.refresh(
        f"{issuer}/v1/token", client_id, proof, refresh_token
    )
