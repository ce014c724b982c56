"""Objects from which a controller creates other objects: their namespace, and the name of a Helm
release. Pure.

The checks do not see the objects that a chart, a repository or a module creates.
"""

from __future__ import annotations

from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.known_kinds import RELEASE, is_controlled

_LONGEST_RELEASE = 53


def deploys_to(rendered: RenderedObject) -> str:
    """Return the namespace in which an object's controller creates objects by default."""
    if not is_controlled(rendered):
        return rendered.namespace
    spec = rendered.spec
    named = spec.get("targetNamespace") or (
        spec.get("namespace") if rendered.group_kind == RELEASE else None
    )
    return str(named or rendered.namespace)


def release_name(rendered: RenderedObject) -> str:
    """Return the name of the Helm release of an object."""
    spec = rendered.spec
    if rendered.group_kind == RELEASE:
        return str(spec.get("name") or rendered.name)
    if name := spec.get("releaseName"):
        return str(name)
    target = spec.get("targetNamespace")  # Flux prefixes it
    return f"{target}-{rendered.name}" if target else rendered.name


def is_installed_here(rendered: RenderedObject) -> bool:
    """Tell whether Helm installs an object's release in this cluster, under the name of
    `release_name`. Flux shortens longer names, and Helm rejects them."""
    spec = rendered.spec
    is_elsewhere = spec.get("kubeConfig") is not None or spec.get(
        "suspend"
    ) not in (None, False)
    return not is_elsewhere and len(release_name(rendered)) <= _LONGEST_RELEASE
