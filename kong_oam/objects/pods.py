"""Find pod templates in Kubernetes objects, and read their parts.

Parts with a shape that Kubernetes does not expect are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import WORKLOADS, group_kind
from kong_oam.oam.rendered import Path as Path

# A Kubernetes object to write, or a part of one.
#
# This type marks the edge to Kubernetes. Objects that were read are `Fields`.
Manifest = dict[str, Any]
# Paths in an object, each with a text about that path.
Located = Iterator[tuple[Path, str]]

# The fields of a pod spec with containers.
CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """A pod template of an object. `path` leads to the mapping with `metadata` and `spec`; empty
    for a Pod."""

    path: Path
    labels: Fields
    annotations: Fields
    spec: Fields
    # The field in that mapping with the pod spec.
    field: str = "spec"

    @property
    def at(self) -> Path:
        """The path of the pod spec in the object."""
        return *self.path, self.field

    def containers(self) -> Iterator[tuple[Path, Fields]]:
        """Yield all containers, including init and debug containers, each with its path in the
        object."""
        for kind in CONTAINER_LISTS:
            for index, container in enumerate(mappings(self.spec.get(kind))):
                yield (*self.at, kind, str(index)), container


def pod_templates(
    found: Fields, pod_spec_path: str | None = None
) -> Iterator[PodTemplate]:
    """Yield the pod templates of an object: by its kind, or by its definition's `podSpecPath`.

    `pod_spec_path` leads to a pod spec (`spec.template.spec`); the template is its parent.
    """
    path = WORKLOADS.get(group_kind(found))
    if path is None and pod_spec_path:
        *around, last = pod_spec_path.split(".")
        path = tuple(around) if last == "spec" else None
    if path is not None and (template := template_at(found, path)):
        yield template


def template_at(found: Fields, path: Path) -> PodTemplate | None:
    """Return the pod template at a path; None without a pod spec."""
    return template_of(mapping(holder_at(found, path)), path)


def holder_at(found: Fields, path: Path) -> Any:
    """Return the value at a path in an object; None if it is missing. Items have an index."""
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
    """Return a mapping as the pod template at `path`; None without a spec."""
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
    """Return a copy of the object with this template's labels, annotations and spec at `path`."""
    result = deepcopy(dict(found))
    holder = holder_at(result, path)
    metadata = dict(mapping(holder.get("metadata")))
    for key, value in (
        ("labels", template.labels),
        ("annotations", template.annotations),
    ):
        if value or key in metadata:
            metadata[key] = deepcopy(dict(value))
    if metadata:
        holder["metadata"] = metadata
    holder["spec"] = deepcopy(dict(template.spec))
    return result


def service_account(template: PodTemplate) -> str:
    """Return the ServiceAccount of the pods; empty if the template names none.

    As in Kubernetes, the deprecated `serviceAccount` applies if `serviceAccountName` is empty.
    """
    return str(
        template.spec.get("serviceAccountName")
        or template.spec.get("serviceAccount")
        or ""
    )


def mapping(value: Any) -> Fields:
    """Return the value if it is a mapping, else an empty mapping."""
    if type(value) is dict:  # the usual case, and faster
        return value
    return value if value is not None and isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Fields]:
    """Return the items of a list, with an empty mapping in place of other values."""
    return (
        [mapping(item) for item in value]
        if value and isinstance(value, (list, tuple))
        else []
    )


def texts(values: object) -> dict[str, str]:
    """Return labels, annotations or a selector with texts as values."""
    return {
        str(key): value if isinstance(value, str) else repr(value)
        for key, value in mapping(values).items()
    }
