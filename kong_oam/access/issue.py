"""Issue access tokens as a provider does.

Source: docs/concepts.md#tokens-and-scopes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from kong_oam.access.data import Names
from kong_oam.access.model import SIGN_IN_SCOPES, Client, Component
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims, Refusal, Token


@dataclass(frozen=True, slots=True)
class User:
    """A person at the provider: login, and the provider's names of the person's groups."""

    login: str
    groups: Names = ()


def issue(
    provider: Provider,
    client: Client,
    user: User | None = None,
    scopes: Iterable[str] | None = None,
    api: Component | None = None,
) -> Token:
    """Return the claims of the access token that `provider` gives `client`, for itself or for
    `user`.

    `scopes` are the requested scopes, by default all granted scopes. A request with any other scope
    is a refusal. `api` is the component that the token is for. Only providers whose tokens are for
    one API need it.
    """
    # A provider whose tokens are for all its APIs ignores the API.
    target = api if provider.per_api else None
    if why := _why_no_token(provider, client, user, target):
        return Refusal(why)
    granted = _granted(client, target)
    # If tokens are for one API, sign-in is a separate request, and the token does not list its
    # scope.
    if user and target is None:
        granted += SIGN_IN_SCOPES
    requested = granted if scopes is None else tuple(scopes)
    if excess := sorted(set(requested) - set(granted)):
        return Refusal(
            f"{client.component} was not granted {', '.join(excess)}"
        )
    if not requested:
        return Refusal(f"{client.component} was granted nothing")
    audience = provider.audience_of(target.key) if target else None
    if user is None:
        subject = client.component
        return Claims(
            provider.name, subject, subject, False, requested, audience=audience
        )
    if not set(user.groups) & {*map(provider.group, client.groups)}:
        return Refusal(
            f"the user is in no group that {client.component} is assigned to"
        )
    groups = _groups_listed(provider, target, user) if target else user.groups
    return Claims(
        provider.name,
        client.component,
        user.login,
        True,
        requested,
        groups,
        audience,
    )


def _why_no_token(
    provider: Provider,
    client: Client,
    user: User | None,
    target: Component | None,
) -> str | None:
    """Return why the client gets no token for any scopes; None if it may get a token."""
    if client.provider != provider.name:
        return f"{client.component} has no client at provider '{provider.name}'"
    if client.user_facing and user is None:
        return f"{client.component} calls only for users: a user must sign in"
    if not client.user_facing and user is not None:
        return f"{client.component} calls only as itself: users cannot sign in through it"
    if provider.per_api and target is None:
        return f"a token of '{provider.name}' is for one API: name the API"
    return None


def _granted(client: Client, target: Component | None) -> Names:
    """Return the scopes that the client was granted: at `target`, or at all APIs if it is None."""
    calls = [
        call
        for call in client.calls
        if target is None or call.component == target.key
    ]
    return tuple(sorted({*chain.from_iterable(call.scopes for call in calls)}))


def _groups_listed(provider: Provider, target: Component, user: User) -> Names:
    """Return the user's groups that roles of the API name, as its tokens list them."""
    listed: dict[str, None] = {}
    for role in target.identity.roles:
        for group in role.groups:
            if provider.group(group) in user.groups:
                listed[provider.listed(group)] = None
    return tuple(listed)
