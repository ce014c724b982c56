"""Former names of fields, which Kong accepts and prints beside the new names (`shorthand_fields`).

Source: answers of a Kong 3.10, to rate-limiting's `redis_host` and `redis.host`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

from kong_rules.entities import Entity, Errors
from sandbox.kong.entities import Config
from sandbox.kong.fields import Field
from sandbox.kong.validation import checked


def folded(record: Field, config: Config) -> tuple[Entity, Errors]:
    """Return a configuration with former names replaced by the new names, and its errors."""
    result = dict(config)
    errors = Errors()
    for name, field, path in _former(record):
        value = result.pop(name, None)
        if name not in config:
            continue
        value, error = checked(field, value)
        *parents, last = path
        holder: Any = reduce(
            lambda inner, key: inner.setdefault(key, {}), parents, result
        )
        if error:
            errors[name] = error
        elif (
            value is not None
            and holder.get(last) is not None
            and holder[last] != value
        ):
            now = ".".join(path)
            errors[name] = (
                f"both deprecated and new field are used but their values mismatch: {name} = "
                f"{value} vs {now} = {holder[last]}"
            )
        elif holder.get(last) is None:
            holder[last] = value
    return result, errors


def unfolded(record: Field, config: Config) -> Entity:
    """Return a whole configuration with its former names, as Kong prints it."""
    result = dict(config)
    for name, _, path in _former(record):
        result[name] = reduce(getitem, path, config)
    return result


def _former(record: Field) -> Iterator[tuple[str, Field, list[str]]]:
    """Yield each former name with its field and its current path."""
    for name, shown in record.former.items():
        limits = {
            key: value for key, value in shown.items() if key == "len_min"
        }
        path = shown["deprecation"]["replaced_with"][0]["path"]
        yield name, Field(shown["type"], limits), path
