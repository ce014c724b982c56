"""A flag of `new`, and what one says that asks for a trait."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kong_oam.access.data import Names, YamlObject
from kong_oam.diagnostics import printable, suggestion
from kong_oam.errors import InputError


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag, and how its answer is read. `separator`: the text between several answers; empty:
    there is one answer.

    A flag without a `metavar` takes no value.
    """

    name: str
    metavar: str
    help: str
    parse: Callable[[str], Any] = str
    separator: str = ""
    choices: Names | None = None

    def read(self, answer: Any) -> Any:
        """Reads an answer: a text, or a list of texts where there may be several. Raises
        InputError."""
        if self.separator:
            return tuple(map(self.parse, answer))
        if self.choices and answer not in self.choices:
            raise InputError(
                f"'{printable(answer)}' is no {self.name}{suggestion(answer, self.choices)}"
            )
        return self.parse(answer)


@dataclass(frozen=True, slots=True)
class Question:
    """A flag by which `new` asks for a trait. `properties` returns those of each trait of the type
    that an answer asks for."""

    trait: str
    flag: Flag
    properties: Callable[[Any], Iterable[YamlObject]]
