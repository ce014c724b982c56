"""The stacks of an estate, through the CLI: their names and their merged outputs."""

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

# The number of states that the engine reads at once, unless PULUMI_DIY_BACKEND_PARALLEL is set.
_READERS = 10
# The most attempts to list stacks, and the seconds between them.
_TRIES = 4
_PAUSE = 0.5


def stack_names(settings: Settings) -> list[str]:
    """Return the names of an estate's stacks, its base first."""
    return [
        stack_of(settings.stack.name, partition)
        for partition in (None, *settings.stack.partitions)
    ]


def list_stacks(*only: str) -> dict[str, str | None]:
    """Return the project's stacks by name, each with its last update and its number of resources,
    as "TIME/COUNT".

    The count shows `pulumi state delete` and `pulumi stack import`, which leave the time unchanged.
    None if the stack never ran, or if the backend does not tell. The engine reads the states of all
    listed stacks: list them once per command.

    `only`: an option of `pulumi stack ls` that selects stacks. A backend in a folder fails if
    another run replaces a file meanwhile; the list is then repeated. Raises cli.PulumiCliError.
    """
    # A quarter of the time was garbage collection: collect less often.
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
        stack["name"].rpartition("/")[2]: _update_of(stack)
        for stack in json.loads(printed)
    }


def _processors() -> int:
    """Return the number of processors that the engine may assume while it lists stacks.

    On PostgreSQL the engine opens two connections per processor, and each parallel reader needs
    two. With too few connections, all readers wait forever for their second connection (pulumi
    3.274.1: pkg/backend/diy/postgres/bucket.go; seen with four stacks on two processors).
    """
    readers = os.environ.get("PULUMI_DIY_BACKEND_PARALLEL", "")
    asked_for = int(readers) if readers.isdecimal() else 0
    return max(os.cpu_count() or 1, asked_for, _READERS)


def _update_of(stack: JsonObject) -> str | None:
    at = stack.get("lastUpdate")
    return at and f"{at}/{stack.get('resourceCount') or 0}"


def last_update(stack: str | None) -> tuple[str, int]:
    """Split a "TIME/COUNT" of `list_stacks` into time and number of resources. ("", 0) if the stack
    never ran or the time is unknown."""
    at, _, count = (stack or "").rpartition("/")
    if not at or not count.isdecimal():
        return "", 0
    return at, int(count)


def earlier_partitions(outputs: Outputs) -> Sequence[str]:
    """Return the partitions at the last run of an estate's base, from the base's outputs. The
    settings may no longer list all of them."""
    base: BaseOutput = outputs.get("base") or {}
    return base.get("partitions") or ()


def partitions_of(settings: Settings, outputs: Outputs) -> list[str]:
    """Return the partitions in an estate's settings, followed by earlier partitions in the base's
    outputs."""
    return [
        *dict.fromkeys(
            [*settings.stack.partitions, *earlier_partitions(outputs)]
        )
    ]


def existing_stacks(names: Iterable[str]) -> list[str]:
    """Return the stacks in `names` that exist in the backend. Raises cli.PulumiCliError."""
    there = list_stacks()
    return [name for name in names if name in there]


def estate_outputs(settings: Settings) -> Outputs:
    """Return the merged outputs of an estate's stacks; the base's values win. Raises
    cli.PulumiCliError."""
    base, *partitions = stack_names(settings)
    stacks = [base, *existing_stacks(partitions)] if partitions else [base]
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
    """Return both outputs merged: mappings at any depth are merged, and other values of `first`
    win."""
    result = {**more, **first}
    for name, value in more.items():
        earlier = first.get(name)
        if isinstance(earlier, Mapping) and isinstance(value, Mapping):
            result[name] = merge(earlier, value)
    return result
