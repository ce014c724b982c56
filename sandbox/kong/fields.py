"""The elements of Kong 3.10's schemas: fields and records, printed as `GET /schemas/...` prints
them.

A schema is a record: an ordered mapping of field names to `Field`. `shown` has the attributes that
Kong prints beside a field's type, under Kong's own names (required, default, one_of, between, ...).
`rule` is a check that Kong makes in code and does not print.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from kong_rules.entities import Entity, Errors
from sandbox.edges import Json
from sandbox.kong import rules

Rule = Callable[[Any], str | None]
EntityRule = Callable[[Entity], Errors | None]
Printed = Mapping[str, Any]
"""The attributes that Kong prints of a field, under Kong's own names.

They are untyped JSON, as `GET /schemas/...` returns them.
"""


class Match(TypedDict, total=False):
    """A condition on a value, as Kong prints it."""

    type: str
    contains: str
    elements: Match
    eq: object
    gt: int
    len_eq: int
    match: str
    match_any: Mapping[str, list[str]]
    not_one_of: Sequence[str]
    one_of: Sequence[str]
    required: bool


class Conditional(TypedDict):
    """A condition on a field that depends on another field, as Kong prints it."""

    if_field: str
    if_match: Match
    then_field: str
    then_match: Match
    then_err: NotRequired[str]


class EntityCheck(TypedDict, total=False):
    """A check over several fields, as Kong prints it."""

    at_least_one_of: Sequence[str]
    conditional: Conditional
    custom_entity_check: Printed
    distinct: Sequence[str]
    mutually_required: Sequence[str]
    only_one_of: Sequence[str]


Fields = Mapping[str, "Field"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `type` is Kong's (string, integer, number, boolean, set, array, map, record,
    foreign)."""

    type: str
    shown: Printed = field(default_factory=dict)
    elements: Field | None = None
    keys: Field | None = None
    values: Field | None = None
    fields: Fields = field(default_factory=dict)
    checks: tuple[EntityCheck, ...] = ()
    rule: Rule | None = None
    former: Mapping[str, Printed] = field(default_factory=dict)
    """The former names of a record's fields, each as it is printed."""

    @property
    def required(self) -> bool:
        return bool(self.shown.get("required"))


@dataclass(frozen=True, slots=True)
class Schema:
    """An entity or a plugin: its fields, the checks over several fields as Kong prints them, and
    checks that Kong does not print."""

    name: str
    fields: Fields
    checks: tuple[EntityCheck, ...] = ()
    # Unprinted: `early_checks` always run, `late_checks` only on an entity without errors.
    early_checks: tuple[EntityRule, ...] = ()
    late_checks: tuple[EntityRule, ...] = ()

    def printed(self) -> Json:
        """Return the body of `GET /schemas/...`: a list of single-key maps, no descriptions."""
        return {
            "entity_checks": [dict(check) for check in self.checks],
            "fields": _printed(self.fields),
        }


def _printed(fields: Fields) -> list[Json]:
    return [
        {name: _printed_field(field)}
        for name, field in fields.items()
        if not field.shown.get("unprinted")
    ]


def _printed_field(field: Field) -> Json:
    shown: Json = {"type": field.type, **field.shown}
    for part in ("elements", "keys", "values"):
        nested = getattr(field, part)
        if nested is not None:
            shown[part] = _printed_field(nested)
    if field.fields:
        shown["fields"] = _printed(field.fields)
    if field.checks:
        shown["entity_checks"] = [dict(check) for check in field.checks]
    if field.former:
        shown["shorthand_fields"] = [
            {name: dict(former)} for name, former in field.former.items()
        ]
    return shown


def string(rule: Rule | None = None, **shown: Any) -> Field:
    return Field("string", shown, rule=rule)


def integer(**shown: Any) -> Field:
    return Field("integer", shown)


def boolean(default: bool | None = None) -> Field:
    return Field(
        "boolean",
        {} if default is None else {"required": True, "default": default},
    )


def set_of(elements: Field, rule: Rule | None = None, **shown: Any) -> Field:
    return Field("set", shown, elements=elements, rule=rule)


def array(elements: Field, **shown: Any) -> Field:
    return Field("array", shown, elements=elements)


def foreign(reference: str, **shown: Any) -> Field:
    return Field("foreign", {"reference": reference, **shown})


def record(
    fields: Fields, checks: tuple[EntityCheck, ...] = (), **shown: Any
) -> Field:
    return Field("record", shown, fields=fields, checks=checks)


def http_only() -> Field:
    """Protocols of a plugin that only makes sense for HTTP and gRPC."""
    return set_of(
        string(one_of=["grpc", "grpcs", "http", "https"]),
        required=True,
        default=["grpc", "grpcs", "http", "https"],
    )


PROTOCOL: Json = {
    "one_of": [
        "grpc",
        "grpcs",
        "http",
        "https",
        "tcp",
        "tls",
        "tls_passthrough",
        "udp",
    ]
}
ID = string(uuid=True, auto=True)
CREATED = integer(timestamp=True, auto=True)
NAME = string(rules.utf8_name, unique=True)
TAGGED = set_of(string(rules.tag, required=True))
TIMEOUT = integer(default=60000, between=[1, 2147483646])
PORT: Json = {"between": [0, 65535]}
NO_SEGMENTS = [{"pattern": "//", "err": "must not have empty segments"}]
NO_CONSUMER = foreign("consumers", eq=None)
SECRET = {"referenceable": True, "encrypted": True}
