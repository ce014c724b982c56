"""`render`: the Kubernetes objects of an Application, as they are deployed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

import yaml

from kong_oam.access.model import Application, Component
from kong_oam.access.settings.values import Settings
from kong_oam.cli.command import OK, Command, check_known
from kong_oam.cli.console import Console
from kong_oam.cli.estates import (
    add_estate,
    asked_settings,
    estate_of,
    no_stack_is_here,
    reading_of,
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
Prints the Kubernetes objects of an Application as YAML, as this stack deploys them, or where no stack is, by usual
settings: those that definitions make of it, with this stack's images and pull secrets, the labels and the identity of
their component, and those that are added, such as the NetworkPolicy that fences its pods. A comment above each says
which it is. What Kong and the identity provider get is not among them: `what`, `who` and `explain` tell of that.

Ingresses are left out, which become routes of Kong. Values of Secrets are masked; of a client's credential, and of what
one component takes from another once that is deployed, only a run knows the value.

  python -m kong_oam render orders
  python -m kong_oam render shop --component web --stack aws
"""

_MASKED = "(masked)"

_OF = {
    "definition": ", by a definition",
    "added": ", added",
    "read": ", somebody else's, which is only looked at",
    "patch": ", somebody else's, of which only this is changed",
    "release": ", a chart that the engine installs, with its inputs",
}
"""What a comment says of an object, by where it comes from."""


class _Shown(TypedDict):
    """An object of a component, as JSON has it: its origin as in _OF, and its place: the namespace,
    behind the name of a further cluster."""

    component: str
    place: str
    origin: str
    object: Manifest


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APPLICATION", help="its name")
    parser.add_argument(
        "--component",
        metavar="NAME",
        help="only the objects of this component of it",
    )
    add_estate(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    settings = asked_settings(options)
    estate = estate_of(reading_of(options.applications, settings), settings)
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
    shown = list[_Shown]()
    for component in components.values():
        shown.extend(_objects(application, component, settings))
    if console.json:
        console.print_json(shown)
        return OK
    settings_in_words = (
        "by usual settings, since no stack is here"
        if no_stack_is_here()
        else f"on stack {options.stack}"
    )
    console.print(
        f"# {len(shown)} object(s) of {application.name}, {settings_in_words}"
    )
    for entry in shown:
        console.print(
            "---",
            f"# {entry['component']} in {entry['place']}{_OF[entry['origin']]}",
        )
        # All that is not ASCII is escaped, so that it steers no terminal and is the same YAML.
        console.print_exactly(
            yaml.dump(
                entry["object"], Dumper=_InFull, sort_keys=False, width=120
            ).removesuffix("\n")
        )
    return OK


class _InFull(yaml.SafeDumper):
    """Writes what stands twice twice, with no names for it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _objects(
    application: Application, component: Component, settings: Settings
) -> Iterator[_Shown]:
    """Yield the objects at every place of the component; none of one that runs elsewhere."""
    for site in component.instances:
        if site.outside:
            continue
        made = placed_objects(application, site, settings)
        for placed in (*foundations_of(site, settings.stack.name), *made.all):
            manifest = _with_names(_masked(placed.manifest), placed)
            yield {
                "component": site.key,
                "place": site.at,
                "origin": _origin(placed),
                "object": manifest,
            }


def _origin(placed: PlacedObject) -> str:
    if not placed.rendered:
        return "added"
    if placed.options.read or placed.options.patch:
        return "read" if placed.options.read else "patch"
    return "release" if group_kind(placed.manifest) == RELEASE else "definition"


def _masked(manifest: Manifest) -> Manifest:
    if group_kind(manifest) != ("", "Secret"):
        return manifest
    # Output lands in logs and reviews: it has the keys of a Secret, and no value.
    masked = dict(manifest)
    for key in ("data", "stringData"):
        if isinstance(manifest.get(key), Mapping):
            masked[key] = dict.fromkeys(manifest[key], _MASKED)
    return masked


def _with_names(value: Any, placed: PlacedObject) -> Any:
    """A value with the names of components in place of what stands in for what only these will
    tell."""
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
)
