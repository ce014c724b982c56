"""Invariants as values: `never`, `only` and `separate`, with their exceptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kong_oam.access.data import Names, PathSegments
from kong_oam.diagnostics import Diagnostics
from kong_oam.oam.position import SourcePosition

Kind = Literal["never", "only", "separate"]

# The host of requests to any host.
ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of `may`: methods, a host, and a path with everything below it.

    `methods` includes HEAD with GET, as a rule does. `host` is `*`, `*.example.com` or a name, as
    Applications write it. A path of an Application that differs only in capitals is covered, too.
    """

    methods: Names
    host: str
    path: PathSegments


@dataclass(frozen=True, slots=True)
class Who:
    """Listed callers: callers without a token, clients, and logical groups.

    A client is `application/component`, or `application/*` for all clients of an Application.
    `texts` are the entries of the file, in order.
    """

    anybody: bool = False
    clients: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    texts: Names = field(default=(), compare=False)

    def lists_client(self, client: str) -> bool:
        """Return whether the list has a client (`application/component`)."""
        application = client.partition("/")[0]
        return client in self.clients or f"{application}/*" in self.clients


@dataclass(frozen=True, slots=True)
class InvariantException:
    """Calls that an invariant permits until a last day (YYYY-MM-DD).

    `who` None: all callers. `may` None: all requests of the invariant.
    """

    who: Who | None
    may: Requests | None
    reason: str
    until: str
    position: SourcePosition = field(compare=False)


Exceptions = tuple[InvariantException, ...]


@dataclass(frozen=True, slots=True)
class RoleName:
    """A role of a component (`application/component`)."""

    component: str
    role: str

    def __str__(self) -> str:
        return f"{self.component} {self.role}"


@dataclass(frozen=True, slots=True)
class CallInvariant:
    """`never`: no listed caller may make these requests. `only`: no other caller may."""

    kind: Literal["never", "only"]
    who: Who
    may: Requests
    reason: str
    owner: str
    exceptions: Exceptions
    position: SourcePosition = field(compare=False)


@dataclass(frozen=True, slots=True)
class RoleInvariant:
    """`separate`: no group and no client holds two of these roles."""

    roles: tuple[RoleName, ...]
    reason: str
    owner: str
    exceptions: Exceptions
    position: SourcePosition = field(compare=False)
    kind: Literal["separate"] = "separate"


Invariant = CallInvariant | RoleInvariant
Invariants = tuple[Invariant, ...]


@dataclass(frozen=True, slots=True)
class InvariantsFile:
    """The content of a file: its invariants, or its problems. Without a file, both are empty."""

    invariants: Invariants = ()
    problems: Diagnostics = ()
