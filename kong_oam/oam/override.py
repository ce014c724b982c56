"""Apply an override policy to an Application's components, as KubeVela does.

Names work differently. A name matches as a whole (KubeVela's `web` also matches `webserver`), and a
name without a match is an error (KubeVela adds a component). Overridden parts have their position
in the policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, TypedDict, TypeVar

from kong_oam.diagnostics import Diagnostic, Findings, suggestion
from kong_oam.oam.model import ComponentSpec, ComponentSpecs, Policy, Trait
from kong_oam.oam.position import Fields, Path, SourcePosition

_Part = TypeVar("_Part", ComponentSpec, Trait)


class _Change(TypedDict, total=False):
    """A change that a policy makes to components or their traits."""

    name: str
    type: str
    properties: Fields
    traits: Sequence[_Change]
    disable: bool


def overridden(
    components: Sequence[ComponentSpec], policy: Policy
) -> ComponentSpecs:
    """Return the components with the policy's changes; only the selected components if it has a
    selector.

    The caller must set `plain` of changed components anew.
    """
    selected = policy.properties.get("selector")
    changed = []
    for component in components:
        for number, change in enumerate(
            policy.properties.get("components", ())
        ):
            if _matches(change, component):
                position = policy.position.at(
                    "properties", "components", number
                )
                component = _changed(component, change, position)
        if not selected or component.name in selected:
            changed.append(component)
    return tuple(changed)


def override_findings(
    components: Sequence[ComponentSpec], policy: Policy
) -> Findings:
    """Yield a finding for each name in an override that matches no component."""
    names = [component.name for component in components]
    types = {component.type for component in components}
    position = policy.position.at("properties")
    named = f"override '{policy.name}'"
    for number, change in enumerate(policy.properties.get("components", ())):
        here = position.at("components", number)
        name = change.get("name")
        type_ = change.get("type")
        if name:
            if not any(_matches_name(name, own) for own in names):
                message = (
                    f"{named}: '{name}' is no "
                    f"component{suggestion(name, names)}"
                )
                yield Diagnostic("OAM103", message, here.at("name"))
        elif type_ and type_ not in types:
            message = f"{named}: no component is of type '{type_}'{suggestion(type_, types)}"
            yield Diagnostic("OAM103", message, here.at("type"))
    for number, name in enumerate(policy.properties.get("selector", ())):
        if name not in names:
            message = (
                f"{named}: '{name}' is no component{suggestion(name, names)}"
            )
            yield Diagnostic("OAM103", message, position.at("selector", number))


def _matches(change: _Change, component: ComponentSpec) -> bool:
    name = change.get("name")
    if name:
        return _matches_name(name, component.name)
    return change.get("type") in (None, "", component.type)


def _matches_name(pattern: str, name: str) -> bool:
    """Tell whether a name matches a pattern. Only `*` is special."""
    return fnmatchcase(name, re.sub(r"[?\[]", r"[\g<0>]", pattern))


def _changed(
    component: ComponentSpec, change: _Change, position: SourcePosition
) -> ComponentSpec:
    if change.get("type") not in (None, "", component.type):
        new_traits = tuple(
            _trait(trait, position.at("traits", number))
            for number, trait in enumerate(change.get("traits", ()))
            if not trait.get("disable")
        )
        return ComponentSpec(
            component.name,
            change["type"],
            change.get("properties", {}),
            new_traits,
            (),
            position,
        )
    traits = _traits(
        component.traits, change.get("traits", ()), position.at("traits")
    )
    return replace(
        _merged_part(component, change, position), traits=tuple(traits)
    )


def _traits(
    traits: Sequence[Trait],
    changes: Sequence[_Change],
    position: SourcePosition,
) -> Iterator[Trait]:
    """Yield the traits with their changes, followed by new traits."""
    disabled = {change["type"] for change in changes if change.get("disable")}
    known = {trait.type for trait in traits} | disabled
    for trait in traits:
        for number, change in enumerate(changes):
            if change["type"] == trait.type:
                trait = _merged_part(trait, change, position.at(number))
        if trait.type not in disabled:
            yield trait
    added: dict[str, Trait] = {}
    for number, change in enumerate(changes):
        type_ = change["type"]
        here = position.at(number)
        if type_ in added:
            added[type_] = _merged_part(added[type_], change, here)
        elif type_ not in known:
            added[type_] = _trait(change, here)
    yield from added.values()


def _trait(change: _Change, position: SourcePosition) -> Trait:
    return Trait(change["type"], change.get("properties", {}), position)


def _merged_part(
    part: _Part, change: _Change, position: SourcePosition
) -> _Part:
    """Return a component or a trait with the properties of its change."""
    moved = dict(part.position.moved)
    base = replace(part.position, moved=moved)
    properties = _merged(
        part.properties,
        change.get("properties", {}),
        base,
        position,
        "properties",
        moved,
    )
    return replace(part, position=base, properties=properties)


def _merged(
    old: Any,
    new: Any,
    old_at: SourcePosition,
    new_at: SourcePosition,
    name: str,
    moved: dict[Path, Path],
) -> Any:
    """Merge `new` into `old`: mappings key by key, other values as a whole. Record new positions in
    `moved`."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        moved[*old_at.path, name] = new_at.at(name).path
        return new
    below_old = old_at.at(name)
    below_new = new_at.at(name)
    merged = dict(old)
    for key, value in new.items():
        merged[key] = _merged(
            old.get(key), value, below_old, below_new, key, moved
        )
    return merged
