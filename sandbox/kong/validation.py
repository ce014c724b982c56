"""Validate an entity against its schema as Kong does: defaults, types, constraints, messages.

`complete` does all of it for one entity. Errors have Kong's shape: a map of field names to
messages, nested like the entity, with `@entity` for checks over several fields. `message` turns
them into Kong's one-line text. Source: recorded answers of a Kong 3.10 (steps unknown-field,
wrong-type, missing-required, patch, functions).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from kong_rules.entities import UUID, Entity, Errors
from sandbox.kong.fields import (
    Conditional,
    EntityCheck,
    Field,
    Fields,
    Match,
    Printed,
    Schema,
)

_ARTICLES = {"integer": "an integer", "array": "an array"}
_CLASSES = {
    "u": "[A-Z]",
    "l": "[a-z]",
    "d": "[0-9]",
    "a": "[A-Za-z]",
    "w": "[A-Za-z0-9]",
}


def with_defaults(fields: Fields, value: Entity) -> Entity:
    """`value` with the defaults of absent fields, nested records included; explicit nulls stay."""
    filled = dict(value)
    for name, field in fields.items():
        if name not in filled:
            default = field.shown.get("default")
            filled[name] = (
                list(default) if isinstance(default, list) else default
            )
            if (
                field.type == "record"
                and field.fields
                and (field.required or default is not None)
            ):
                filled[name] = with_defaults(field.fields, default or {})
        elif (
            field.type == "record" and field.fields and _is_table(filled[name])
        ):
            filled[name] = with_defaults(field.fields, filled[name] or {})
    return filled


def complete(
    schema: Schema, value: Entity, *, updating: bool = False
) -> tuple[Entity, Errors]:
    """Return the entity as Kong would store it, and its errors (empty: none)."""
    entity = with_defaults(schema.fields, value)
    entity, errors = _record(schema.fields, entity)
    for check in schema.checks:
        _merge(errors, _entity_check(check, entity, updating))
    for rule in schema.early_checks:
        _merge(errors, rule(entity) or {})
    for rule in schema.late_checks if not errors else ():
        _merge(errors, rule(entity) or {})
    return entity, errors


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or value == []


def _record(fields: Fields, value: Entity) -> tuple[Entity, Errors]:
    errors: Errors = {
        name: "unknown field" for name in value if name not in fields
    }
    result: Entity = {}
    for name, field in fields.items():
        if field.shown.get("abstract"):
            result[name] = value.get(name)
            continue
        result[name], error = checked(field, value.get(name))
        if error:
            errors[name] = error
    return result, errors


def checked(field: Field, value: Any) -> tuple[Any, Any]:
    """Return a field's value as Kong would store it, and its error: a message, nested errors, or
    None."""
    if value is None:
        if field.required and not field.shown.get("auto"):
            return None, "required field missing"
        return None, None
    if "eq" in field.shown and field.shown["eq"] is None:
        return value, "value must be null"
    return _TYPES[field.type](field, value)


def _constraints(field: Field, value: Any) -> str | None:
    for name, argument in field.shown.items():
        check = _CONSTRAINTS.get(name)
        error = check(argument, value) if check else None
        if error:
            return error
    return field.rule(value) if field.rule else None


def _scalar(
    accepts: Callable[[Any], bool],
) -> Callable[[Field, Any], tuple[Any, Any]]:
    def check(field: Field, value: Any) -> tuple[Any, Any]:
        if not accepts(value):
            return (
                value,
                f"expected {_ARTICLES.get(field.type, 'a ' + field.type)}",
            )
        if field.type == "integer":
            value = int(value)
        if (
            field.type == "string"
            and value == ""
            and field.shown.get("len_min") != 0
            and not field.shown.get("uuid")
        ):
            return value, "length must be at least 1"
        return value, _constraints(field, value)

    return check


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _collection(field: Field, value: Any) -> tuple[Any, Any]:
    if value == {}:
        value = []
    if not isinstance(value, list):
        return value, f"expected {_ARTICLES.get(field.type, 'a ' + field.type)}"
    assert field.elements is not None
    items: list[Any] = []
    errors: list[Any] = []
    for position, item in enumerate(value):
        item, error = checked(field.elements, item)
        if error:
            errors.extend([None] * (position - len(errors)))
            errors.append(error)
        if field.type == "array" or item not in items:
            items.append(item)
    return items, errors or _constraints(field, items)


def _map(field: Field, value: Any) -> tuple[Any, Any]:
    if value == []:
        value = {}
    if isinstance(value, list):
        return value, "expected a string"
    if not isinstance(value, dict):
        return value, "expected a map"
    assert field.keys is not None and field.values is not None
    result = {}
    for key, item in value.items():
        _, error = checked(field.keys, key)
        if error:
            return value, error
        result[key], error = checked(field.values, item)
        if error:
            return value, error
    return result, None


def _nested_record(field: Field, value: Any) -> tuple[Any, Any]:
    if not _is_table(value):
        return value, "expected a record"
    result, errors = _record(field.fields, value or {})
    for check in field.checks:
        _merge(errors, _entity_check(check, result, False))
    return result, errors or None


def _reference(_: Field, value: Any) -> tuple[Any, Any]:
    if not isinstance(value, dict) or "id" not in value:
        return value, {"id": "missing primary key"}
    if not isinstance(value["id"], str) or not UUID.match(value["id"]):
        return value, {"id": "expected a valid UUID"}
    return {"id": value["id"].lower()}, None


_TYPES: Mapping[str, Callable[[Field, Any], tuple[Any, Any]]] = {
    "string": _scalar(lambda value: isinstance(value, str)),
    "boolean": _scalar(lambda value: isinstance(value, bool)),
    "number": _scalar(_is_number),
    "integer": _scalar(lambda value: _is_number(value) and value == int(value)),
    "set": _collection,
    "array": _collection,
    "map": _map,
    "record": _nested_record,
    "foreign": _reference,
}


@cache
def lua_pattern(pattern: str) -> re.Pattern[str]:
    """Return the few Lua patterns that Kong's schemas use, as a regular expression."""
    text = re.sub(
        r"%(.)",
        lambda escape: _CLASSES.get(escape[1], "\\" + escape[1]),
        pattern,
    )
    return re.compile(text[:-1] + r"\Z" if text.endswith("$") else text)


def _exclusive(subsets: list[list[str]], value: list[str]) -> str | None:
    used = [subset for subset in subsets if set(subset) & set(value)]
    if len(used) < 2:
        return None
    sets = ", ".join(f"({_listed(subset)})" for subset in used)
    return f"these sets are mutually exclusive: {sets}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _one_of(choices: Sequence[Any], value: Any) -> str | None:
    return (
        None
        if value in choices
        else "expected one of: " + ", ".join(map(str, choices))
    )


def _between(limits: list[int], value: Any) -> str | None:
    return (
        None
        if limits[0] <= value <= limits[1]
        else f"value should be between {limits[0]} and {limits[1]}"
    )


def _match_none(patterns: list[dict[str, str]], value: str) -> str | None:
    return next(
        (
            rule["err"]
            for rule in patterns
            if lua_pattern(rule["pattern"]).search(value)
        ),
        None,
    )


def _match_all(patterns: list[dict[str, str]], value: str) -> str | None:
    return next(
        (
            rule["err"]
            for rule in patterns
            if not lua_pattern(rule["pattern"]).search(value)
        ),
        None,
    )


def _match_any(argument: Printed, value: str) -> str | None:
    return (
        None
        if any(
            lua_pattern(pattern).search(value)
            for pattern in argument["patterns"]
        )
        else argument["err"]
    )


_CONSTRAINTS: Mapping[str, Callable[[Any, Any], str | None]] = {
    "uuid": lambda _, value: (
        None if UUID.match(value) else "expected a valid UUID"
    ),
    "one_of": _one_of,
    "between": _between,
    "gt": lambda least, value: (
        None if value > least else f"value must be greater than {least}"
    ),
    "starts_with": lambda prefix, value: (
        None if value.startswith(prefix) else f"should start with: {prefix}"
    ),
    "match": lambda pattern, value: (
        None
        if lua_pattern(pattern).search(value)
        else f"invalid value: {value}"
    ),
    "match_none": _match_none,
    "match_all": _match_all,
    "match_any": _match_any,
    "mutually_exclusive_subsets": _exclusive,
    "len_min": lambda least, value: (
        None if len(value) >= least else f"length must be at least {least}"
    ),
}


def _at(entity: Entity, path: str) -> Any:
    value: Any = entity
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _nest(path: str, error: str) -> Errors:
    head, _, remainder = path.partition(".")
    return {head: _nest(remainder, error) if remainder else error}


def _entity_check(check: EntityCheck, entity: Entity, updating: bool) -> Errors:
    if "at_least_one_of" in check:
        names = check["at_least_one_of"]
        if any(_at(entity, name) not in (None, "", [], {}) for name in names):
            return {}
        when = "when updating, " if updating else ""
        error = f"{when}at least one of these fields must be non-empty: "
    elif "only_one_of" in check:
        names = check["only_one_of"]
        filled = [_at(entity, name) not in (None, "", [], {}) for name in names]
        if filled.count(True) == 1:
            return {}
        error = "exactly one of these fields must be non-empty: "
    elif "mutually_required" in check:
        names = check["mutually_required"]
        if len({_at(entity, name) is None for name in names}) == 1:
            return {}
        error = "all or none of these fields must be set: "
    elif "distinct" in check:
        names = check["distinct"]
        values = [_at(entity, name) for name in names]
        if all(value is None or values.count(value) == 1 for value in values):
            return {}
        error = "values of these fields must be distinct: "
    elif "conditional" in check:
        return _conditional(check["conditional"], entity)
    else:
        return {}
    return {"@entity": [error + _listed(names)]}


def _conditional(check: Conditional, entity: Entity) -> Errors:
    if not _matches(check["if_match"], _at(entity, check["if_field"])):
        return {}
    error = _then(check["then_match"], _at(entity, check["then_field"]))
    if error is None:
        return {}
    why = check.get(
        "then_err",
        f"failed conditional validation given value of field '{check['if_field']}'",
    )
    return {**_nest(check["then_field"], error), "@entity": [why]}


def _matches(match: Match, value: Any) -> bool:
    if value is None:
        return False
    if "one_of" in match:
        return value in match["one_of"]
    if "not_one_of" in match:
        return value not in match["not_one_of"]
    if "eq" in match:
        return bool(value == match["eq"])
    if "match" in match:
        return bool(lua_pattern(match["match"]).search(value))
    if "match_any" in match:
        return any(
            lua_pattern(pattern).search(value)
            for pattern in match["match_any"]["patterns"]
        )
    if "elements" in match:
        return isinstance(value, list) and all(
            item not in match["elements"]["not_one_of"] for item in value
        )
    # By the schema, `maximum_expiration > 0` needs `exp` among the claims; Kong does not check this
    # if they are null.
    return False


def _then(match: Match, value: Any) -> str | None:
    if "eq" in match:
        return None if value is None else "value must be null"
    if "len_eq" in match:
        return None if not value else f"length must be {match['len_eq']}"
    if "one_of" in match:
        return _one_of(match["one_of"], value)
    if match.get("required"):
        return None if value is not None else "required field missing"
    return None


def _merge(errors: Errors, more: Errors) -> None:
    for name, error in more.items():
        if name == "@entity":
            errors.setdefault(name, []).extend(error)
        else:
            errors.setdefault(name, error)
