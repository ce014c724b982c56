"""Values of the cluster that components give each other, read at run time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from pulumi import Output, RunError, runtime

from kong_oam.oam.rendered import PLACEHOLDER, Awaited

from .objects import KubernetesObject

# Values of the cluster, by placeholder.
Values = Mapping[str, Output[str]]


def value_of(resource: KubernetesObject, awaited: Awaited) -> Output[str]:
    """Read the value. In a preview, a missing value stays a placeholder. Raises RunError."""
    part, *inside = awaited.path
    known: Output[Any] = getattr(resource, str(part))

    def read(value: Any) -> str:
        for step in inside:
            value = _step(value, step)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        if runtime.is_dry_run():
            return awaited.placeholder
        steps = [
            f"[{step}]" if isinstance(step, int) else f".{step}"
            for step in awaited.path
        ]
        where = "".join(steps)[1:]
        raise RunError(
            f"{awaited.kind} '{awaited.namespace}/{awaited.name}' has no text or number at "
            f"{where} yet, which another component needs (inputs); run `pulumi up --refresh` "
            "later"
        )

    return known.apply(read)


def _step(value: Any, step: str | int) -> Any:
    """Return the item of a list or a mapping at one step of a path; None if it is missing."""
    if isinstance(step, str):
        return value.get(step) if isinstance(value, Mapping) else None
    is_long_enough = isinstance(value, list | tuple) and step < len(value)
    return value[step] if is_long_enough else None


def with_values(value: Any, values: Values) -> Any:
    """Return the value with values of the cluster in place of placeholders, at any depth."""
    if isinstance(value, Mapping):
        return {key: with_values(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [with_values(item, values) for item in value]
    if not isinstance(value, str):
        return value
    placeholders = dict.fromkeys(PLACEHOLDER.findall(value))
    known = [text for text in placeholders if text in values]
    if not known:
        return value
    texts = Output.all(*(values[text] for text in known))
    return texts.apply(partial(_replaced, value, known))


def _replaced(text: str, placeholders: list[str], texts: list[str]) -> str:
    by_placeholder = dict(zip(placeholders, texts, strict=True))
    return PLACEHOLDER.sub(
        lambda mark: by_placeholder.get(mark[0], mark[0]), text
    )
