"""Writes a retirement as changes of decK files, step by step.

`deck gateway sync` deletes plugins before routes, and routes before services. So a guarded route
must lose its workload before its lines go. In the first step, a service whose routes all go gets a
host that nobody has. In the next step its lines go. Source: pkg/diff/order.go of
Kong/go-database-reconciler.

A patch repeats the lines that it removes. So it never removes a line with a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.adopt.coverage import Exposed
from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.entities import (
    OldConsumer,
    OldKong,
    OldRoute,
    OldService,
)
from kong_oam.adopt.fields import PLUGIN_SETTINGS
from kong_oam.adopt.retire import Retirement, rest_taken
from kong_oam.diagnostics import Position
from kong_oam.oam.document import read
from kong_oam.oam.edit import changed, lines_of, unified, value_at
from kong_oam.oam.position import Document, Path

# No name below `invalid` ever resolves (RFC 6761).
NOWHERE = "retired.invalid"

# Names and contents of files.
_Files = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Patches:
    """The next step as unified diffs, and the entities that wait for another step, in words.

    `is_closing`: the step closes services, and a further step removes them. `unwritten`: files that
    cannot be edited, each with the reason; then there are no diffs.
    """

    diffs: Names = ()
    waiting: Names = ()
    unwritten: Names = ()
    is_closing: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    """The services to close in a step, and the positions of the entities to remove."""

    closed: tuple[OldService, ...]
    gone: tuple[Position, ...]
    waiting: Names


def patches(
    retirement: Retirement, old: OldKong, exposed: Exposed, files: _Files
) -> Patches:
    """Return the next step of a retirement. `old`: the configuration that the files declare."""
    step = _next_step(retirement, old, exposed)
    diffs = []
    edited = []
    unwritten = []
    for name, raw in files:
        documents, _ = read(name, raw)
        text = _edited(documents[0], name, step) if documents else None
        if text is None:
            unwritten.append(f"{name} has flow style or aliases")
            continue
        edited.append((name, text.encode()))
        diff = _without_secrets(documents[0], text)
        if diff is None:
            unwritten.append(f"{name} has secrets in lines to remove")
        else:
            diffs.append(diff)
    if not unwritten and read_deck(edited)[0] is None:
        unwritten = ["an entity that stays refers to an entity that goes"]
    if unwritten:
        return Patches((), step.waiting, tuple(unwritten))
    changes = tuple(filter(None, diffs))
    return Patches(changes, step.waiting, (), bool(step.closed))


def _without_secrets(document: Document, text: str) -> str | None:
    """Return the diff of a document, empty without a change. None if each diff shows a secret."""
    secrets = _secret_lines(document)
    for context in (3, 0):
        diff = (
            unified(document.file, document.text, text, context=context) or ""
        )
        if secrets.isdisjoint(_lines_shown(diff)):
            return diff
    return None


_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? ", re.MULTILINE)


def _lines_shown(diff: str) -> Iterator[int]:
    """Yield the numbers of the old lines in a unified diff."""
    for start, count in _HUNK.findall(diff):
        yield from range(int(start), int(start) + int(count or 1))


def _secret_lines(document: Document) -> set[int]:
    """Return the numbers of the lines that may hold a secret."""
    lines: set[int] = set()
    for path in _secrets(document.data):
        lines.update(lines_of(document, path))
    return lines


# Names of fields, and texts, that show a secret.
_SECRET_NAME = re.compile(
    r"(?i)pass(word|wd)?|secret|token|key|credential|authorization|cookie|cert"
)
_SECRET_TEXT = re.compile(r"(?i)authorization:|(api|access)[_-]?key:|bearer ")


def _harmless_names() -> frozenset[str]:
    """Return the settings of plugins whose values are no secrets, such as `key_names`."""
    names: set[str] = set()
    for settings in PLUGIN_SETTINGS.values():
        names.update(settings)
    return frozenset(names)


_HARMLESS = _harmless_names()


def _secrets(
    data: object, path: Path = (), *, is_inside: bool = False
) -> Iterator[Path]:
    """Yield the path of each text that may be a secret, by the names around it and by itself."""
    if isinstance(data, dict):
        for name, value in data.items():
            named = name not in _HARMLESS and _SECRET_NAME.search(name)
            inside = is_inside or bool(named)
            yield from _secrets(value, (*path, name), is_inside=inside)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _secrets(value, (*path, index), is_inside=is_inside)
    elif isinstance(data, str) and (is_inside or _SECRET_TEXT.search(data)):
        yield path


def _next_step(retirement: Retirement, old: OldKong, exposed: Exposed) -> _Step:
    with_routes = {route.service.name for route in old.routes if route.service}
    closed = []
    gone: list[Position] = []
    removed = set()
    for service in retirement.services:
        if service.name in with_routes and service.host != NOWHERE:
            closed.append(service)
        else:
            removed.add(service.name)
            gone.append(service.position)
    leaving = {service.name for service in retirement.services}
    apart = []
    for retired in retirement.routes:
        service_name = _service_of(retired.route)
        if service_name in removed:
            gone.append(retired.route.position)
        elif service_name not in leaving:
            apart.append(retired.route)
    waiting = []
    for route in apart:
        reason = _reason_to_wait(route, old, apart, exposed)
        if reason:
            waiting.append(f"route '{route.name}': {reason}")
        else:
            gone.append(route.position)
    gone += _plugins_of(old, removed)
    if not closed:
        gone += [each.position for each in retirement.upstreams]
        for consumer in retirement.consumers:
            if consumer.credentials:
                waiting.append(
                    f"consumer '{consumer.name}': a patch would show its credentials; remove it by "
                    "hand"
                )
        bare = filter(_has_no_credential, retirement.consumers)
        gone += _consumers_of(bare, old)
    return _Step(tuple(closed), tuple(gone), tuple(waiting))


def _service_of(route: OldRoute) -> str:
    return route.service.name if route.service else ""


def _reason_to_wait(
    route: OldRoute, old: OldKong, apart: Iterable[OldRoute], exposed: Exposed
) -> str:
    """Return why a route whose service stays cannot go in this step, or an empty text."""
    if any(plugin.route == route.name for plugin in old.plugins):
        return "a sync would delete its plugins before it; use --format api"
    coverage = exposed.coverage(route)
    for lower in apart:
        if lower is not route and rest_taken(
            lower, route, coverage, exposed.hosts
        ):
            return f"route '{lower.name}' goes first; run the command again after the sync"
    return ""


def _plugins_of(old: OldKong, services: set[str]) -> Iterator[Position]:
    """Yield the positions of plugins on services and on their routes."""
    for plugin in old.plugins:
        route = old.route.get(plugin.route)
        of_route = _service_of(route) if route else ""
        if plugin.service in services or of_route in services:
            yield plugin.position


def _has_no_credential(consumer: OldConsumer) -> bool:
    return not consumer.credentials


def _consumers_of(
    consumers: Iterable[OldConsumer], old: OldKong
) -> Iterator[Position]:
    """Yield the positions of consumers to remove, and of their plugins."""
    names = set()
    for consumer in consumers:
        names.add(consumer.name)
        yield consumer.position
    for plugin in old.plugins:
        if plugin.consumer in names:
            yield plugin.position


def _edited(document: Document, name: str, step: _Step) -> str | None:
    """Return the text of a file after a step, or None if it cannot be edited safely."""
    gone = list(_paths_at(document, name, step.gone))
    closed = [service.position for service in step.closed]
    values: dict[Path, str] = {}
    for path in _paths_at(document, name, closed):
        values |= _closing(document, path)
    if not gone and not values:
        return document.text
    return changed(document, gone, values)


def _closing(document: Document, path: Path) -> Mapping[Path, str]:
    """Return the new address of the service at a path."""
    if "url" in value_at(document.data, path):
        return {(*path, "url"): f"http://{NOWHERE}"}
    return {(*path, "host"): NOWHERE}


def _paths_at(
    document: Document, name: str, positions: Iterable[Position]
) -> Iterator[Path]:
    """Yield the paths of the entities at positions in a file."""
    wanted = {
        (place.line, place.column) for place in positions if place.file == name
    }
    for path in _entity_paths(document.data):
        place = document.position(*path)
        if (place.line, place.column) in wanted:
            yield path


def _entity_paths(data: object, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each entry in lists of entities, outer entries first."""
    if not isinstance(data, dict):
        return
    for name, values in data.items():
        if not isinstance(values, list):
            continue
        for index, entry in enumerate(values):
            inner = (*path, name, index)
            if isinstance(entry, dict):
                yield inner
                yield from _entity_paths(entry, inner)
