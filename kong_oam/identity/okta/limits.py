"""Compares what is about to be made with what Okta takes at most: before the first change.

Only what Okta says in public is checked. It gives no number of scopes, claims, policies or rules of an authorization
server, of authorization servers, apps or trusted origins of an org, or of groups of an app. Redirects are bounded all
together, it does not say by how much (support.okta.com, "Redirect URI Limits in an Okta OpenID Connect Application").

A name that is too long Okta refuses itself.

Sources: each number has its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import Client, Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.identity.okta.names import scopes_of

GROUPS = 100
"""Groups that a claim lists; a request that matches more fails (guide "Create an authorization server", Groups claim).

It is a user's own groups that count, so that a stack that names more still works for whoever is in few of them.
"""

SCOPE_CHARACTERS = 4096
"""Of the parameter `scope`, where a refresh token is asked for (guide "Refresh access tokens", Get a refresh token)."""

_NEAR = 80  # percent


def limits(settings: ProviderSettings, estate: Estate) -> Iterator[Diagnostic]:
    """Reports what Okta would refuse, or come to refuse, and what to do. It asks nobody.

    Both are reported from 80 % on.
    """
    yield from _groups(settings, estate)
    for client in estate.own_clients:
        if client.provider == settings.name:
            yield from _scopes(settings, client)


def _groups(settings: ProviderSettings, estate: Estate) -> Iterator[Diagnostic]:
    guarded = (component for component in estate.offering if component.provider == settings.name)
    count = len({group for component in guarded for role in component.roles for group in role.groups})
    if not _near(count, GROUPS):
        return
    problem = (
        f"roles of {settings.name} name {count} groups, and Okta gives no token to a user who is in more than {GROUPS}"
    )
    message = f"{problem} of them. Bind roles to fewer groups, or move Applications to a stack of their own"
    yield Diagnostic("ENV411", message, severity="warning")


def _scopes(settings: ProviderSettings, client: Client) -> Iterator[Diagnostic]:
    length = len(" ".join(scopes_of(client)))
    if client.user_facing and client.refresh and _near(length, SCOPE_CHARACTERS):
        yield Diagnostic(
            "ENV411",
            f"all scopes of '{client.component}' at {settings.name} are {length} characters, and Okta takes "
            f"{SCOPE_CHARACTERS} where a refresh token is asked for. Have it call less, or be two clients",
            client.place,
            severity="error" if length > SCOPE_CHARACTERS else "warning",
        )


def _near(count: int, most: int) -> bool:
    return count * 100 >= most * _NEAR
