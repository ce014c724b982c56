"""A flag of `new`, and the trait that it requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kong_oam.access.data import Names, YamlObject
from kong_oam.diagnostics import printable, suggestion
from kong_oam.errors import InputError


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag and the format of its answer. `separator` is the text between several answers; it is
    empty for a single answer.

    A flag without a `metavar` takes no value.
    """

    name: str
    metavar: str
    help: str
    parse: Callable[[str], Any] = str
    separator: str = ""
    choices: Names | None = None

    def read(self, answer: Any) -> Any:
        """Parse an answer: a text, or a list of texts with a separator. Raises InputError."""
        if self.separator:
            return tuple(map(self.parse, answer))
        if self.choices and answer not in self.choices:
            raise InputError(
                f"unknown {self.name} '{printable(answer)}'{suggestion(answer, self.choices)}"
            )
        return self.parse(answer)


@dataclass(frozen=True, slots=True)
class Question:
    """A flag with which `new` adds traits. `properties` returns the properties of each trait for an
    answer."""

    trait: str
    flag: Flag
    properties: Callable[[Any], Iterable[YamlObject]]
