"""The lint rule about connections inside the cluster that nothing allows (LINT314).

A finding is about the caller, and its change is in the callee's access trait. The first finding
about a callee has the change for all its callers, so that changes do not overlap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kong_oam.access.endpoint import Endpoint
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.upkeep import is_waived
from kong_oam.access.lint.used_services import Use, unallowed_uses
from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import written
from kong_oam.access.services import routed_ports
from kong_oam.oam.edit import scalar, value_at, with_entry
from kong_oam.oam.position import SourcePosition
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.pods import mapping


def missing_connections(
    estate: Estate, as_of: date
) -> Mapping[str, list[LintFinding]]:
    """Return the findings about connections that nothing allows (LINT314), by caller."""
    changes: dict[str, _Addition] = {}
    findings: dict[str, list[LintFinding]] = {}
    for use in unallowed_uses(estate):
        key = use.caller.key
        place = use.callee.position
        change = None
        workload = use.caller.workload
        endpoint = routed_ports(use.callee).get(use.port or 0)
        if (
            use.port
            and endpoint is None
            and not _would_close(use.callee)
            and (
                workload.named_service
                or any(map(component_pods, workload.rendered))
            )
            and not is_waived(use.caller, "LINT314", as_of)
        ):
            change = _Addition(place, use.port, [key])
            first = changes.setdefault(use.callee.key, change)
            if first is not change:
                change = None
                if first.port == use.port:
                    first.callers.append(key)
        finding = LintFinding(
            "LINT314",
            key,
            _message(use, endpoint),
            _position(use),
            change,
            place,
        )
        findings.setdefault(key, []).append(finding)
    return findings


def _would_close(callee: Component) -> bool:
    """Return whether an access trait only with `internal` would deny all calls through the gateway.

    The callee has routes and no access trait: any valid token is enough now.
    """
    if not callee.exposure.endpoints:
        return False
    part = value_at(callee.position.document.data, callee.position.path)
    types = [trait["type"] for trait in part.get("traits", ())]
    return "access" not in types


def _message(use: Use, endpoint: Endpoint | None) -> str:
    caller = use.caller.key
    callee = use.callee.key
    uses = f"'{caller}' uses Service '{use.service}'"
    if not use.line:
        uses = f"StatefulSet '{use.service}' has several pods"
    if endpoint:
        return (
            f"{uses}, but a route leads to port {use.port} of '{callee}', so only the gateway "
            f"connects; call {endpoint.host}{written(endpoint.path)} instead"
        )
    return (
        f"{uses}, but '{callee}' does not allow '{caller}' to connect; add "
        f"{{port: {use.port or 'PORT'}, components: [{caller}]}} to `internal` of its access trait"
    )


def _position(use: Use) -> SourcePosition:
    """Return the position of the text with the Service's name, else the component's."""
    position = use.source.position
    value = value_at(position.document.data, position.path)
    found = _found(value, position, use.line) if use.line else None
    return found or position.at("name")


def _found(
    value: Any, position: SourcePosition, line: str
) -> SourcePosition | None:
    """Return the position of the text with a line: `variable=text`, or a line of text."""
    fields = mapping(value)
    items = enumerate(value) if isinstance(value, list) else fields.items()
    for key, inner in items:
        at = position.at(key)
        for field in (key, fields.get("name")):
            if isinstance(inner, str) and line in f"{field}={inner}":
                return at
        if found := _found(inner, at, line):
            return found
    return None


@dataclass(frozen=True, slots=True)
class _Addition:
    """The change that lets callers connect to a port of a component."""

    component: SourcePosition
    port: int | None
    callers: list[str]

    def __call__(self) -> str | None:
        """Return the component's file with the callers in its access trait."""
        component = self.component
        part = value_at(component.document.data, component.path)
        callers = ", ".join(map(scalar, self.callers))
        entry = f"{{port: {self.port}, components: [{callers}]}}"
        new_trait = f"{{type: access, properties: {{internal: [{entry}]}}}}"
        types = [trait["type"] for trait in part.get("traits", ())]
        if "access" not in types:
            return with_entry(component, "traits", new_trait)
        index = types.index("access")
        properties = component.at("traits", index, "properties")
        access = part["traits"][index]["properties"]
        for number, known in enumerate(access.get("internal", ())):
            place = known["port"], known.get("protocol", "TCP")
            if place == (self.port, "TCP") and len(self.callers) == 1:
                at = properties.at("internal", number)
                return with_entry(at, "components", callers)
        return with_entry(properties, "internal", entry)
