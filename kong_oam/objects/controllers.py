"""Objects of which a controller makes others: where it makes them, and what a release of Helm's is
called. Pure.

What a chart, a repository or a module makes by itself is in no rendered object, and is not judged.
"""

from __future__ import annotations

from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.known_kinds import RELEASE, is_controlled
from kong_oam.objects.pods import mapping

_LONGEST_RELEASE = 53


def deploys_to(rendered: RenderedObject) -> str:
    """Return the namespace that an object's controller makes objects in, unless they say
    another."""
    if not is_controlled(rendered):
        return rendered.namespace
    spec = mapping(rendered.object.get("spec"))
    named = spec.get("targetNamespace") or (
        spec.get("namespace") if rendered.group_kind == RELEASE else None
    )
    return str(named or rendered.namespace)


def release_name(rendered: RenderedObject) -> str:
    """Return the name of the release that Helm makes of an object."""
    spec = mapping(rendered.object.get("spec"))
    if rendered.group_kind == RELEASE:
        return str(spec.get("name") or rendered.name)
    if said := spec.get("releaseName"):
        return str(said)
    target = spec.get("targetNamespace")  # Flux puts it in front
    return f"{target}-{rendered.name}" if target else rendered.name


def is_installed_here(rendered: RenderedObject) -> bool:
    """Tell whether Helm installs an object's release in this cluster, under the name that
    `release_name` gives: of a longer name Flux makes another, and Helm none."""
    spec = mapping(rendered.object.get("spec"))
    is_elsewhere = spec.get("kubeConfig") is not None or spec.get(
        "suspend"
    ) not in (None, False)
    return not is_elsewhere and len(release_name(rendered)) <= _LONGEST_RELEASE
