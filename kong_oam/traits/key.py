"""Typed keys of traits, and the values of a component's traits by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """The key of a trait's value.

    `name`: the type of the trait in Applications. `fact`: the prefix of its values' names in
    exported models; empty: models have no values of it.
    """

    name: str
    fact: str = ""


@dataclass(frozen=True, slots=True)
class Traits:
    """The values of a component's traits."""

    values: Mapping[Key[Any], Any] = field(default_factory=dict)

    def __getitem__(self, key: Key[T]) -> T:
        """Return the value of a trait. Raises KeyError if the component lacks the trait."""
        value: T = self.values[key]
        return value

    def each(self, key: Key[tuple[T, ...]]) -> tuple[T, ...]:
        """Return the values of a trait that a component may have several times."""
        values: tuple[T, ...] = self.values.get(key, ())
        return values

    def get(self, key: Key[T]) -> T | None:
        """Return the value of a trait, or None if the component lacks the trait."""
        value: T | None = self.values.get(key)
        return value
