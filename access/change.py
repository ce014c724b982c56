"""A change of access as a value: what, for whom, where, and a request that shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from access.model import Elements
from access.partition import Region
from access.principals import Condition, Groups, Principal
from oam.document import Place

Kind = Literal["newly public", "granted", "widened", "narrowed", "revoked"]

KINDS: tuple[Kind, ...] = ("newly public", "granted", "widened", "narrowed", "revoked")
"""The worst first; the first three open, the others close."""

OPENING, CLOSING = KINDS[:3], KINDS[3:]


@dataclass(frozen=True, slots=True)
class Whom:
    """Everybody, a client as itself, or the client's users who meet the condition."""

    principal: Principal | None
    condition: Condition = frozenset()


@dataclass(frozen=True, slots=True)
class Example:
    """A request that is answered differently. `host` is None where one of two stacks does not have the endpoint."""

    method: str
    path: Elements
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
