"""Components with changed fields, in any group."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from kong_oam.access.model import (
    Component,
    Exposure,
    Identity,
    WorkloadSpec,
    bare_component,
)

GROUPS = {
    "exposure": Exposure,
    "identity": Identity,
    "workload": WorkloadSpec,
}
GROUP_OF = {
    field.name: group
    for group, kind in GROUPS.items()
    for field in fields(kind)
}
FIELDS = sorted(
    {*GROUP_OF, *(field.name for field in fields(Component))} - {*GROUPS}
)


def with_fields(component: Component, **changes: Any) -> Component:
    """Return the component with fields, or fields of its groups, replaced."""
    for name, value in changes.items():
        group = GROUP_OF.get(name)
        if group:
            inner = replace(getattr(component, group), **{name: value})
            name, value = group, inner
        component = replace(component, **{name: value})
    return component


def component_with(key: str, provider: str, **changes: Any) -> Component:
    """Return a component with these fields; all other fields are empty."""
    return with_fields(bare_component(key, provider), **changes)
