"""The deployed or planned resources as plain values, and the Applications behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from typing import Any

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.data import JsonObject, Names, NamesByName
from kong_oam.access.model import Estate
from kong_oam.access.partitions import deployed_by
from kong_oam.access.settings.project import stack_file
from kong_oam.access.settings.stack import read_file
from kong_oam.diagnostics import Diagnostics, errors
from kong_oam.errors import SettingsError
from kong_oam.invariants.findings import invariant_findings
from kong_oam.render.stage import read_applications


class _Unknown:
    def __repr__(self) -> str:
        return "unknown"


# An unknown value in a preview. Rules judge it once it is known.
UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Resource:
    """One resource.

    `properties` are its inputs, or its outputs once it is made. `made_of` has, by input, the URNs
    of the resources that it depends on. `secret_outputs` are the outputs that the program marks as
    secrets. `provider` is the URN of its provider; empty if unknown.
    """

    type: str
    name: str
    urn: str
    properties: JsonObject
    made_of: NamesByName = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()
    provider: str = ""

    def texts(self, name: str) -> Names:
        return texts_of(self.properties.get(name))

    def text(self, name: str) -> str:
        value = self.properties.get(name)
        return value if isinstance(value, str) else ""

    @cached_property
    def config(self) -> JsonObject | None:
        """The configuration of a Kong plugin; None while it is unknown."""
        text = self.properties.get("configJson")
        return None if text is UNKNOWN else json.loads(text or "{}")


def texts_of(value: Any) -> Names:
    """Return the known texts of a list; none if the list is unknown."""
    items = value if isinstance(value, list | tuple) else ()
    return tuple(item for item in items if isinstance(item, str))


@dataclass(frozen=True, slots=True)
class DeployedModel:
    """The estate of the Applications on this stack. `estate` is None exactly if there are
    `problems`. `broken_invariants`: errors of the whole estate."""

    estate: Estate | None
    cloud: str = ""
    as_of: date | None = None
    problems: Names = ()
    broken_invariants: Names = ()


@dataclass(frozen=True)
class Deployment:
    """All resources that a rule looks at: the stack's, or the single resource that is about to be
    made."""

    resources: tuple[Resource, ...]
    model: DeployedModel

    def of(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of these types, in order."""
        return (
            resource for resource in self.resources if resource.type in types
        )

    def source(self, resource: Resource, name: str, of: str) -> Resource | None:
        """Return the resource of a type that an input of `resource` came from."""
        urns = resource.made_of.get(name, ())
        return next(
            (candidate for candidate in self.of(of) if candidate.urn in urns),
            None,
        )


@cache
def model(stack: str) -> DeployedModel:
    """Read the Applications and the stack's settings of the project in the working directory."""
    try:
        settings = read_file(stack_file(stack))
        reading = read_applications(
            settings.applications,
            settings.definitions,
            settings.stack.minor,
            labels=settings.stack.labels,
        )
    except SettingsError as error:
        return DeployedModel(None, problems=(str(error),))
    compiled = compile_estate(reading, settings.stack)
    if compiled.estate is None:
        problems = _lines(errors(compiled.diagnostics))
        return DeployedModel(
            None, settings.cloud, settings.as_of, problems=problems
        )
    broken = invariant_findings(settings, compiled.estate).errors
    return DeployedModel(
        deployed_by(compiled.estate, settings.partition),
        settings.cloud,
        settings.as_of,
        broken_invariants=_lines(broken),
    )


def _lines(found: Diagnostics) -> Names:
    return tuple(
        f"{error.position}: {error.code}: {error.message}" for error in found
    )
