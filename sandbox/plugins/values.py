"""Property values on the wire: conversion between protobuf structs and plain Python values.

The engine marks two kinds of value inside a struct (pulumi: sdk/go/common/resource/properties.go
and developer-docs "property values"). An unknown is one of seven fixed strings, one per type. Any
other value beyond plain JSON is an object with a signature key. The stand-ins declare that they
take no secrets, so the engine sends plain values. It marks every output as secret that has the name
of a secret input; a stand-in adds only further marks (`Secret`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct  # type: ignore[attr-defined]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_STRINGS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        UNKNOWN_STRING,
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)

# A plain JSON value, UNKNOWN or Secret. Recursive types buy nothing here: every reader narrows with
# isinstance.
Value = Any
Properties = dict[str, Value]


class Unknown:
    """A value that is only known once the change has been made; only ever seen during a preview."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine must encrypt in the state and hide in its output."""

    value: Value


def from_struct(struct: Struct) -> Properties:
    """Return the properties of `struct`: integral numbers as int, secrets revealed, unknowns as
    `UNKNOWN`.

    Raises ValueError for assets, archives and resource references, which no resource here takes.
    """
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: Any) -> Value:
    match value.WhichOneof("kind"):
        case "string_value":
            return (
                UNKNOWN
                if value.string_value in UNKNOWN_STRINGS
                else value.string_value
            )
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "struct_value":
            fields = from_struct(value.struct_value)
            if SIGNATURE not in fields:
                return fields
            if fields[SIGNATURE] == SECRET:
                return fields["value"]
            raise ValueError(
                f"no resource here takes a value of the special kind {fields[SIGNATURE]}"
            )
    return None


def to_struct(properties: Mapping[str, Value]) -> Struct:
    """Convert properties to a struct, the opposite of `from_struct`. `Secret` and `UNKNOWN` become
    the engine's marks. None values are left out."""
    struct = Struct()
    struct.update(
        {
            key: _to_plain(value)
            for key, value in properties.items()
            if value is not None
        }
    )
    return struct


def _to_plain(value: Value) -> Value:
    if isinstance(value, Unknown):
        return UNKNOWN_STRING
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": _to_plain(value.value)}
    if isinstance(value, Mapping):
        return {
            key: _to_plain(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    return value


def has_unknown(value: Value) -> bool:
    """Return whether `value` is, or holds at any depth, an unknown."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(item) for item in value)
    return isinstance(value, Unknown)


def is_empty(value: Value) -> bool:
    """Return whether a Terraform-bridged provider tells `value` apart from an absent one: it does
    not for zero values."""
    return (
        value is None
        or value == []
        or value == {}
        or value == ""
        or value is False
        or value == 0
    )
