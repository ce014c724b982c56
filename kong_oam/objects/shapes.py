"""Names and shapes that an API server refuses, or that nothing can be added to: found before a run, not in it. Pure.

Of pods and Services no more is known here than what is read and changed when they are deployed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kong_oam.diagnostics import Diagnostic, some
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import INGRESSES, JudgedComponent, dotted
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.kinds import USUAL
from kong_oam.objects.pods import CONTAINER_LISTS, WORKLOADS, Path, mapping, mappings

Shape = str | list[Any] | Mapping[str, Any]
"""`text`, `number` or `either` of them; a list with the shape of its items; fields, those with `!` needed, and `*` for
whatever is there."""

_TEXTS: Final[Shape] = {"*": "text"}

_CONTAINER: Final[Mapping[str, Any]] = {
    "image": "text",
    "command": ["text"],
    "args": ["text"],
    "env": [{"name!": "text"}],
    "envFrom": [{}],
    "ports": [{"containerPort!": "number", "name": "text", "protocol": "text"}],
    "volumeMounts": [{"name!": "text"}],
    "securityContext": {},
}
_POD: Final[Mapping[str, Any]] = {
    **{kind: [{"name": "text", **_CONTAINER}] for kind in CONTAINER_LISTS},
    "volumes": [{"name!": "text", "image": {"reference": "text"}}],
    "imagePullSecrets": [{}],
    "hostAliases": [{"ip!": "text", "hostnames!": ["text"]}],
    "serviceAccountName": "text",
    "serviceAccount": "text",
    "securityContext": {},
}
_WORKLOAD: Final = {**_POD, **{kind: [{"name!": "text", **_CONTAINER}] for kind in CONTAINER_LISTS}}
"""The pods of Kubernetes' own workloads. A controller may name the containers of a kind of its own, as Knative does."""
_PORT: Final[Shape] = {"port!": "number", "targetPort": "either", "name": "text", "protocol": "text"}
_SERVICE: Final[Shape] = {"ports": [_PORT], "type": "text", "clusterIP": "text"}
_METADATA: Final[Shape] = {"name": "text", "namespace": "text", "labels": _TEXTS, "annotations": _TEXTS}
_HELD: Final[Mapping[tuple[str, str], Shape]] = {
    ("", "ConfigMap"): {"data": _TEXTS, "binaryData": _TEXTS},
    ("", "Secret"): {"data": _TEXTS, "stringData": _TEXTS, "type": "text"},
}

_LABEL: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAMES: Final = {
    ("", "Service"): (re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?"), 63, "a letter first, then letters, digits and dashes"),
    ("", "Namespace"): (re.compile(_LABEL), 63, "small letters, digits and dashes"),
}
_SUBDOMAIN: Final = (re.compile(rf"{_LABEL}(\.{_LABEL})*"), 253, "small letters, digits, dashes and dots")
_RBAC: Final = (re.compile(r"(?!\.\.?\Z)[^/%\s]+"), 253, "no slashes, percent signs and blanks")


def shapes_refused(component: JudgedComponent, one: RenderedObject) -> Iterator[Diagnostic]:
    """Yields what is wrong about the name of a rendered object, and about the shape of pods and Services."""
    kind = one.group_kind
    if kind in INGRESSES:
        return
    if message := _misnamed(one, kind):
        yield component.refused("OAM103", one, message)
    for path, wanted in _misshapen(one, kind):
        yield component.refused("OAM103", one, f"{dotted(path)} has to be {wanted}", path)
    for path, message in _unmounted(one) if kind in WORKLOADS else ():
        yield component.refused("OAM103", one, f"{dotted(path)} {message}", path)


def _unmounted(one: RenderedObject) -> Iterator[tuple[Path, str]]:
    """Yields where containers mount volumes that their pods do not have. A StatefulSet's have those of its claims."""
    claims = mappings(mapping(one.object.get("spec")).get("volumeClaimTemplates"))
    claimed = [mapping(claim.get("metadata")).get("name") for claim in claims]
    for template in fenced_pods(one):
        there = [volume.get("name") for volume in mappings(template.spec.get("volumes"))]
        names = [name for name in (*there, *claimed) if isinstance(name, str)]
        for at, container in template.containers():
            for field in ("volumeMounts", "volumeDevices"):
                for index, mount in enumerate(mappings(container.get(field))):
                    if isinstance(name := mount.get("name"), str) and name not in names:
                        has = f"only {some(map(repr, sorted(names)))}" if names else "none"
                        yield (*at, field, str(index)), f"is of volume '{name}', and the pods have {has}"


def _misnamed(one: RenderedObject, kind: tuple[str, str]) -> str:
    pattern, length, means = _RBAC if kind[0] == "rbac.authorization.k8s.io" else _NAMES.get(kind, _SUBDOMAIN)
    if not one.name or (len(one.name) <= length and pattern.fullmatch(one.name)):
        return ""
    return f"a {kind[1]} cannot be named so: {means}, {length} in all; rename it, or what it is named after"


def _misshapen(one: RenderedObject, kind: tuple[str, str]) -> Iterator[tuple[Path, str]]:
    """Yields where an object has another shape, and what would be there."""
    spec = one.object.get("spec")
    yield from _differences(one.object.get("metadata"), _METADATA, ("metadata",))
    if kind == ("", "Service"):
        yield from _differences(mapping(spec), _SERVICE, ("spec",))
    elif held := _HELD.get(kind):
        yield from _differences(one.object, held, ())
    elif kind in USUAL or kind[0] == "apiextensions.k8s.io":
        yield from _differences(spec, {}, ("spec",))
    pods = fenced_pods(one)
    for template in pods:
        at = (*template.path, "spec")
        yield from _differences(template.spec, _WORKLOAD if kind in WORKLOADS else _POD, at)
        if kind in WORKLOADS and not template.spec.get("containers"):
            yield (*at, "containers"), "a list of at least one container"
    if kind in WORKLOADS and not pods and (spec is None or isinstance(spec, Mapping)):
        yield ("spec",), "what pods are made of, with their containers"


def _differences(value: Any, shape: Shape, path: Path) -> list[tuple[Path, str]]:
    """Where a value has another shape. None is as good as nothing."""
    found: list[tuple[Path, str]] = []
    if value is not None:
        _compare(value, shape, path, found)
    return found


def _compare(value: Any, shape: Shape, path: Path, found: list[tuple[Path, str]]) -> None:
    if isinstance(shape, str):
        if not _is(value, shape):
            found.append((path, {"text": "a text", "number": "a number"}.get(shape, "a number or a text")))
    elif isinstance(shape, list):
        if not isinstance(value, (list, tuple)):
            found.append((path, "a list"))
            return
        for index, item in enumerate(value):
            one = {} if item is None and isinstance(shape[0], Mapping) else item
            if one is not None:
                _compare(one, shape[0], (*path, str(index)), found)
    elif type(value) is dict or isinstance(value, Mapping):  # a dict is seen sooner as a dict
        _compare_fields(value, shape, path, found)
    else:
        found.append((path, "a mapping"))


def _compare_fields(
    value: Mapping[str, Any], shape: Mapping[str, Shape], path: Path, found: list[tuple[Path, str]]
) -> None:
    if "*" in shape:
        for field, one in value.items():
            if one is not None:
                _compare(one, shape["*"], (*path, str(field)), found)
        return
    for field, inner in shape.items():
        name = field.removesuffix("!")
        if (one := value.get(name)) is not None:
            _compare(one, inner, (*path, name), found)
        elif name != field:
            found.append(((*path, name), "there"))


def _is(value: Any, shape: str) -> bool:
    if isinstance(value, str):
        return shape != "number"
    return shape != "text" and isinstance(value, (int, float)) and not isinstance(value, bool) and value % 1 == 0
