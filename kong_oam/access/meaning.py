"""The meaning of a trait besides access: how to compile it, and how `diff` reports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from kong_oam.access.data import Names
from kong_oam.access.diff.kind import Kind, may_widen
from kong_oam.access.endpoint import Endpoints
from kong_oam.access.model import Rules
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Codes, Report
from kong_oam.oam.model import ComponentSpec
from kong_oam.oam.rendered import Objects
from kong_oam.traits.key import Key

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Declared:
    """A component in its Application, with the parts that are already compiled. Findings are added
    to `out`."""

    part: ComponentSpec
    objects: Objects
    endpoints: Endpoints
    rules: Rules
    stack: Stack
    out: Report


@dataclass(frozen=True, slots=True)
class Meaning(Generic[T]):
    """The meaning of one trait.

    `compile` returns the trait's value, or None if the component lacks the trait. `change` returns
    the kind of a change of a field (`retries.count`) from one value to another; by default it may
    widen access. `left_out`: fields by type that are not compared. `codes`: the codes of findings
    that only `compile` reports.
    """

    key: Key[T]
    compile: Callable[[Declared], T | None]
    change: Callable[[str, Any, Any], Kind] = may_widen
    left_out: Mapping[type, Names] = field(default_factory=dict)
    codes: Codes = field(default_factory=dict)
