"""Which access token a provider gives: `issue`.

Source: docs/explanation/design.md#effective-scopes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kong_oam.access.model import SIGN_IN_SCOPES, Client, Component
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims, Refusal


@dataclass(frozen=True, slots=True)
class User:
    """A person at the provider: login, and the provider's own names of the groups that they are
    in."""

    login: str
    groups: tuple[str, ...] = ()


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
    if client.provider != provider.name:
        return Refusal(
            f"{client.component} has no client at provider '{provider.name}'"
        )
    if client.user_facing and user is None:
        return Refusal(f"{client.component} acts for users only: somebody must sign in")
    if not client.user_facing and user is not None:
        return Refusal(
            f"{client.component} acts for itself only: users cannot sign in through it"
        )
    if provider.per_api and api is None:
        return Refusal(f"a token of '{provider.name}' is for one API: say which")
    calls = [
        call
        for call in client.calls
        if not provider.per_api or (api and call.component == api.key)
    ]
    api_scopes = sorted({scope for call in calls for scope in call.scopes})
    # Where tokens are for one API, signing in is asked for in a request of its own, and the token
    # does not list it.
    granted = (*api_scopes, *(SIGN_IN_SCOPES if user and not provider.per_api else ()))
    requested = tuple(granted if scopes is None else scopes)
    if excess := sorted(set(requested) - set(granted)):
        return Refusal(f"{client.component} was not granted {', '.join(excess)}")
    if not requested:
        return Refusal(f"{client.component} was granted nothing")
    audience = provider.audience_of(api.key) if provider.per_api and api else None
    if user is None:
        return Claims(
            provider.name,
            client.component,
            client.component,
            False,
            requested,
            audience=audience,
        )
    if not set(user.groups) & {provider.group(group) for group in client.groups}:
        return Refusal(
            f"the user is in no group that {client.component} is assigned to"
        )
    listed = (
        _groups_listed(provider, api, user) if provider.per_api and api else user.groups
    )
    return Claims(
        provider.name, client.component, user.login, True, requested, listed, audience
    )


def _groups_listed(provider: Provider, api: Component, user: User) -> tuple[str, ...]:
    named = (group for role in api.roles for group in role.groups)
    return tuple(
        dict.fromkeys(
            provider.listed(group)
            for group in named
            if provider.group(group) in user.groups
        )
    )
