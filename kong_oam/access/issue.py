"""Which access token a provider gives: `issue`.

Source: docs/explanation/design.md#effective-scopes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from kong_oam.access.data import Names
from kong_oam.access.model import SIGN_IN_SCOPES, Client, Component
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims, Refusal


@dataclass(frozen=True, slots=True)
class User:
    """A person at the provider: login, and the provider's own names of the groups that they are
    in."""

    login: str
    groups: Names = ()


def issue(
    provider: Provider,
    client: Client,
    user: User | None = None,
    scopes: Iterable[str] | None = None,
    api: Component | None = None,
) -> Claims | Refusal:
    """The claims of the access token that `provider` gives `client`, for itself or on behalf of
    `user`.

    `scopes` are those asked for: by default all that are granted. Asking for one that is not
    granted is refused whole. `api` is the component that the token is for; only providers whose
    tokens are for one API need it.
    """
    # A provider whose tokens are for all its APIs does not ask which one.
    target = api if provider.per_api else None
    if why := _why_no_token(provider, client, user, target):
        return Refusal(why)
    granted = _granted(client, target)
    # Where tokens are for one API, signing in is asked for in a request of its own, and the token
    # does not list it.
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
    """Why the client gets no token, whatever it asks for; None where it may get one."""
    if client.provider != provider.name:
        return f"{client.component} has no client at provider '{provider.name}'"
    if client.user_facing and user is None:
        return f"{client.component} acts for users only: somebody must sign in"
    if not client.user_facing and user is not None:
        return f"{client.component} acts for itself only: users cannot sign in through it"
    if provider.per_api and target is None:
        return f"a token of '{provider.name}' is for one API: say which"
    return None


def _granted(client: Client, target: Component | None) -> Names:
    """The scopes that the client was granted, at one API where tokens are for one."""
    calls = [
        call
        for call in client.calls
        if target is None or call.component == target.key
    ]
    return tuple(sorted({*chain.from_iterable(call.scopes for call in calls)}))


def _groups_listed(provider: Provider, target: Component, user: User) -> Names:
    """The groups of the user that roles of the API name, as its tokens list them."""
    listed: dict[str, None] = {}
    for role in target.identity.roles:
        for group in role.groups:
            if provider.group(group) in user.groups:
                listed[provider.listed(group)] = None
    return tuple(listed)
