"""A change of access as a value: what, for whom, where, and a request that shows it; or a setting with both values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from kong_oam.access.paths import PathSegments
from kong_oam.access.principals import Condition, Groups, Principal
from kong_oam.access.request_classes import Region
from kong_oam.oam.document import Place

Kind = Literal["newly public", "granted", "widened", "may widen", "narrowed", "revoked", "may narrow", "changed"]

KINDS: tuple[Kind, ...] = (
    "newly public", "granted", "widened", "may widen", "narrowed", "revoked", "may narrow", "changed"
)  # fmt: skip
"""The worst first. Of a setting it is told what it may do, or that it does neither: `changed`."""

OPENING, CLOSING = KINDS[:4], KINDS[4:7]


@dataclass(frozen=True, slots=True)
class Whom:
    """Everybody, a client as itself, or the client's users who meet the condition."""

    principal: Principal | None
    condition: Condition = frozenset()


@dataclass(frozen=True, slots=True)
class Example:
    """A request that is answered differently. `host` is None where one of two stacks does not have the endpoint."""

    method: str
    path: PathSegments
    was: str | None
    """The host to send it to in the old estate."""
    now: str | None
    principal: Principal | None
    groups: Groups = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """One change: for whom, which methods, where.

    `site` is a host, or `application/component:port` between stacks. `minutes`: how long tokens that were issued before
    go on being let through; None: they are not. `place`: the rule that opens, or that was open.
    """

    kind: Kind
    whom: tuple[Whom, ...]
    methods: tuple[str, ...]
    site: str
    region: Region
    example: Example
    minutes: int | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Whom or what a setting is of: a client (`component` at `provider`), one of the two, or the stack (neither)."""

    component: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that is not what it was. `was` and `now` are as JSON has them; an empty `name` stands for all."""

    kind: Kind
    of: Subject
    name: str
    was: Any
    now: Any


Difference = Change | Setting
"""What `diff` tells."""
