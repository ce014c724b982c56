"""The stacks of an estate, through the CLI: which of them there are, and what they have exported
together."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence

from kong_oam.access.data import JsonObject
from kong_oam.access.partitions import BaseOutput
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.values import Settings
from kong_oam.engine.cli import SHORT, PulumiCliError, pulumi
from kong_oam.engine.state import Outputs

_READERS = 10
"""How many states the engine reads at once, where PULUMI_DIY_BACKEND_PARALLEL does not say it."""
_TRIES = 4
_PAUSE = 0.5
"""How often stacks are listed at most, and seconds between."""


def stacks_of(settings: Settings) -> list[str]:
    """Return the names of an estate's stacks, its base first."""
    return [
        stack_of(settings.stack.name, partition)
        for partition in (None, *settings.stack.partitions)
    ]


def listed(*only: str) -> dict[str, str | None]:
    """Return the stacks of the project, by name, with when a run last wrote the state of each, and
    how many resources it has ("TIME/COUNT"): `pulumi state delete` and `pulumi stack import` leave
    the time as it is. None where no run ever did, or the backend does not say it. The engine reads
    the states of all that it lists: once for a command.

    `only`: an option of `pulumi stack ls` by which it lists some. In a folder it walks over files,
    of which a run beside it may have replaced one when it comes there: then it is asked again.
    Raises cli.PulumiCliError.
    """
    # All that it reads is thrown away: it looks for garbage less often, which took a quarter of its
    # time.
    how = {
        "GOGC": os.environ.get("GOGC", "400"),
        "GOMAXPROCS": str(_processors()),
    }
    for left in reversed(range(_TRIES)):
        try:
            printed = pulumi(
                "stack", "ls", "--json", *only, timeout=SHORT, environment=how
            )
            break
        except PulumiCliError as error:
            if not left or "list bucket" not in str(error):
                raise
            time.sleep(_PAUSE)
    return {
        stack["name"].rpartition("/")[2]: _written(stack)
        for stack in json.loads(printed)
    }


def _processors() -> int:
    """Return how many processors the engine is to think there are as it lists stacks. On PostgreSQL
    it has two connections for each, and each of those that read states beside each other takes two:
    of too few they all wait for the second, for good (pulumi 3.274.1:
    pkg/backend/diy/postgres/bucket.go; seen with four stacks on two processors)."""
    readers = os.environ.get("PULUMI_DIY_BACKEND_PARALLEL", "")
    asked_for = int(readers) if readers.isdecimal() else 0
    return max(os.cpu_count() or 1, asked_for, _READERS)


def _written(stack: JsonObject) -> str | None:
    at = stack.get("lastUpdate")
    return at and f"{at}/{stack.get('resourceCount') or 0}"


def when_written(stack: str | None) -> tuple[str, int]:
    """Return what `listed` says of a stack: when a run last wrote its state, and how many resources
    it has. ("", 0) where no run did, or nobody knows."""
    at, _, count = (stack or "").rpartition("/")
    if not at or not count.isdecimal():
        return "", 0
    return at, int(count)


def partitions_before(outputs: Outputs) -> Sequence[str]:
    """Return the partitions that the last run of an estate's base knew, by the base's outputs: some
    may have gone from its settings since."""
    base: BaseOutput = outputs.get("base") or {}
    return base.get("partitions") or ()


def partitions_of(settings: Settings, outputs: Outputs) -> list[str]:
    """Return the partitions of an estate: those of its settings, and behind them those that its
    base knew besides, by the base's outputs."""
    return [
        *dict.fromkeys(
            [*settings.stack.partitions, *partitions_before(outputs)]
        )
    ]


def existing(names: Iterable[str]) -> list[str]:
    """Return those of the stacks that the backend has. Raises cli.PulumiCliError."""
    there = listed()
    return [name for name in names if name in there]


def outputs_of(settings: Settings) -> Outputs:
    """Return the outputs of an estate's stacks as one: of what several export, the base's first.
    Raises cli.PulumiCliError."""
    base, *partitions = stacks_of(settings)
    stacks = [base, *existing(partitions)] if partitions else [base]
    merged: Outputs = {}
    for stack in stacks:
        merged = merge(merged, outputs(stack))
    return merged


def outputs(stack: str) -> Outputs:
    """Return the outputs of one stack. Raises cli.PulumiCliError."""
    printed = pulumi("stack", "output", "--json", stack=stack, timeout=SHORT)
    exported: Outputs = json.loads(printed)
    return exported


def merge(first: Outputs, more: Outputs) -> Outputs:
    """Return both in one: mappings of one name are merged, at any depth, and of anything else the
    first stays."""
    result = {**more, **first}
    for name, value in more.items():
        earlier = first.get(name)
        if isinstance(earlier, Mapping) and isinstance(value, Mapping):
            result[name] = merge(earlier, value)
    return result
