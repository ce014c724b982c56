"""What waits for what among the components of an Application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.oam.model import Application


def wrong_dependencies(application: Application) -> Iterator[Diagnostic]:
    """Yields each `dependsOn` that names no component."""
    names = {component.name for component in application.components}
    for component in application.components:
        for position, name in enumerate(component.depends_on):
            if name not in names:
                place = component.place.at("dependsOn", position)
                yield Diagnostic("OAM103", f"dependsOn '{name}' is no component{suggestion(name, names)}", place)
    if circle := circle_of({component.name: component.depends_on for component in application.components}):
        message = f"dependsOn goes round in a circle: {' -> '.join(circle)}"
        yield Diagnostic("OAM103", message, application.place.at("spec", "components"))


def circle_of(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A circle of names, its first repeated at the end; empty where there is none."""
    done: set[str] = set()
    for start in edges:
        trail: dict[str, None] = {}
        walk = [iter((start,))]
        while walk:
            name = next(walk[-1], None)
            if name is None:
                walk.pop()
                if trail:
                    done.add(trail.popitem()[0])
            elif name in trail:
                known = [*trail]
                return (*known[known.index(name) :], name)
            elif name in edges and name not in done:
                trail[name] = None
                walk.append(iter(edges[name]))
    return ()
