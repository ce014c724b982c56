"""Typed keys of traits, and the values of a component's traits by these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """The key of a trait's value. `name`: the type of the trait in Applications. `fact`: what the
    names of its values begin with in exported models; empty: there are none of it."""

    name: str
    fact: str = ""


@dataclass(frozen=True, slots=True)
class Traits:
    """The values of the traits that a component has."""

    values: Mapping[Key[Any], Any] = field(default_factory=dict)

    def __getitem__(self, key: Key[T]) -> T:
        """Return the value of a trait. Raises KeyError where the component does not have it."""
        value: T = self.values[key]
        return value

    def each(self, key: Key[tuple[T, ...]]) -> tuple[T, ...]:
        """Return the values of a trait that a component may have several times."""
        values: tuple[T, ...] = self.values.get(key, ())
        return values

    def get(self, key: Key[T]) -> T | None:
        """Return the value of a trait; None where the component does not have it."""
        value: T | None = self.values.get(key)
        return value
