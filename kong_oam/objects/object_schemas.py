"""JSON Schemas for the parts of objects, pods and Services that Kong-OAM reads or changes. Null
counts as missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Validator, validator_for

from kong_oam.oam.rendered import GroupKind, RenderedObject
from kong_oam.oam.schema import JsonSchema
from kong_oam.objects.component import dotted
from kong_oam.objects.known_kinds import USUAL
from kong_oam.objects.pods import CONTAINER_LISTS, Located, Path


def _list(items: JsonSchema) -> JsonSchema:
    return {"type": ["array", "null"], "items": items}


def _fields(**fields: JsonSchema) -> JsonSchema:
    """Return the schema of a mapping. Fields that cannot be null are required."""
    needed = [
        field for field, shape in fields.items() if "null" not in shape["type"]
    ]
    return {
        "type": ["object"] if needed else ["object", "null"],
        "required": needed,
        "properties": fields,
    }


def _needed(shape: JsonSchema) -> JsonSchema:
    return {**shape, "type": [name for name in shape["type"] if name != "null"]}


def _or_null(shape: JsonSchema) -> JsonSchema:
    return {**shape, "type": [*shape["type"], "null"]}


_TEXT: JsonSchema = {"type": ["string", "null"]}

_EITHER: JsonSchema = {"type": ["integer", "string", "null"]}

_NEEDED_TEXT = _needed(_TEXT)

_NEEDED_NUMBER: JsonSchema = {"type": ["integer"]}

_MAPPING: JsonSchema = {"type": ["object", "null"]}

_TEXTS: JsonSchema = {**_MAPPING, "additionalProperties": _TEXT}

_WANTED = {
    "string": "a text",
    "integer": "a number",
    "integer string": "a number or a text",
    "array": "a list",
    "object": "a mapping",
}


def _container(name: JsonSchema) -> JsonSchema:
    return _fields(
        name=name,
        image=_TEXT,
        command=_list(_TEXT),
        args=_list(_TEXT),
        env=_list(_fields(name=_NEEDED_TEXT)),
        envFrom=_list(_MAPPING),
        ports=_list(
            _fields(containerPort=_NEEDED_NUMBER, name=_TEXT, protocol=_TEXT)
        ),
        volumeMounts=_list(_fields(name=_NEEDED_TEXT)),
        securityContext=_MAPPING,
    )


def _pod(name: JsonSchema) -> Validator:
    """Return the schema of a pod spec. `name` is the schema of a container's name."""
    containers = dict.fromkeys(CONTAINER_LISTS, _list(_container(name)))
    return validator_for(
        _fields(
            **containers,
            volumes=_list(
                _fields(name=_NEEDED_TEXT, image=_fields(reference=_TEXT))
            ),
            imagePullSecrets=_list(_MAPPING),
            hostAliases=_list(
                _fields(ip=_NEEDED_TEXT, hostnames=_needed(_list(_TEXT)))
            ),
            serviceAccountName=_TEXT,
            serviceAccount=_TEXT,
            securityContext=_MAPPING,
        )
    )


WORKLOAD_POD = _pod(_NEEDED_TEXT)

# Other controllers, such as Knative, may name the containers themselves.
OTHER_POD = _pod(_TEXT)

_PORT = _fields(
    port=_NEEDED_NUMBER, targetPort=_EITHER, name=_TEXT, protocol=_TEXT
)

_OBJECT = _fields(
    metadata=_fields(
        name=_TEXT, namespace=_TEXT, labels=_TEXTS, annotations=_TEXTS
    )
)

_SPEC = _fields(spec=_MAPPING)

_PATH = _needed(_fields(path=_TEXT))

_RULE = _needed(
    _fields(host=_TEXT, http=_or_null(_fields(paths=_needed(_list(_PATH)))))
)

_INGRESS = validator_for(_fields(spec=_needed(_fields(rules=_list(_RULE)))))

_OBJECTS: Mapping[GroupKind, JsonSchema] = {
    ("", "ConfigMap"): _fields(data=_TEXTS, binaryData=_TEXTS),
    ("", "Secret"): _fields(data=_TEXTS, stringData=_TEXTS, type=_TEXT),
    ("", "Service"): _fields(
        spec=_fields(ports=_list(_PORT), type=_TEXT, clusterIP=_TEXT)
    ),
}


@cache
def object_schema(kind: GroupKind) -> Validator:
    """Return the schema of a kind's objects, without their pods."""
    has_spec = kind in USUAL or kind[0] == "apiextensions.k8s.io"
    of_kind = _OBJECTS.get(kind, _SPEC if has_spec else _MAPPING)
    return validator_for({"allOf": [_OBJECT, of_kind]})


def misshapen_ingress(rendered: RenderedObject) -> Iterator[str]:
    """Yield a message for each part of an Ingress with a wrong shape."""
    for path, wanted in differences(rendered.object, _INGRESS, ()):
        yield f"{dotted(path)} must be {wanted}"


def differences(value: Any, shape: Validator, path: Path) -> Located:
    """Yield each part of a value with a wrong shape, and the expected shape."""
    for error in shape.iter_errors(value):
        kind = error.kind.as_dict()
        at = (*path, *map(str, error.instance_path))
        if "property" in kind:
            yield (*at, kind["property"]), "present"
        else:
            yield at, _WANTED[" ".join(sorted({*kind["types"]} - {"null"}))]
