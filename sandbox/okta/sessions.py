"""The sign-ins behind authorization codes and refresh tokens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """A user's sign-in to an app of an authorization server, with its time (epoch seconds) and
    scopes."""

    server: str
    app: str
    login: str
    scopes: tuple[str, ...]
    auth_time: int
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: good once, until `expires` (epoch seconds), for one redirect URI and
    PKCE challenge."""

    session: Session
    redirect_uri: str
    challenge: str | None
    expires: float


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token: invalid after `expires` (infinite without an end in the rule), or after
    `idle` if unused."""

    session: Session
    expires: float
    idle: float
