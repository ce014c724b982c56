"""Values of the cluster, which components give each other: they are read where they are, and take
their stand-ins' places."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from kong_oam.oam.rendered import STAND_IN, Awaited

from .objects import KubernetesObject

Values = Mapping[str, pulumi.Output[str]]
"""By stand-in, what the cluster says."""


def value_of(resource: KubernetesObject, awaited: Awaited) -> pulumi.Output[str]:
    """Reads the value. What is not there yet is left as it stands in a preview; else raises
    RunError."""
    part, *inside = awaited.path
    found: pulumi.Output[Any] = getattr(resource, str(part))

    def read(value: Any) -> str:
        for step in inside:
            if isinstance(step, int):
                value = (
                    value[step]
                    if isinstance(value, list | tuple) and step < len(value)
                    else None
                )
            else:
                value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value:
            return value
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        if pulumi.runtime.is_dry_run():
            return awaited.stand_in
        where = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}"
            for step in awaited.path
        )[1:]
        raise pulumi.RunError(
            f"{awaited.kind} '{awaited.namespace}/{awaited.name}' has no text or number at {where} "
            "yet, which another component takes (inputs); run `pulumi up --refresh` once it has"
        )

    return found.apply(read)


def with_values(value: Any, values: Values) -> Any:
    """The value with what the cluster says in the place of stand-ins, at any depth."""
    if isinstance(value, str):
        known = [
            text for text in dict.fromkeys(STAND_IN.findall(value)) if text in values
        ]
        return (
            pulumi.Output.all(*(values[text] for text in known)).apply(
                _replacing(value, known)
            )
            if known
            else value
        )
    if isinstance(value, Mapping):
        return {key: with_values(item, values) for key, item in value.items()}
    return (
        [with_values(item, values) for item in value]
        if isinstance(value, list)
        else value
    )


def _replacing(text: str, known: list[str]) -> Callable[[list[str]], str]:
    def replaced(found: list[str]) -> str:
        by_stand_in = dict(zip(known, found, strict=True))
        return STAND_IN.sub(lambda mark: by_stand_in.get(mark[0], mark[0]), text)

    return replaced
