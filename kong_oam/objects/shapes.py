"""Check names and shapes that an API server would reject, before a run. Pure.

The checks cover only the parts of pods and Services that Kong-OAM reads or changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kong_oam.diagnostics import Findings, some
from kong_oam.oam.rendered import WORKLOADS, GroupKind, RenderedObject
from kong_oam.objects.component import JudgedComponent, dotted
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.known_kinds import INGRESSES
from kong_oam.objects.object_schemas import (
    OTHER_POD,
    WORKLOAD_POD,
    differences,
    object_schema,
)
from kong_oam.objects.pods import Located, PodTemplate, mapping, mappings

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAMES = {
    ("", "Service"): (
        re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?"),
        63,
        "a letter first, then letters, digits and dashes",
    ),
    ("", "Namespace"): (
        re.compile(_LABEL),
        63,
        "small letters, digits and dashes",
    ),
}
_SUBDOMAIN = (
    re.compile(rf"{_LABEL}(\.{_LABEL})*"),
    253,
    "small letters, digits, dashes and dots",
)
_RBAC = (
    re.compile(r"(?!\.\.?\Z)[^/%\s]+"),
    253,
    "no slashes, percent signs and blanks",
)


def shapes_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield findings about an object's name, and about the shape of its pods and Services."""
    kind = rendered.group_kind
    if kind in INGRESSES:
        return
    if message := _misnamed(rendered, kind):
        yield component.refused("OAM103", rendered, message)
    for path, wanted in _misshapen(rendered, kind):
        message = f"{dotted(path)} must be {wanted}"
        yield component.refused("OAM103", rendered, message, path)
    if kind in WORKLOADS:
        for path, message in _unmounted(rendered):
            yield component.refused(
                "OAM103", rendered, f"{dotted(path)} {message}", path
            )


def _unmounted(rendered: RenderedObject) -> Located:
    """Yield mounts of volumes that the pods lack. A StatefulSet has its claims' volumes too."""
    claims = mappings(rendered.spec.get("volumeClaimTemplates"))
    claimed = [mapping(claim.get("metadata")).get("name") for claim in claims]
    for template in component_pods(rendered):
        volumes = mappings(template.spec.get("volumes"))
        volume_names = [volume.get("name") for volume in volumes]
        names = [
            name for name in (*volume_names, *claimed) if isinstance(name, str)
        ]
        has = f"only {some(map(repr, sorted(names)))}" if names else "none"
        for path, name in _mounts(template):
            if name not in names:
                yield (
                    path,
                    (
                        f"mounts volume '{name}', but the pods have {has}; add the "
                        "volume"
                    ),
                )


def _mounts(template: PodTemplate) -> Located:
    """Yield the names of mounted volumes, each with the path of the mount."""
    for at, container in template.containers():
        for field in ("volumeMounts", "volumeDevices"):
            for index, mount in enumerate(mappings(container.get(field))):
                name = mount.get("name")
                if isinstance(name, str):
                    yield (*at, field, str(index)), name


def _misnamed(rendered: RenderedObject, kind: GroupKind) -> str:
    is_role = kind[0] == "rbac.authorization.k8s.io"
    rule = _RBAC if is_role else _NAMES.get(kind, _SUBDOMAIN)
    pattern, length, means = rule
    if not rendered.name or (
        len(rendered.name) <= length and pattern.fullmatch(rendered.name)
    ):
        return ""
    return (
        f"its name is invalid for a {kind[1]}: {means}, at most {length} "
        "characters; rename it or its component"
    )


def _misshapen(rendered: RenderedObject, kind: GroupKind) -> Located:
    """Yield each part with a wrong shape, and the expected shape."""
    yield from differences(rendered.object, object_schema(kind), ())
    is_workload = kind in WORKLOADS
    schema = WORKLOAD_POD if is_workload else OTHER_POD
    pods = component_pods(rendered)
    for template in pods:
        at = (*template.path, "spec")
        yield from differences(template.spec, schema, at)
        if is_workload and not template.spec.get("containers"):
            yield (*at, "containers"), "a list of at least one container"
    spec = rendered.object.get("spec")
    if is_workload and not pods and (spec is None or isinstance(spec, Mapping)):
        yield ("spec",), "a mapping with the pod template and its containers"
