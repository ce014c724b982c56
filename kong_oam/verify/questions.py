"""Questions to a gateway and its answers, as values: calls, callers and verdicts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from kong_oam.access.before import By, OldCredential
from kong_oam.access.data import Names, Network, PathSegments
from kong_oam.access.tokens import Claims
from kong_oam.kong.entities import Entity

# Labels of entities (kong_oam.kong.entities.labels).
Labels = Names

# A method that represents all methods outside rules and routes.
OTHER_METHOD = "PROPFIND"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that represents its class.

    `below`: the call represents all unnamed paths below this path, and `path` is an example.
    `address`: the caller's address; None: it does not matter.
    """

    scheme: Literal["http", "https"]
    method: str
    host: str
    path: PathSegments
    below: PathSegments | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """A token that is not for this API.

    `provider`: its keys sign an ID token or a token for another audience. `credential`: the
    gateway's credential with the key of a stranger, who may write any claims.
    """

    provider: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """A class of callers that a host treats alike. `token` None: callers without a token.

    The client of the token represents all clients of the class. It is empty for clients outside the
    estate.
    """

    names: Names
    token: Claims | Forged | OldCredential | None = None


NOBODY = Caller(("anybody, without a token",))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a gateway to a call.

    `component`: the owner of the reached workload; None: not of the estate. `leads`: the
    destination, in words that differ if it differs. `verified`: only the gateway names the caller
    to the workload. `judged`: nothing unknown counts as open. `through`: the entities that affected
    it. `limits`: the entities that may still deny the call.
    """

    allowed: bool
    component: str | None = None
    leads: str = ""
    verified: bool = True
    judged: bool = True
    through: Labels = ()
    limits: Labels = ()


@dataclass(frozen=True, slots=True)
class AuthenticationResult:
    """The result of authenticating a call. `consumer`: the plugin's consumer for the caller.

    `algorithm`: of the verified token's signature, or None. `unknown`: the configuration cannot be
    judged. `through`: the credentials that affected it, by key id.
    """

    passes: bool
    consumer: Entity | None = None
    algorithm: str | None = None
    unknown: bool = False
    through: Labels = ()


@dataclass(frozen=True, slots=True)
class HostRules:
    """The scopes and groups of a gateway's rules on a host. `widest`: the most scopes of any rule.

    `granted`: by client (`application/component`), a value that is equal for equal grants.
    """

    scopes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    widest: int = 1
    granted: Mapping[str, Hashable] = field(default_factory=dict)


class UrlRegion(NamedTuple):
    """The part of an API that a call represents: a method, and all that the path of a URL owns.

    `within`: a URL whose region includes this region, or None. `source`: the addresses of callers,
    in words. `sources`: the number of such groups of addresses.
    """

    method: str
    url: str
    within: str | None
    source: str = ""
    sources: int = 1


class Gateway(Protocol):
    """A gateway that answers questions: its distinctions on a host, and its decisions."""

    def hosts(self) -> Iterable[str]: ...

    def methods(self) -> frozenset[str]: ...

    def paths(self, host: str) -> Iterator[PathSegments]: ...

    def tools(self, host: str) -> Iterator[tuple[PathSegments, Names]]: ...

    def refused_texts(self, host: str) -> Iterator[str]: ...

    def networks(self, host: str) -> Iterator[Network]: ...

    def host_rules(self, host: str) -> HostRules: ...

    def strangers(self) -> Iterator[Caller]: ...

    def old_credentials(self, host: str) -> Iterator[tuple[str, By]]: ...

    def verdicts(self, call: Call, caller: Caller) -> tuple[Verdict, ...]: ...
