"""Pods in Kubernetes objects: where the templates of an object are, and what a pod of one reads and
runs as.

Objects are taken as a definition renders them: what has another shape than Kubernetes asks for is
read over here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import WORKLOADS, group_kind
from kong_oam.oam.rendered import Path as Path

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, that is about to be written.

The edge of Kubernetes. What was read of an object is `Fields`."""
Located = Iterator[tuple[Path, str]]
"""Paths in an object, each with what there is to say of what stands there."""

CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
"""The fields of a pod's spec that hold containers."""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """Pods of an object. `path` leads to the mapping that has their `metadata` and `spec`; of a Pod
    it is empty."""

    path: Path
    labels: Fields
    annotations: Fields
    spec: Fields
    field: str = "spec"
    """The field in that mapping that is the pods' spec."""

    @property
    def at(self) -> Path:
        """Where the pods' spec is in the object."""
        return *self.path, self.field

    def containers(self) -> Iterator[tuple[Path, Fields]]:
        """Yield all containers, those of initialisation and for debugging too, each with its path
        in the object."""
        for kind in CONTAINER_LISTS:
            for index, container in enumerate(mappings(self.spec.get(kind))):
                yield (*self.at, kind, str(index)), container


def pod_templates(
    found: Fields, pod_spec_path: str | None = None
) -> Iterator[PodTemplate]:
    """Yield the pod templates of an object: by its kind, else where its definition's `podSpecPath`
    says.

    `pod_spec_path` leads to a pod's spec (`spec.template.spec`); the template is the mapping around
    it.
    """
    path = WORKLOADS.get(group_kind(found))
    if path is None and pod_spec_path:
        *around, last = pod_spec_path.split(".")
        path = tuple(around) if last == "spec" else None
    if path is not None and (template := template_at(found, path)):
        yield template


def template_at(found: Fields, path: Path) -> PodTemplate | None:
    """Return the pod template at a path; None where no pod's spec is there."""
    return template_of(mapping(holder_at(found, path)), path)


def holder_at(found: Fields, path: Path) -> Any:
    """Return what is at a path in an object, in a list by its number; None where there is
    nothing."""
    holder: Any = found
    for step in path:
        if isinstance(holder, (list, tuple)):
            holder = (
                holder[int(step)]
                if step.isdecimal() and int(step) < len(holder)
                else None
            )
        else:
            holder = mapping(holder).get(step)
    return holder


def template_of(holder: Fields, path: Path) -> PodTemplate | None:
    """Return a mapping as the pod template at `path`; None where it has no spec."""
    if not isinstance(spec := holder.get("spec"), Mapping):
        return None
    metadata = mapping(holder.get("metadata"))
    return PodTemplate(
        path,
        mapping(metadata.get("labels")),
        mapping(metadata.get("annotations")),
        spec,
    )


def replaced(found: Fields, path: Path, template: PodTemplate) -> Manifest:
    """Return a copy of the object with this template's labels, annotations and spec at `path`; all
    else is kept."""
    result: Manifest = copy.deepcopy(dict(found))
    holder = holder_at(result, path)
    metadata = dict(mapping(holder.get("metadata")))
    for key, value in (
        ("labels", template.labels),
        ("annotations", template.annotations),
    ):
        if value or key in metadata:
            metadata[key] = copy.deepcopy(dict(value))
    if metadata:
        holder["metadata"] = metadata
    holder["spec"] = copy.deepcopy(dict(template.spec))
    return result


def service_account(template: PodTemplate) -> str:
    """Return the ServiceAccount that the pods run as; empty where the template names none.

    The deprecated `serviceAccount` counts where `serviceAccountName` says nothing, as Kubernetes
    has it.
    """
    return str(
        template.spec.get("serviceAccountName")
        or template.spec.get("serviceAccount")
        or ""
    )


def mapping(value: Any) -> Fields:
    """Return the value where it is a mapping, else an empty one."""
    if type(value) is dict:  # which is seen sooner
        return value
    return value if value is not None and isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Fields]:
    """Return the mappings of a list, with an empty one for what is none: places stay as they
    are."""
    return (
        [mapping(item) for item in value]
        if value and isinstance(value, (list, tuple))
        else []
    )


def texts(values: object) -> dict[str, str]:
    """Labels, annotations or a selector with texts as values, whatever was rendered."""
    return {
        str(key): value if isinstance(value, str) else repr(value)
        for key, value in mapping(values).items()
    }
