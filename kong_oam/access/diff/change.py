"""Changes of access as values: what, for whom, where, and an example request; or a setting with
both values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
class Whom:
    """Who is affected: everybody (no principal), a client as itself, or the client's users who meet
    the condition; and where they call from.

    `owner` is that of a client that only one side has: who gets the right, or who loses it.
    """

    principal: Principal | None
    condition: Condition = frozenset()
    source: Source = ANYWHERE
    owner: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers a request: a component at one of its ports, and the pods behind it
    (access.pods).

    `pods` are empty where a model does not say. `owner` is whom to ask about the component.
    """

    component: str
    port: str
    pods: str = ""
    owner: str | None = field(default=None, compare=False)


# What answered in the old estate, and what answers in the new.
Answers = tuple[Answer, Answer]


@dataclass(frozen=True, slots=True)
class Example:
    """An example request that two estates answer differently. A host is None where one of two
    stacks lacks the endpoint."""

    method: str
    path: PathSegments
    # The host to send it to in the old estate.
    was: str | None
    now: str | None
    principal: Principal | None
    groups: Groups = frozenset()
    # Where it comes from; None where that is all the same.
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of access: its kind, for whom, which methods, where.

    `site` is a host, or `application/component:port` between stacks. `minutes`: how long tokens
    that were issued before go on being let through; None: they are not. `position`: the rule that
    opens, or that was open. `answers`: where something else answers from now on.
    """

    kind: Kind
    whom: tuple[Whom, ...]
    methods: Names
    site: str
    region: Region
    example: Example
    minutes: int | None = None
    position: SourcePosition | None = field(default=None, compare=False)
    answers: Answers | None = None


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a setting belongs to: a client (`component` at `provider`), one of the two, or the stack
    (neither)."""

    component: str = ""
    provider: str = ""


# An edge: settings as JSON has them, by names of the stack's file, or of a trait's.
JsonValues = Mapping[str, Any]

Facts = Mapping[Subject, JsonValues]

# The fact that says what the roles of a component let its pods do.
RIGHTS: Final = "rights"

# The fact that says, of each host of a component, the Secret that it names.
CERTIFICATES: Final = "hostCertificates"


@dataclass(frozen=True, slots=True, order=True)
class Exposer:
    """A component on a host, and whom to ask about it."""

    component: str
    owner: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting whose value changed. `was` and `now` are as JSON has them; an empty `name` stands
    for all settings.

    `exposers`: of a host's certificate, the components on the host, in the old estate and in the
    new. `position`: of another owner, the component.
    """

    kind: Kind
    of: Subject
    name: str
    was: Any
    now: Any
    exposers: tuple[tuple[Exposer, ...], tuple[Exposer, ...]] | None = None
    position: SourcePosition | None = field(default=None, compare=False)


# One entry of what `diff` reports.
Difference = Change | Setting
