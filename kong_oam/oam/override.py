"""Puts an override policy over an Application's components, as KubeVela does. Pure.

A name matches whole here (in KubeVela, `web` also hits `webserver`), and one that matches nothing
is an error (there, it adds a component). Where a part comes from the policy, its place is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.oam.document import Path, Place
from kong_oam.oam.model import Component, Policy, Trait

Named = Mapping[str, Any]


def overridden(
    components: Sequence[Component], policy: Policy
) -> tuple[Component, ...]:
    """Return the components with the policy's changes, those alone that its selector names.

    Whether a changed one is `plain` is for the caller to say.
    """
    changed = [*components]
    for number, change in enumerate(policy.properties.get("components", ())):
        place = policy.place.at("properties", "components", number)
        changed = [
            _changed(one, change, place) if _hits(change, one) else one
            for one in changed
        ]
    selected = policy.properties.get("selector")
    return tuple(one for one in changed if not selected or one.name in selected)


def wrong_override(
    components: Sequence[Component], policy: Policy
) -> Iterator[Diagnostic]:
    """Yields each name in an override that is no component's."""
    names = [one.name for one in components]
    place = policy.place.at("properties")
    for number, change in enumerate(policy.properties.get("components", ())):
        here = place.at("components", number)
        name, type_ = change.get("name"), change.get("type")
        if name and not any(_is_called(name, one) for one in names):
            hint = suggestion(name, names)
            yield Diagnostic(
                "OAM103",
                f"override '{policy.name}': '{name}' is no component{hint}",
                here.at("name"),
            )
        elif not name and type_ and not any(one.type == type_ for one in components):
            hint = suggestion(type_, {one.type for one in components})
            yield Diagnostic(
                "OAM103",
                f"override '{policy.name}': no component is of type '{type_}'{hint}",
                here.at("type"),
            )
    for number, name in enumerate(policy.properties.get("selector", ())):
        if name not in names:
            message = f"override '{policy.name}': '{name}' is no component{suggestion(name, names)}"
            yield Diagnostic("OAM103", message, place.at("selector", number))


def _hits(change: Named, component: Component) -> bool:
    name, type_ = change.get("name"), change.get("type")
    return (
        _is_called(name, component.name)
        if name
        else type_ in (None, "", component.type)
    )


def _is_called(pattern: str, name: str) -> bool:
    """Whether a name is the pattern's, in which `*` is any text and any other sign is itself."""
    return fnmatchcase(name, re.sub(r"[?\[]", r"[\g<0>]", pattern))


def _changed(component: Component, change: Named, place: Place) -> Component:
    if change.get("type") not in (None, "", component.type):
        made = tuple(
            _trait(trait, place.at("traits", number))
            for number, trait in enumerate(change.get("traits", ()))
            if not trait.get("disable")
        )
        return Component(
            component.name,
            change["type"],
            change.get("properties", {}),
            made,
            (),
            place,
        )
    moved = dict(component.place.moved)
    base = replace(component.place, moved=moved)
    properties = _merged(
        component.properties,
        change.get("properties", {}),
        base,
        place,
        "properties",
        moved,
    )
    traits = _traits(component.traits, change.get("traits", ()), place.at("traits"))
    return replace(component, place=base, properties=properties, traits=tuple(traits))


def _traits(
    traits: Sequence[Trait], changes: Sequence[Named], place: Place
) -> Iterator[Trait]:
    known = {one.type for one in traits}
    gone = {one["type"] for one in changes if one.get("disable")}
    for trait in traits:
        merged = trait
        for number, change in enumerate(changes):
            if change["type"] == trait.type:
                merged = _merged_trait(merged, change, place.at(number))
        if trait.type not in gone:
            yield merged
    added: dict[str, Trait] = {}
    for number, change in enumerate(changes):
        if change["type"] not in known | gone:
            here = place.at(number)
            before = added.get(change["type"])
            added[change["type"]] = (
                _merged_trait(before, change, here) if before else _trait(change, here)
            )
    yield from added.values()


def _trait(written: Named, place: Place) -> Trait:
    return Trait(written["type"], written.get("properties", {}), place)


def _merged_trait(trait: Trait, change: Named, place: Place) -> Trait:
    moved = dict(trait.place.moved)
    base = replace(trait.place, moved=moved)
    properties = _merged(
        trait.properties, change.get("properties", {}), base, place, "properties", moved
    )
    return Trait(trait.type, properties, base)


def _merged(
    old: Any, new: Any, old_at: Place, new_at: Place, name: str, moved: dict[Path, Path]
) -> Any:
    """`new` put over `old`: maps one by one, and whatever else as a whole. `moved` is told what
    then stands in `new_at`, at `name` below these places."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        moved[*old_at.path, name] = new_at.at(name).path
        return new
    below_old, below_new, merged = old_at.at(name), new_at.at(name), dict(old)
    for key, value in new.items():
        merged[key] = _merged(old.get(key), value, below_old, below_new, key, moved)
    return merged
