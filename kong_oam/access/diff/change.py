"""Changes of access as values: kind, callers, place and an example request; or a setting with both
values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.diff.kind import Kind
from kong_oam.access.networks import ANYWHERE, Source
from kong_oam.access.principals import Condition, Groups, Principal
from kong_oam.access.request_classes import Region
from kong_oam.oam.position import SourcePosition

OPENING: tuple[Kind, ...] = (
    "newly public",
    "granted",
    "widened",
    "answered by",
    "may widen",
)
CLOSING: tuple[Kind, ...] = ("narrowed", "revoked", "may narrow")


@dataclass(frozen=True, slots=True)
class AffectedCaller:
    """Affected callers: everybody (no principal), a client as itself, or the client's users who
    meet the condition. `source` is where they call from.

    `owner` is the client's owner if only one estate has the client: the team that gets or loses the
    right. `until` is the last day of an old credential, or empty.
    """

    principal: Principal | None
    condition: Condition = frozenset()
    source: Source = ANYWHERE
    owner: str | None = field(default=None, compare=False)
    until: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The target that answers a request: a component, its port, and the pods behind the port
    (access.pods).

    `pods` is empty if the model has no data about them. `forward`: an exposed path and the path at
    the workload, or empty. `owner` is the team that owns the component.
    """

    component: str
    port: str
    pods: str = ""
    owner: str | None = field(default=None, compare=False)
    forward: tuple[str, str] | tuple[()] = ()


# The old and the new answer.
Answers = tuple[Answer, Answer]


@dataclass(frozen=True, slots=True)
class Example:
    """An example request that two estates answer differently. A host is None if a stack lacks the
    endpoint."""

    method: str
    path: PathSegments
    # The host of the request in the old estate.
    was: str | None
    now: str | None
    principal: Principal | None
    groups: Groups = frozenset()
    # The caller's address; None if any address will do.
    address: str | None = None
    # The consumer of an old credential; None for a token.
    consumer: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of access: its kind, its callers, its methods and its place.

    `site` is a host, or `application/component:port` between stacks. `minutes`: how long existing
    tokens still work; None if they stop at once. `position`: the rule that gives or gave access.
    `answers`: the old and new answer, if another target answers.
    """

    kind: Kind
    callers: tuple[AffectedCaller, ...]
    methods: Names
    site: str
    region: Region
    example: Example
    minutes: int | None = None
    position: SourcePosition | None = field(default=None, compare=False)
    answers: Answers | None = None


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """The subject of a setting: a client (`component` at `provider`), a component, a provider, or
    the stack (neither)."""

    component: str = ""
    provider: str = ""


# An edge: settings as JSON values, by the names in the stack's file or in a trait.
JsonValues = Mapping[str, Any]

Facts = Mapping[Subject, JsonValues]

# The fact that lists the rights of a component's pods, from its roles.
RIGHTS = "rights"

# The fact that maps each host of a component to the Secret that it names.
CERTIFICATES = "hostCertificates"

# The fact with the pods of another owner's Service, which a NetworkPolicy fences.
FENCE = "access.service"

# The fact with the connections to a component's pods (access.diff.connections).
INTERNAL = "internal"


@dataclass(frozen=True, slots=True, order=True)
class Exposer:
    """A component on a host, and its owner."""

    component: str
    owner: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting whose value changed. `was` and `now` are JSON values; an empty `name` means all
    settings.

    `exposers`: for a host's certificate, the components on the host in the old and in the new
    estate. `position`: for a new owner, the component. `connection`: the port and the caller of a
    connection inside the cluster, such as `3306` and `blog/wordpress`. Its `was` and `now` are the
    caller's pods; None if the estate lacks the connection.
    """

    kind: Kind
    of: Subject
    name: str
    was: Any
    now: Any
    exposers: tuple[tuple[Exposer, ...], tuple[Exposer, ...]] | None = None
    position: SourcePosition | None = field(default=None, compare=False)
    connection: tuple[str, str] | None = None


# An entry of a `diff` report.
Difference = Change | Setting


def opens(change: Difference) -> bool:
    """Return whether a change gives access, may give access, or changes the target that answers."""
    return change.kind in OPENING
