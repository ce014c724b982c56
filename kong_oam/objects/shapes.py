"""Names and shapes that an API server refuses, or that nothing can be added to: found before a run,
not in it. Pure.

Of pods and Services no more is known here than what is read and changed when they are deployed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import jsonschema_rs

from kong_oam.diagnostics import Diagnostic, some
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import INGRESSES, JudgedComponent, dotted
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.kinds import USUAL
from kong_oam.objects.pods import CONTAINER_LISTS, WORKLOADS, Path, mapping, mappings

Shape = dict[str, Any]
"""A JSON Schema. None is as good as nothing."""


def _list(items: Shape) -> Shape:
    return {"type": ["array", "null"], "items": items}


def _fields(**fields: Shape) -> Shape:
    """A mapping. It needs the fields that cannot be null."""
    needed = [field for field, shape in fields.items() if "null" not in shape["type"]]
    return {
        "type": ["object"] if needed else ["object", "null"],
        "required": needed,
        "properties": fields,
    }


def _needed(shape: Shape) -> Shape:
    return {**shape, "type": [name for name in shape["type"] if name != "null"]}


def _or_null(shape: Shape) -> Shape:
    return {**shape, "type": [*shape["type"], "null"]}


_TEXT: Final[Shape] = {"type": ["string", "null"]}
_EITHER: Final[Shape] = {"type": ["integer", "string", "null"]}
_NEEDED_TEXT: Final = _needed(_TEXT)
_NEEDED_NUMBER: Final[Shape] = {"type": ["integer"]}
_MAPPING: Final[Shape] = {"type": ["object", "null"]}
_TEXTS: Final[Shape] = {**_MAPPING, "additionalProperties": _TEXT}
_WANTED: Final = {
    "string": "a text",
    "integer": "a number",
    "integer string": "a number or a text",
    "array": "a list",
    "object": "a mapping",
}


def _container(name: Shape) -> Shape:
    return _fields(
        name=name,
        image=_TEXT,
        command=_list(_TEXT),
        args=_list(_TEXT),
        env=_list(_fields(name=_NEEDED_TEXT)),
        envFrom=_list(_MAPPING),
        ports=_list(_fields(containerPort=_NEEDED_NUMBER, name=_TEXT, protocol=_TEXT)),
        volumeMounts=_list(_fields(name=_NEEDED_TEXT)),
        securityContext=_MAPPING,
    )


def _pod(name: Shape) -> jsonschema_rs.Validator:
    """The pods of an object. `name`: that of a container."""
    containers = dict.fromkeys(CONTAINER_LISTS, _list(_container(name)))
    return jsonschema_rs.validator_for(
        _fields(
            **containers,
            volumes=_list(_fields(name=_NEEDED_TEXT, image=_fields(reference=_TEXT))),
            imagePullSecrets=_list(_MAPPING),
            hostAliases=_list(
                _fields(ip=_NEEDED_TEXT, hostnames=_needed(_list(_TEXT)))
            ),
            serviceAccountName=_TEXT,
            serviceAccount=_TEXT,
            securityContext=_MAPPING,
        )
    )


_OF_WORKLOAD: Final = _pod(_NEEDED_TEXT)
_OF_OTHERS: Final = _pod(_TEXT)
"""A controller may name the containers of a kind of its own, as Knative does."""
_PORT: Final = _fields(
    port=_NEEDED_NUMBER, targetPort=_EITHER, name=_TEXT, protocol=_TEXT
)
_OBJECT: Final = _fields(
    metadata=_fields(name=_TEXT, namespace=_TEXT, labels=_TEXTS, annotations=_TEXTS)
)
_SPEC: Final = _fields(spec=_MAPPING)
_PATH: Final = _needed(_fields(path=_TEXT))
_RULE: Final = _needed(
    _fields(host=_TEXT, http=_or_null(_fields(paths=_needed(_list(_PATH)))))
)
_INGRESS: Final = jsonschema_rs.validator_for(
    _fields(spec=_needed(_fields(rules=_list(_RULE))))
)
_OBJECTS: Final[Mapping[tuple[str, str], Shape]] = {
    ("", "ConfigMap"): _fields(data=_TEXTS, binaryData=_TEXTS),
    ("", "Secret"): _fields(data=_TEXTS, stringData=_TEXTS, type=_TEXT),
    ("", "Service"): _fields(
        spec=_fields(ports=_list(_PORT), type=_TEXT, clusterIP=_TEXT)
    ),
}


@cache
def _object(kind: tuple[str, str]) -> jsonschema_rs.Validator:
    """What is known of the objects of a kind, but for their pods."""
    has_spec = kind in USUAL or kind[0] == "apiextensions.k8s.io"
    of_kind = _OBJECTS.get(kind, _SPEC if has_spec else _MAPPING)
    return jsonschema_rs.validator_for({"allOf": [_OBJECT, of_kind]})


_LABEL: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAMES: Final = {
    ("", "Service"): (
        re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?"),
        63,
        "a letter first, then letters, digits and dashes",
    ),
    ("", "Namespace"): (re.compile(_LABEL), 63, "small letters, digits and dashes"),
}
_SUBDOMAIN: Final = (
    re.compile(rf"{_LABEL}(\.{_LABEL})*"),
    253,
    "small letters, digits, dashes and dots",
)
_RBAC: Final = (
    re.compile(r"(?!\.\.?\Z)[^/%\s]+"),
    253,
    "no slashes, percent signs and blanks",
)


def shapes_refused(
    component: JudgedComponent, one: RenderedObject
) -> Iterator[Diagnostic]:
    """Yields what is wrong about the name of a rendered object, and about the shape of pods and
    Services."""
    kind = one.group_kind
    if kind in INGRESSES:
        return
    if message := _misnamed(one, kind):
        yield component.refused("OAM103", one, message)
    for path, wanted in _misshapen(one, kind):
        yield component.refused(
            "OAM103", one, f"{dotted(path)} has to be {wanted}", path
        )
    for path, message in _unmounted(one) if kind in WORKLOADS else ():
        yield component.refused("OAM103", one, f"{dotted(path)} {message}", path)


def misshapen_ingress(one: RenderedObject) -> Iterator[str]:
    """Yields where an Ingress has another shape than its routes are read from, and what would be
    there."""
    for path, wanted in _differences(one.object, _INGRESS, ()):
        yield f"{dotted(path)} has to be {wanted}"


def _unmounted(one: RenderedObject) -> Iterator[tuple[Path, str]]:
    """Yields where containers mount volumes that their pods do not have. A StatefulSet's have those
    of its claims."""
    claims = mappings(mapping(one.object.get("spec")).get("volumeClaimTemplates"))
    claimed = [mapping(claim.get("metadata")).get("name") for claim in claims]
    for template in fenced_pods(one):
        there = [
            volume.get("name") for volume in mappings(template.spec.get("volumes"))
        ]
        names = [name for name in (*there, *claimed) if isinstance(name, str)]
        for at, container in template.containers():
            for field in ("volumeMounts", "volumeDevices"):
                for index, mount in enumerate(mappings(container.get(field))):
                    if isinstance(name := mount.get("name"), str) and name not in names:
                        has = (
                            f"only {some(map(repr, sorted(names)))}"
                            if names
                            else "none"
                        )
                        yield (
                            (*at, field, str(index)),
                            f"is of volume '{name}', and the pods have {has}",
                        )


def _misnamed(one: RenderedObject, kind: tuple[str, str]) -> str:
    pattern, length, means = (
        _RBAC
        if kind[0] == "rbac.authorization.k8s.io"
        else _NAMES.get(kind, _SUBDOMAIN)
    )
    if not one.name or (len(one.name) <= length and pattern.fullmatch(one.name)):
        return ""
    return (
        f"a {kind[1]} cannot be named so: {means}, {length} in all; rename it, or what it is "
        "named after"
    )


def _misshapen(
    one: RenderedObject, kind: tuple[str, str]
) -> Iterator[tuple[Path, str]]:
    """Yields where an object has another shape, and what would be there."""
    yield from _differences(one.object, _object(kind), ())
    pods = fenced_pods(one)
    for template in pods:
        at = (*template.path, "spec")
        yield from _differences(
            template.spec, _OF_WORKLOAD if kind in WORKLOADS else _OF_OTHERS, at
        )
        if kind in WORKLOADS and not template.spec.get("containers"):
            yield (*at, "containers"), "a list of at least one container"
    spec = one.object.get("spec")
    if kind in WORKLOADS and not pods and (spec is None or isinstance(spec, Mapping)):
        yield ("spec",), "what pods are made of, with their containers"


def _differences(
    value: Any, shape: jsonschema_rs.Validator, path: Path
) -> Iterator[tuple[Path, str]]:
    """Yields where a value has another shape."""
    for error in shape.iter_errors(value):
        kind = error.kind.as_dict()
        at = (*path, *map(str, error.instance_path))
        if "property" in kind:
            yield (*at, kind["property"]), "there"
        else:
            yield at, _WANTED[" ".join(sorted({*kind["types"]} - {"null"}))]
