"""Compare the forms of a component: overrides may not change the access rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

import kong_oam.oam.model as oam
from kong_oam.access.data import JsonFields, JsonObject
from kong_oam.access.model import Component, Exposure, Identity, WorkloadSpec
from kong_oam.access.paths import written
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.model import DeploymentTarget, Variant
from kong_oam.oam.position import Path, SourcePosition
from kong_oam.oam.schema import dotted, shown
from kong_oam.objects.pods import mappings

# Fields of a component that name its place: each form has its own place.
_OF_TARGETS = frozenset(
    {"namespace", "cluster", "further_targets", "further_target"}
)
_NOTHING = object()


def first_form_warning(
    part: oam.ComponentSpec, component: Component
) -> Findings:
    """Warn that routes lead only to the first form of a component."""
    if part.variants and component.exposure.endpoints:
        variant = part.variants[0]
        message = (
            f"routes of '{part.name}' lead only to '{component.at}', where {variant.label} deploys "
            "it; its other forms get no calls, since the first step to 'local' wins"
        )
        yield Diagnostic("OAM109", message, variant.step, "warning")


def part_at(
    part: oam.ComponentSpec, target: DeploymentTarget
) -> oam.ComponentSpec:
    """Return the component as if it were deployed only to this target, in the target's form."""
    # Treat the target as the gateway's: another order of places would make it the first.
    there = (replace(target, cluster=None, selector=None, variant=0),)
    return replace(
        part.in_variant(target.variant),
        rendered=target.rendered,
        targets=there,
        variants=(),
    )


@dataclass(frozen=True, slots=True)
class Form:
    """A component as if it were deployed only to one place, in the form of that place."""

    part: oam.ComponentSpec
    component: Component
    variant: Variant

    def facts(self, more: Iterable[str]) -> JsonObject:
        """Return the values that decide access and routing, and the fields `more`.

        Keys are the words of messages: `access`, `client`, `properties`, `routes`, `services`.
        """
        access = self.part.trait("access")
        client = self.part.trait("client")
        facts = {
            "access": access.properties if access else _NOTHING,
            "client": client.properties if client else _NOTHING,
            "properties": self.part.properties
            if self.component.outside
            else {},
            "routes": {
                route: words for route, (words, _) in self.routes().items()
            },
            "services": self.services(),
        }
        for name in more:
            facts[name] = str(attrgetter(name)(self.component))
        return facts

    def routes(self) -> Mapping[str, tuple[str, SourcePosition]]:
        """Return the target of each route in words, with its position, by host and path."""
        routes = {}
        for endpoint in self.component.exposure.endpoints:
            words = (
                f"port {endpoint.port} of {endpoint.service}, "
                f"certificate {endpoint.certificate}"
            )
            routes[f"{endpoint.host}{written(endpoint.path)}"] = (
                words,
                endpoint.position,
            )
        return routes

    def services(self) -> JsonObject:
        """Return the specs of the Services that the gateway reaches, by name."""
        namespaces = ("", self.component.workload.namespace)
        reached: JsonFields = {
            name: {"ports": {}} for name, _ in self.component.exposure.services
        }
        for service in self.component.workload.rendered:
            is_reached = (
                service.name in reached and service.namespace in namespaces
            )
            if not is_reached or service.group_kind != ("", "Service"):
                continue
            spec = service.spec
            known = reached[service.name]
            ports = {}
            for port in mappings(spec.get("ports")):
                ports[f"{port.get('port')}/{port.get('protocol', 'TCP')}"] = (
                    port
                )
            # Services of one name are merged: the first spec, with the ports of all.
            reached[service.name] = {
                "type": "ClusterIP",
                **spec,
                **known,
                "ports": {**ports, **known["ports"]},
            }
        return reached


def differences(first: Form, other: Form) -> Findings:
    """Yield the first difference in access or routing between two forms."""
    # Compare the other fields of the components, too, so that a new field is not forgotten.
    ours = first.component
    theirs = other.component
    more = [*_changed_fields(ours, theirs)]
    difference = _first_difference(first.facts(more), other.facts(more))
    if difference:
        path, (here, there) = difference
        message = (
            f"component '{first.part.name}': {dotted(path)} is {there} in "
            f"{other.variant.label}, but {here} in {first.variant.label}. Access must be "
            "the same in all places; remove it from the override, or write two Applications"
        )
        yield Diagnostic("OAM108", message, _place(first, other, path))


def _place(first: Form, other: Form, path: Path) -> SourcePosition:
    """Return the position of a difference: its override or component, or the step of a derived
    value."""
    kind, *below = path
    if kind == "properties":
        return other.part.position.at(*path)
    positions = []
    for variant in (other, first):
        trait = variant.part.trait(str(kind))
        if trait and below:
            positions.append(trait.position.at("properties", *below))
        elif trait:
            positions.append(trait.position.at("type"))
        elif kind == "routes" and below[0] in variant.routes():
            positions.append(variant.routes()[str(below[0])][1])
    for position in positions:
        if position.path[:2] == ("spec", "policies"):
            return position
    if positions and kind in ("access", "client"):
        return positions[0]
    return (other if other.variant.overrides else first).variant.step


def _first_difference(
    here: Any, there: Any, path: Path = ()
) -> tuple[Path, tuple[str, str]] | None:
    """Return the path of the first difference, with both values in the words of messages."""
    pairs: Iterable[tuple[str | int, Any, Any]] = ()
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        keys = dict.fromkeys((*there, *here))
        pairs = (
            (key, here.get(key, _NOTHING), there.get(key, _NOTHING))
            for key in keys
        )
    elif _have_equal_length(here, there):
        pairs = zip(range(len(here)), here, there, strict=True)
    elif here is not there and (
        _NOTHING in (here, there) or json.dumps(here) != json.dumps(there)
    ):
        return path, (_shown_value(here), _shown_value(there))
    for key, ours, theirs in pairs:
        if difference := _first_difference(ours, theirs, (*path, key)):
            return difference
    return None


def _have_equal_length(here: Any, there: Any) -> bool:
    lists = isinstance(here, list | tuple) and isinstance(there, list | tuple)
    return lists and len(here) == len(there)


def _shown_value(value: Any) -> str:
    return "missing" if value is _NOTHING else shown(value)


def _changed_fields(ours: Any, theirs: Any) -> Iterator[str]:
    """Yield the names of fields that differ between two components; a group's field as
    `group.field`."""
    for field in fields(ours):
        if field.name in _OF_TARGETS or not field.compare:
            continue
        here = getattr(ours, field.name)
        there = getattr(theirs, field.name)
        if isinstance(here, Exposure | Identity | WorkloadSpec):
            for inner in _changed_fields(here, there):
                yield f"{field.name}.{inner}"
        elif here != there:
            yield field.name
