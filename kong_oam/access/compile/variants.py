"""Components in several forms: who may call is one for all of them, by whatever overrides they
differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any, Final

import kong_oam.oam.model as oam
from kong_oam.access.data import JsonFields, YamlObject
from kong_oam.access.model import Component, Exposure, Identity, WorkloadSpec
from kong_oam.access.paths import written
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.model import DeploymentTarget, Variant
from kong_oam.oam.position import Path, SourcePosition
from kong_oam.oam.schema import dotted, shown
from kong_oam.objects.pods import mapping, mappings

# Fields of a component that say where it is: the forms are in different places.
_OF_TARGETS: Final = frozenset(
    {"namespace", "cluster", "further_targets", "further_target"}
)
_NOTHING: Final = object()


def led_to_first_alone(
    part: oam.ComponentSpec, component: Component
) -> Findings:
    """Yield that routes lead to the first form of a component, and to no other one."""
    if part.variants and component.exposure.endpoints:
        variant = part.variants[0]
        message = (
            f"the routes of '{part.name}' lead to '{component.at}' alone, where {variant.said} "
            "deploys it: in its other forms nobody is let in; routes lead to the first place: in "
            "'local', of the step that is written first"
        )
        yield Diagnostic("OAM109", message, variant.step, "warning")


def alone(
    part: oam.ComponentSpec, target: DeploymentTarget
) -> oam.ComponentSpec:
    """Return the component as it would be in one place alone, in the form that it has there."""
    # As if it were where the gateway leads to: another order of places makes it the first.
    there = (replace(target, cluster=None, selector=(), variant=0),)
    return replace(
        part.in_variant(target.variant),
        rendered=target.rendered,
        targets=there,
        variants=(),
    )


@dataclass(frozen=True, slots=True)
class Formed:
    """A component as it would be in one place alone, in the form that it has there."""

    part: oam.ComponentSpec
    component: Component
    variant: Variant

    def facts(self, more: Iterable[str]) -> YamlObject:
        """What decides who may call and what is reached, by messages' words, and `more` fields."""
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
        """What leads where, by host and path."""
        routes = {}
        for endpoint in self.component.exposure.endpoints:
            words = f"port {endpoint.port} of {endpoint.service}, certificate {endpoint.certificate}"
            routes[f"{endpoint.host}{written(endpoint.path)}"] = (
                words,
                endpoint.position,
            )
        return routes

    def services(self) -> YamlObject:
        """The specs of the Services that the gateway reaches, by name: which pods they select, and
        their ports."""
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
            spec = mapping(service.object.get("spec"))
            known = reached[service.name]
            ports = {}
            for port in mappings(spec.get("ports")):
                ports[f"{port.get('port')}/{port.get('protocol', 'TCP')}"] = (
                    port
                )
            # Of one name they are one, the first with the ports of all.
            reached[service.name] = {
                "type": "ClusterIP",
                **spec,
                **known,
                "ports": {**ports, **known["ports"]},
            }
        return reached


def differences(first: Formed, other: Formed) -> Findings:
    """Yield what decides who may call, or what is reached, and is not the same in two forms: the
    first of it."""
    # Whatever else is known of who may call, and whoever adds to that.
    ours = first.component
    theirs = other.component
    more = [*_different_fields(ours, theirs)]
    difference = _different(first.facts(more), other.facts(more))
    if difference:
        path, (here, there) = difference
        message = (
            f"component '{first.part.name}': {dotted(path)} is {there} by {other.variant.said}, and "
            f"{here} by {first.variant.said}; who may call is said once for all places: take it out "
            "of the override, or make two Applications"
        )
        yield Diagnostic("OAM108", message, _place(first, other, path))


def _place(first: Formed, other: Formed, path: Path) -> SourcePosition:
    """Where a difference is written, in an override or component; of a derived one, the step."""
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


def _different(
    here: Any, there: Any, path: Path = ()
) -> tuple[Path, tuple[str, str]] | None:
    """Where two values differ first, as JSON writes them, and what is there in each, as messages
    have it."""
    pairs: Iterable[tuple[str | int, Any, Any]] = ()
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        keys = dict.fromkeys((*there, *here))
        pairs = (
            (key, here.get(key, _NOTHING), there.get(key, _NOTHING))
            for key in keys
        )
    elif _are_as_long(here, there):
        pairs = zip(range(len(here)), here, there, strict=True)
    elif here is not there and (
        _NOTHING in (here, there) or json.dumps(here) != json.dumps(there)
    ):
        return path, (_written(here), _written(there))
    for key, one, other in pairs:
        if difference := _different(one, other, (*path, key)):
            return difference
    return None


def _are_as_long(here: Any, there: Any) -> bool:
    lists = isinstance(here, list | tuple) and isinstance(there, list | tuple)
    return lists and len(here) == len(there)


def _written(value: Any) -> str:
    return "not there" if value is _NOTHING else shown(value)


def _different_fields(ours: Any, theirs: Any) -> Iterator[str]:
    """Yield the fields of two components that differ, those of a group behind its name."""
    for field in fields(ours):
        if field.name in _OF_TARGETS or not field.compare:
            continue
        here = getattr(ours, field.name)
        there = getattr(theirs, field.name)
        if isinstance(here, Exposure | Identity | WorkloadSpec):
            for inner in _different_fields(here, there):
                yield f"{field.name}.{inner}"
        elif here != there:
            yield field.name
