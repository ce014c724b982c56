"""Objects of which a controller makes others: what they say in texts, which it reads and nobody
here does. Pure.

What a chart, a repository or a module makes by itself is in no rendered object, and is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, dotted
from kong_oam.objects.pods import Path, mapping
from kong_oam.objects.texts import Text, texts_held, texts_in

RELEASE = ("helm.sh", "Release")
KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "Kustomization")
_HELM_RELEASE = ("helm.toolkit.fluxcd.io", "HelmRelease")
RELEASES = frozenset({RELEASE, _HELM_RELEASE})
"""The kinds of which Helm makes a release: by Pulumi, and by Flux."""
_MODULE = ("terraform.core.oam.dev", "Configuration")
_CONTROLLED = frozenset({*RELEASES, KUSTOMIZATION, _MODULE})

_LONGEST_RELEASE = 53
_PATCHES = ("patches", "patchesJson6902", "patchesStrategicMerge")
_NAMESPACE = re.compile(r"""\bnamespace"?\s*[=:]\s*"([^"\s]*)\"""")
"""Where a text in HCL, or in JSON, says a namespace."""

Sources = Mapping[tuple[str, str, str], tuple[RenderedObject, ...]]
"""The ConfigMaps and Secrets that components render, by namespace, kind and name."""


def is_controlled(one: RenderedObject) -> bool:
    """Whether a controller of Flux's or Terraform's, or Helm, makes other objects of it."""
    return one.group_kind in _CONTROLLED


def patches_refused(
    component: JudgedComponent, one: RenderedObject
) -> Iterator[Diagnostic]:
    """Yields where an object has its controller change what it makes: pods that are seen here in no
    form."""
    if not is_controlled(one):
        return
    for path, holder in one.inside:
        for field in (
            _PATCHES if path[:1] == ("spec",) and path[:2] != ("spec", "values") else ()
        ):
            if holder.get(field):
                at = (*path, field)
                message = (
                    f"{dotted(at)} would change pods and Services that nobody here sees; take it "
                    "out, and write it into the chart's values or the repository"
                )
                yield component.refused("ACC226", one, message, at)


def deploys_to(one: RenderedObject) -> str:
    """The namespace that an object's controller makes objects in, unless they say another."""
    if not is_controlled(one):
        return one.namespace
    spec = mapping(one.object.get("spec"))
    named = spec.get("targetNamespace") or (
        spec.get("namespace") if one.group_kind == RELEASE else None
    )
    return str(named or one.namespace)


def release_name(one: RenderedObject) -> str:
    """The name of the release that Helm makes of an object."""
    spec = mapping(one.object.get("spec"))
    if one.group_kind == RELEASE:
        return str(spec.get("name") or one.name)
    if said := spec.get("releaseName"):
        return str(said)
    target = spec.get("targetNamespace")  # Flux puts it in front
    return f"{target}-{one.name}" if target else one.name


def is_installed_here(one: RenderedObject) -> bool:
    """Whether Helm installs an object's release in this cluster, under the name that `release_name`
    gives: of a longer name Flux makes another, and Helm none."""
    spec = mapping(one.object.get("spec"))
    is_elsewhere = spec.get("kubeConfig") is not None or spec.get("suspend") not in (
        None,
        False,
    )
    return not is_elsewhere and len(release_name(one)) <= _LONGEST_RELEASE


def namespaces_said(one: RenderedObject) -> Iterator[tuple[str, str]]:
    """Yields the namespaces that a Configuration names: for its state, or in code that makes
    objects in a cluster."""
    if one.group_kind != _MODULE:
        return
    for said in texts_in(one.object.get("spec"), ("spec",)):
        path, text = said.path, said.text
        if said.is_key:
            continue
        of_state = path[1:2] == ("backend",)  # a spec that is no mapping has no fields
        if of_state and path[-1] == "namespace":
            yield dotted(path), text
        elif of_state or "kubernetes" in text:
            for namespace in _NAMESPACE.findall(text):
                yield f"a namespace in {dotted(path)}", namespace


def texts_of_sources(
    one: RenderedObject, sources: Sources
) -> Iterator[tuple[Path, str, Text]]:
    """Yields the texts of ConfigMaps and Secrets that a controller reads as part of the object.
    Each has the path and the name by which the object says its source."""
    if is_controlled(one):
        for path, holder in one.inside:
            kind, name = str(holder.get("kind")), str(holder.get("name"))
            for found in sources.get((one.namespace, kind, name), ()):
                yield from (
                    ((*path, "name"), name, text) for text in texts_held(found.object)
                )
