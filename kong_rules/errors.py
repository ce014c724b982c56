"""Kong's errors, with the status and the body of the answer."""

from __future__ import annotations

from typing import Any

from kong_rules.entities import UUID, Entity, Errors
from kong_rules.kinds import KINDS

# The name and the value of a header.
Header = tuple[str, str]


class AnswerError(Exception):
    """An early answer. `body` None: nginx answers with its own page."""

    def __init__(
        self, status: int, body: Any = None, headers: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers


class ViolationError(Exception):
    """An error with Kong's status and body (`name`, `code`, `fields`, `message`)."""

    def __init__(
        self, status: int, code: int, name: str, message: str, fields: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "code": code,
            "name": name,
            "message": message,
            "fields": fields,
        }


def schema_violation(errors: Errors) -> ViolationError:
    """Return Kong's error for wrong fields."""
    return ViolationError(400, 2, "schema violation", message(errors), errors)


def absent(kind: str, key: str) -> ViolationError:
    """Return Kong's error for changing a missing entity."""
    name = "id" if UUID.match(key) else KINDS[kind].named_by
    noun = "primary key " if name == "id" else ""
    text = f"could not find the entity with {noun}'{{{name}=\"{key}\"}}'"
    return ViolationError(404, 6, "not found", text, {name: key})


def taken_primary_key(key: str | None) -> ViolationError:
    """Return Kong's error for a used id, or for an id that is null."""
    shown = "userdata: NULL" if key is None else key
    return ViolationError(
        400,
        3,
        "primary key violation",
        f"primary key violation on key '{{id=\"{shown}\"}}'",
        {"id": key},
    )


def not_unique(key: Entity) -> ViolationError:
    """Return Kong's error for values that another entity has."""
    return ViolationError(
        409,
        5,
        "unique constraint violation",
        f"UNIQUE violation detected on '{_key_text(key)}'",
        key,
    )


def dangling(name: str, target: str, reference: Entity) -> ViolationError:
    """Return Kong's error for a reference to a missing entity."""
    text = (
        f"the foreign key '{_key_text(reference)}' does not reference an existing '{target}' "
        "entity."
    )
    return ViolationError(
        400, 4, "foreign key violation", text, {name: dict(reference)}
    )


def referenced(kind: str, by: str) -> ViolationError:
    """Return Kong's error for deleting an entity that another entity needs."""
    text = f"an existing '{by}' entity references this '{kind}' entity"
    return ViolationError(
        400, 4, "foreign key violation", text, {"@referenced_by": by}
    )


def _key_text(key: Entity) -> str:
    """Return a key as Kong spells it in messages: `{name="a",service={id="..."}}`."""

    def spelt(value: Any) -> str:
        if value is None:
            return "null"
        return _key_text(value) if isinstance(value, dict) else f'"{value}"'

    return (
        "{"
        + ",".join(
            f"{name}={spelt(value)}" for name, value in sorted(key.items())
        )
        + "}"
    )


def message(errors: Errors) -> str:
    """Kong's text for a schema violation: `schema violation (a: ...)`, or `2 schema violations
    (...; ...)`."""
    parts: list[str] = []
    for name, error in sorted(errors.items()):
        if name == "@entity":
            parts.extend(error)
        elif isinstance(error, str):
            parts.append(f"{name}: {error}")
        else:
            items = (
                enumerate(error, 1)
                if isinstance(error, list)
                else sorted(error.items())
            )
            parts.extend(
                f"{name}.{key}: {_pretty(item)}"
                for key, item in items
                if item is not None
            )
    noun = (
        "schema violation"
        if len(parts) == 1
        else f"{len(parts)} schema violations"
    )
    return f"{noun} ({'; '.join(parts)})"


def _pretty(error: Any, indent: str = "") -> str:
    if isinstance(error, str):
        return error if not indent else _quoted(error)
    inner = indent + "  "
    if isinstance(error, list):
        items = [
            inner
            + (
                _pretty(item, inner)
                if not isinstance(item, str)
                else _quoted(item)
            )
            for item in error
            if item
        ]
    else:
        items = [
            f"{inner}{key} = {_quoted(item) if isinstance(item, str) else _pretty(item, inner)}"
            for key, item in sorted(error.items())
        ]
    return "{\n" + ",\n".join(items) + f"\n{indent}}}"


def _quoted(text: str) -> str:
    return (
        '"'
        + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\\n")
        + '"'
    )
