"""Compares what is about to be made with what Okta takes at most: before the first change.

Only what Okta says in public is checked. It gives no number of scopes, claims, policies or rules of an authorization
server, of authorization servers, apps or trusted origins of an org, or of groups of an app. Redirects are bounded all
together, it does not say by how much (support.okta.com, "Redirect URI Limits in an Okta OpenID Connect Application").

Sources: each number has its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import Client, Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held
from kong_oam.identity.okta.names import APP, ORIGIN, POLICY, LogicalNames, client_id, granted, origin_name, scopes_of

GROUPS = 100
"""Groups that a claim lists; a request that matches more fails (guide "Create an authorization server", Groups claim).

It is a user's own groups that count, so that a stack that names more still works for whoever is in few of them.
"""

SCOPE_CHARACTERS = 4096
"""Of the parameter `scope`, where a refresh token is asked for (guide "Refresh access tokens", Get a refresh token)."""

CLIENT_ID = 100
"""Characters (API description, ApplicationCredentialsOAuthClient.client_id: maxLength)."""

POLICY_NAME = 100
"""Characters (API description, AuthorizationServerPolicy.name: maxLength)."""

ORIGIN_NAME = 255
"""Characters (API description, TrustedOriginName, whose `maximum`, being a text's, is read as its length)."""

_NEAR = 80  # percent


def limits(settings: ProviderSettings, estate: Estate, held: Held) -> Iterator[Diagnostic]:
    """Reports what Okta would refuse, or come to refuse, and what to do. It asks nobody.

    Counts that grow are reported from 80 % on. Names do not grow, and those in the state Okta has taken already.
    """
    yield from _groups(settings, estate)
    for client in estate.own_clients:
        if client.provider == settings.name:
            yield from _scopes(settings, client)
            yield from _long_names(settings, estate, client, held)


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


def _long_names(settings: ProviderSettings, estate: Estate, client: Client, held: Held) -> Iterator[Diagnostic]:
    for kind, logical, noun, name, most in _names_at_okta(settings, estate, client):
        if len(name) > most and (kind, logical) not in held:
            yield Diagnostic(
                "ENV411",
                f"{noun} '{name}' at {settings.name} has {len(name)} characters, and Okta takes {most}. "
                "Shorten the names that it is made of",
                client.place,
            )


def _names_at_okta(
    settings: ProviderSettings, estate: Estate, client: Client
) -> Iterator[tuple[str, str, str, str, int]]:
    """Yields type, logical name, what it is, its name, and how long that may be."""
    logical, stack, component = LogicalNames(settings.name), estate.stack.name, client.component
    yield APP, logical.app(component), "client id", client_id(stack, component), CLIENT_ID
    if granted([client]):
        yield POLICY, logical.policy(component), "policy", component, POLICY_NAME
    for origin in client.origins:
        name = origin_name(stack, origin, shared=origin in settings.shared_origins)
        yield ORIGIN, logical.origin(origin), "trusted origin", name, ORIGIN_NAME


def _near(count: int, most: int) -> bool:
    return count * 100 >= most * _NEAR
