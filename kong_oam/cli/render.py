"""`render`: print the Kubernetes objects of an Application."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypedDict

import yaml

from kong_oam.access.model import Application, Component
from kong_oam.access.settings.values import Settings
from kong_oam.cli.command import OK, Command, check_known
from kong_oam.cli.console import Console
from kong_oam.cli.estates import (
    add_estate,
    has_no_stack,
    read_estate,
    selected_settings,
)
from kong_oam.kubernetes.rendered import (
    PlacedObject,
    foundations_of,
    placed_objects,
)
from kong_oam.oam.rendered import group_kind
from kong_oam.objects.known_kinds import RELEASE
from kong_oam.objects.pods import Manifest

_DETAILS = """\
Prints the Kubernetes objects of an Application as YAML, as the stack deploys them. Without a stack,
default settings apply. The output has the objects of its types, with the stack's images and pull
secrets and the component's labels and identity. It also has added objects, such as the
NetworkPolicy of its pods. A comment above each object names its source.

Ingresses become routes of Kong and are left out; see `what`, `who` and `explain` for access. Values
of Secrets are masked. Credentials of clients and values from other components have placeholders,
because only a run knows them.

  python -m kong_oam render orders
  python -m kong_oam render shop --component web --stack aws
"""


Origin = Literal["definition", "added", "read", "patch", "release"]

_ORIGINS: dict[Origin, str] = {
    "definition": ", by a definition",
    "added": ", added",
    "read": ", of another owner, only read",
    "patch": ", of another owner, only these fields are changed",
    "release": ", a chart that the engine installs, with its inputs",
}
"""The comment above an object, by its origin."""


class ObjectEntry(TypedDict):
    """An object of a component. `place` is the namespace, after the name of another cluster."""

    component: str
    place: str
    origin: Origin
    object: dict[str, Any]


class RenderAnswer(TypedDict):
    """The Kubernetes objects of an Application."""

    objects: list[ObjectEntry]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "application", metavar="APPLICATION", help="the Application's name"
    )
    parser.add_argument(
        "--component",
        metavar="NAME",
        help="only the objects of this component",
    )
    add_estate(parser)


def _run(options: Namespace, console: Console) -> int:
    settings = selected_settings(options)
    estate = read_estate(options.applications, settings)
    by_name = {
        application.name: application for application in estate.applications
    }
    check_known("Application", options.application, by_name)
    application = by_name[options.application]
    components = {
        component.name: component for component in application.components
    }
    if options.component is not None:
        check_known("component", options.component, components)
        components = {options.component: components[options.component]}
    shown = list[ObjectEntry]()
    for component in components.values():
        shown.extend(_objects(application, component, settings))
    if console.json:
        console.print_json({"objects": shown})
        return OK
    settings_in_words = (
        "with default settings, without a stack"
        if has_no_stack()
        else f"on stack {options.stack}"
    )
    console.print(
        f"# {len(shown)} object(s) of {application.name}, {settings_in_words}"
    )
    for entry in shown:
        console.print(
            "---",
            f"# {entry['component']} in {entry['place']}{_ORIGINS[entry['origin']]}",
        )
        # Escaped to ASCII: the same YAML, without control characters.
        console.print_exactly(
            yaml.dump(
                entry["object"], Dumper=_FullDumper, sort_keys=False, width=120
            ).removesuffix("\n")
        )
    return OK


class _FullDumper(yaml.SafeDumper):
    """A dumper that writes repeated values in full, without aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _objects(
    application: Application, component: Component, settings: Settings
) -> Iterator[ObjectEntry]:
    """Yield the objects at each place of the component. An external component has no objects."""
    for site in component.instances:
        if site.outside:
            continue
        objects = placed_objects(application, site, settings)
        for placed in (
            *foundations_of(site, settings.stack.name),
            *objects.all,
        ):
            manifest = _with_names(_mask(placed.manifest), placed)
            yield {
                "component": site.key,
                "place": site.at,
                "origin": _origin(placed),
                "object": {**manifest},
            }


def _origin(placed: PlacedObject) -> Origin:
    if not placed.rendered:
        return "added"
    if placed.options.read:
        return "read"
    if placed.options.patch:
        return "patch"
    return "release" if group_kind(placed.manifest) == RELEASE else "definition"


def _mask(manifest: Manifest) -> Manifest:
    if group_kind(manifest) != ("", "Secret"):
        return manifest
    # Logs and reviews may contain the output, so it has only the keys of a Secret.
    copy = dict(manifest)
    for key in ("data", "stringData"):
        if isinstance(manifest.get(key), Mapping):
            copy[key] = dict.fromkeys(manifest[key], "(masked)")
    return copy


def _with_names(value: Any, placed: PlacedObject) -> Any:
    """Replace placeholders, whose values only a run knows, by the names of the components."""
    if isinstance(value, str):
        for awaited in placed.awaited:
            value = value.replace(
                awaited.placeholder, f"(from {awaited.component})"
            )
        return value
    if isinstance(value, Mapping):
        return {key: _with_names(item, placed) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_names(item, placed) for item in value]
    return value


COMMAND = Command(
    "render",
    "print the Kubernetes objects of an Application",
    _DETAILS,
    _arguments,
    _run,
    RenderAnswer,
)
