"""The interface between a trait and Kong: plugins, service fields, table entries and scripts."""

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

# Lua files that form one script, in order.
Parts = tuple[str, ...]

# {key of the table: {phase: parts}}
Scripts = Mapping[str, Mapping[str, Parts]]


@dataclass(frozen=True, slots=True)
class TraitPlugin:
    """A plugin that a service has beside its three guards.

    `role` is unique among the service's plugins and stands in names. `caller`: which requests the
    plugin handles. `ring`: those with a token of the component's issuer; `nobody`: those without a
    token; None: all.
    """

    role: str
    kind: str
    config: Config
    caller: Literal["ring", "nobody"] | None = None
    # Whether a trait kong-plugin adds it by its kind.
    asked: bool = False


def kong_plugin_role(kind: str) -> str:
    """Return the role of a plugin that a trait kong-plugin adds."""
    return f"plugin-{kind}"


def no_parts(*_: Any) -> Any:
    """Return an empty value: the default of a trait without that part."""
    return {}


@dataclass(frozen=True, slots=True)
class AddressUse(Generic[T]):
    """How a trait uses the address of a caller.

    `asks`: whether a component's trait uses it. `use`: the use, in words. `forged`: the effect
    where callers may claim any address, in words.
    """

    asks: Callable[[T, Component], bool]
    use: str
    forged: str


@dataclass(frozen=True, slots=True)
class AtKong(Generic[T]):
    """Everything that one trait adds at Kong. Each function takes the trait's value.

    `plugins`: further plugins, which may count in the stack's Redis. `fields`: fields of the Kong
    service that differ from the defaults, as the Admin API writes them. `entries`: entries of the
    table. `scripts` run in admission's plugin and `behind` in the gate's, if the table has their
    key. `roles`: the roles of plugins for every request, by kind. `by_address`: the use of the
    caller's address. `needs`: the features of Kong that it needs and some versions lack
    (kong.versions). `redis_away`: the effect on calls while the stack's Redis is down, in a line.
    `remedies`: the change that would allow a request, by the code of its denial.
    """

    key: Key[T]
    plugins: Callable[[T, RedisSettings | None], Iterable[TraitPlugin]] = (
        no_parts
    )
    fields: Callable[[T], JsonObject] = no_parts
    entries: Callable[[T, Component], JsonObject] = no_parts
    scripts: Scripts = field(default_factory=dict)
    behind: Scripts = field(default_factory=dict)
    roles: Texts = field(default_factory=dict)
    by_address: AddressUse[T] | None = None
    needs: Callable[[T], Iterable[str]] = no_parts
    redis_away: Callable[[Estate, RedisSettings], str | None] = no_parts
    remedies: Texts = field(default_factory=dict)
