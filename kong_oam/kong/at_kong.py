"""What a trait comes to at Kong, as one value: what a gated service has beside its three guards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from kong_oam.access.data import JsonObject, Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.kong.entities import Config
from kong_oam.traits.key import Key

T = TypeVar("T")

# Files of Lua that make one script, in order.
Parts = tuple[str, ...]

# {key of the table: {phase: parts}}
Scripts = Mapping[str, Mapping[str, Parts]]


@dataclass(frozen=True, slots=True)
class Extra:
    """A further plugin of a gated service. `role` tells it from the service's others in names;
    `caller`: whom alone it meets, who has a token of the component's issuer (`ring`) or nobody
    (`nobody`); None: every request."""

    role: str
    kind: str
    config: Config
    caller: Literal["ring", "nobody"] | None = None
    asked: bool = False
    """Whether a trait kong-plugin asks for it, by its kind."""


def asked_role(kind: str) -> str:
    """Return the role of a plugin that is asked for by its kind."""
    return f"plugin-{kind}"


def nothing(*_: Any) -> Any:
    """Return something that is empty and false, for what a trait does not come to."""
    return {}


@dataclass(frozen=True, slots=True)
class ByAddress(Generic[T]):
    """How a trait goes by the address of a caller.

    `asks`: whether the trait of a component does. `use`: what it does by the address, in words.
    `forged`: what it comes to where callers say any address.
    """

    asks: Callable[[T, Component], bool]
    use: str
    forged: str


@dataclass(frozen=True, slots=True)
class AtKong(Generic[T]):
    """All that one trait comes to at Kong; each is made from the trait's value.

    `plugins`: further plugins, which may count in the stack's Redis. `fields`: those of the Kong
    service that differ from the usual ones, as the Admin API writes them. `entries`: those of the
    table. `scripts` run in admission's plugin, `behind` in the gate's, where the table has their
    key. `roles`: the roles of plugins that meet every request, by kind. `by_address`: how it goes by
    the address of a caller, if it does. `redis_away`: what becomes of calls while the stack's Redis
    is away, in a line. `remedies`: what would let a request pass, by the code of its refusal.
    """

    key: Key[T]
    plugins: Callable[[T, RedisSettings | None], Iterable[Extra]] = nothing
    fields: Callable[[T], JsonObject] = nothing
    entries: Callable[[T, Component], JsonObject] = nothing
    scripts: Scripts = field(default_factory=dict)
    behind: Scripts = field(default_factory=dict)
    roles: Texts = field(default_factory=dict)
    by_address: ByAddress[T] | None = None
    redis_away: Callable[[Estate, RedisSettings], str | None] = nothing
    remedies: Texts = field(default_factory=dict)
