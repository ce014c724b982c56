"""Clients of identity providers: their allowed calls and their credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, NotRequired, TypedDict
from urllib.parse import urlsplit

from kong_oam.access.data import Names, TextList, YamlObject
from kong_oam.oam.position import SourcePosition

# A service; an application with users, on a server, in a browser or on a device; a partner's
# service.
ClientKind = Literal["service", "web", "browser", "native", "external"]
_AT = " at "


class CallYaml(TypedDict):
    """One of the `calls` of a client trait."""

    component: str
    scopes: TextList


class ClientYaml(TypedDict):
    """The properties of a client trait."""

    kind: ClientKind
    calls: NotRequired[list[CallYaml]]
    redirectPaths: NotRequired[TextList]
    redirectUris: NotRequired[TextList]
    rotateEvery: NotRequired[str]
    refresh: NotRequired[bool]
    # `kong_oam.access.compile.before` reads it.
    before: NotRequired[YamlObject]


@dataclass(frozen=True, slots=True)
class Call:
    """A granted call: the called component, the requested scopes, and the roles that grant them."""

    component: str
    scopes: Names
    roles: Names
    position: SourcePosition = field(compare=False)


def at_provider(component: str, provider: str) -> str:
    """Return the name of a component at a provider, as a client or as an API: `shop/checkout at
    okta`."""
    return f"{component}{_AT}{provider}"


def component_and_provider(name: str) -> tuple[str, str]:
    """Return the component and the provider of such a name."""
    component, _, provider = name.partition(_AT)
    return component, provider


@dataclass(frozen=True, slots=True)
class Client:
    """A component as a client of one identity provider: its granted calls and the groups of its
    users.

    `groups` are the logical groups whose members may sign in through the client (user-facing kinds
    only).
    """

    component: str
    kind: ClientKind
    provider: str
    calls: tuple[Call, ...]
    groups: Names
    redirect_uris: Names
    refresh: bool
    position: SourcePosition = field(compare=False)
    # Days until its key is replaced; None: the stack's default.
    rotate_every: int | None = field(default=None, compare=False)
    # Where a partner publishes its keys.
    jwks_uri: str | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The client's name, `shop/checkout at okta`, since a component may be a client of several
        providers."""
        return at_provider(self.component, self.provider)

    @property
    def scopes(self) -> Names:
        """All granted scopes, sorted."""
        scopes = {*chain.from_iterable(call.scopes for call in self.calls)}
        return tuple(sorted(scopes))

    @property
    def user_facing(self) -> bool:
        return signs_in(self.kind)

    @property
    def keyed(self) -> bool:
        """Whether the program creates a credential for the client."""
        return has_key(self.kind)

    @property
    def public(self) -> bool:
        """Whether the client is public: it has no secret, because its users could read a secret
        there (RFC 6749, 2.1)."""
        return self.kind in ("browser", "native")

    @property
    def origins(self) -> Names:
        """The origins of its pages, which call the provider's token endpoint themselves:
        `https://shop.example.com`, sorted.

        They are the origins of the redirect URIs, because the page there exchanges the code (RFC
        6454).
        """
        if self.kind != "browser":
            return ()
        pages = map(urlsplit, self.redirect_uris)
        return tuple(
            sorted({f"{page.scheme}://{page.netloc}" for page in pages})
        )


def signs_in(kind: ClientKind) -> bool:
    """Return whether users sign in through clients of this kind. Others call as themselves."""
    return kind in ("web", "browser", "native")


def has_key(kind: ClientKind) -> bool:
    """Return whether the program creates a key or secret for clients of this kind."""
    return kind in ("service", "web")
