"""What waits for what among the components of an Application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from kong_oam.diagnostics import Diagnostic, some, suggestion
from kong_oam.oam.model import Application


def wrong_dependencies(application: Application) -> Iterator[Diagnostic]:
    """Yields each `dependsOn` that names no component."""
    names = {component.name for component in application.components}
    for component in application.components:
        for position, name in enumerate(component.depends_on):
            if name not in names:
                place = component.place.at("dependsOn", position)
                yield Diagnostic(
                    "OAM103",
                    f"dependsOn '{name}' is no component{suggestion(name, names)}",
                    place,
                )
    if circle := circle_of(
        {component.name: component.depends_on for component in application.components}
    ):
        message = f"dependsOn goes round in a circle: {some(circle, ' -> ')}"
        yield Diagnostic("OAM103", message, application.place.at("spec", "components"))


def circle_of(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A circle of names, each before one that it waits for, the first also last; empty where there
    is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()
