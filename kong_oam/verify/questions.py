"""Questions to a gateway and its answers, as values: calls, callers and verdicts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from kong_oam.access.data import Names, Network, PathSegments
from kong_oam.access.tokens import Claims
from kong_oam.kong.entities import Entity

Labels = Names
"""Labels of entities (kong_oam.kong.entities.labels)."""

OTHER_METHOD = "PROPFIND"
"""Stands for every method that no rule can list and no route names."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that stands for its class. `below`: for all paths under this one that nobody names,
    and `path` is one.

    `address`: where it comes from; None where that is all the same.
    """

    scheme: Literal["http", "https"]
    method: str
    host: str
    path: PathSegments
    below: PathSegments | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """A token that is not for this API. Its keys are a provider's own (an ID token, another
    audience's token), or what the gateway knows as `credential`; whoever holds that writes into the
    token what they like."""

    provider: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """A class of callers whom nobody on a host tells apart. `token` None: they have none.

    The client of a token is one of them, for all; empty for every client that is none of the
    estate's.
    """

    names: Names
    token: Claims | Forged | None = None


NOBODY = Caller(("anybody, without a token",))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a gateway to a call. `component`: whose workload it would reach (None: none of
    the estate's).

    `leads`: where to, in words that differ where it differs. `verified`: nothing but the gateway's
    own word of who calls arrives. `judged`: no part of it is counted as open for want of knowing
    better. `through`: the entities that had a say; `limits`: those of which nobody knows whether
    they refuse the call all the same.
    """

    allowed: bool
    component: str | None
    leads: str = ""
    verified: bool = True
    judged: bool = True
    through: Labels = ()
    limits: Labels = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """The result of authenticating a call. `consumer` is whom the plugin takes the caller for.

    `algorithm` is how the token that it verified is signed, None where there is none. `unknown`: it
    is configured in a way that is not judged. `through`: the credentials that had a say, by key id.
    """

    passes: bool
    consumer: Entity | None = None
    algorithm: str | None = None
    unknown: bool = False
    through: Labels = ()


@dataclass(frozen=True, slots=True)
class Speech:
    """The scopes and groups of a gateway's rules on a host. `widest`: the most scopes that one of
    them asks for.

    `granted`: by client (`application/component`), what else its tokens are judged by; equal where
    that is the same.
    """

    scopes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    widest: int = 1
    granted: Mapping[str, Hashable] = field(default_factory=dict)


class UrlRegion(NamedTuple):
    """The part of an API that a call stands for: a method, and all that the path of a URL owns.

    `within`: the URL that owns this one, where this one is of no interest beside it. `source`: the
    addresses that it is called from, in words; one of so many `sources`.
    """

    method: str
    url: str
    within: str | None
    source: str = ""
    sources: int = 1


class Gateway(Protocol):
    """A gateway that can be asked: what it tells apart, by host, and what it decides."""

    def hosts(self) -> Iterable[str]: ...

    def methods(self) -> frozenset[str]: ...

    def paths(self, host: str) -> Iterator[PathSegments]: ...

    def networks(self, host: str) -> Iterator[Network]: ...

    def speech(self, host: str) -> Speech: ...

    def strangers(self) -> Iterator[Caller]: ...

    def verdicts(self, call: Call, caller: Caller) -> tuple[Verdict, ...]: ...
