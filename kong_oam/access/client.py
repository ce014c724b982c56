"""Clients of identity providers: what each may call, and how it proves who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Literal
from urllib.parse import urlsplit

from kong_oam.access.data import Names
from kong_oam.oam.position import SourcePosition

# A service; an application whose users sign in, on a server, in a browser or on their devices; a
# partner's service.
ClientKind = Literal["service", "web", "browser", "native", "external"]
_AT = " at "


@dataclass(frozen=True, slots=True)
class Call:
    """A granted call: the called component, the scopes asked for, and the roles that grant them."""

    component: str
    scopes: Names
    roles: Names
    position: SourcePosition = field(compare=False)


def at_provider(component: str, provider: str) -> str:
    """The name of a component at a provider, as its client and as what is offered there:
    `shop/checkout at okta`."""
    return f"{component}{_AT}{provider}"


def component_and_provider(name: str) -> tuple[str, str]:
    """Whose name that is."""
    component, _, provider = name.partition(_AT)
    return component, provider


@dataclass(frozen=True, slots=True)
class Client:
    """A component as a client of one identity provider: what it may be issued, and on behalf of
    whom.

    `groups` are the logical groups whose members may sign in through it (user-facing kinds only).
    """

    component: str
    kind: ClientKind
    provider: str
    calls: tuple[Call, ...]
    groups: Names
    redirect_uris: Names
    refresh: bool
    position: SourcePosition = field(compare=False)
    # Days after which it gets a new key; by default the stack's.
    rotate_every: int | None = field(default=None, compare=False)
    # Where a partner publishes the keys that it proves itself with.
    jwks_uri: str | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The client's name, `shop/checkout at okta`: a component may be a client of several
        providers."""
        return at_provider(self.component, self.provider)

    @property
    def scopes(self) -> Names:
        """Every scope granted, sorted."""
        scopes = {*chain.from_iterable(call.scopes for call in self.calls)}
        return tuple(sorted(scopes))

    @property
    def user_facing(self) -> bool:
        return signs_in(self.kind)

    @property
    def keyed(self) -> bool:
        """Whether it proves who it is with a credential that is made for it."""
        return has_key(self.kind)

    @property
    def public(self) -> bool:
        """Whether it is a public client, which has no secret: it runs where its users could read one (RFC 6749,
        2.1)."""
        return self.kind in ("browser", "native")

    @property
    def origins(self) -> Names:
        """The origins of its pages, which call the provider's token endpoint themselves:
        `https://shop.example.com`, sorted.

        Users come back to the page that exchanges the code, so it is where the redirects lead (RFC
        6454).
        """
        if self.kind != "browser":
            return ()
        pages = map(urlsplit, self.redirect_uris)
        return tuple(
            sorted({f"{page.scheme}://{page.netloc}" for page in pages})
        )


def signs_in(kind: ClientKind) -> bool:
    """Whether users sign in through a client of this kind; any other calls as itself."""
    return kind in ("web", "browser", "native")


def has_key(kind: ClientKind) -> bool:
    """Whether a key, or a secret, is made for a client of this kind."""
    return kind in ("service", "web")
