"""Moves components with all their resources between the stacks of an estate, unchanged.

The engine writes the target's state first, then the source's. An interrupted move leaves a
component in both. The next move removes it from the source, if the target has all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kong_oam.access.data import Names
from kong_oam.access.model import Estate
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import some
from kong_oam.engine.cli import LONG, PulumiCliError, pulumi
from kong_oam.engine.export import (
    Entry,
    check_no_active_run,
    export_state,
    parse,
    resources_in,
)
from kong_oam.engine.stacks import existing_stacks, partitions_of
from kong_oam.engine.state import from_resources
from kong_oam.errors import OperationError
from kong_oam.stacks.component_moves import (
    Move,
    by_pair,
    has_all,
    ids_below,
    plan,
    without_resources,
)
from kong_oam.stacks.create import create, missing_file_message


class MoveError(OperationError):
    """The components cannot be moved. The message gives the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class Moves:
    """Planned moves, with the exported states by stack. `missing`: target stacks that do not exist
    yet."""

    moves: tuple[Move, ...]
    states: Mapping[str, Entry]
    missing: Names


def find(settings: Settings, estate: Estate) -> Moves:
    """Return the moves between stacks that the settings require. Raises MoveError,
    engine.cli.PulumiCliError."""
    name = settings.stack.name
    if not existing_stacks([name]):
        raise MoveError(
            f"stack '{name}' does not exist, so there is nothing to move: check the name with "
            "`pulumi stack ls`"
        )
    states = {name: export_state(name)}
    outputs = from_resources(resources_in(states[name])).outputs
    partitions = (None, *partitions_of(settings, outputs))
    there = existing_stacks(
        sorted({stack_of(name, partition) for partition in partitions})
    )
    for stack in there:
        if stack != name:
            states[stack] = export_state(stack)
    resources = {stack: resources_in(state) for stack, state in states.items()}
    targets = {
        key: stack_of(name, component.partition)
        for key, component in estate.own.items()
    }
    moves = plan(resources, targets)
    missing = {move.target for move in moves}.difference(there)
    return Moves(tuple(moves), states, tuple(sorted(missing)))


def perform(
    settings: Settings,
    found: Moves,
    interrupted: Callable[[], bool] = lambda: False,
) -> None:
    """Move the components, one pair of stacks after the other, until interrupted. Finished moves
    stay.

    Raises MoveError, engine.cli.PulumiCliError.
    """
    involved = set()
    for move in found.moves:
        involved |= {move.source, move.target}
    for stack in sorted(involved.difference(found.missing)):
        _check_ready(settings, stack, found.states[stack])
    for stack in found.missing:
        create(settings, stack)
    command = f"python -m kong_oam move -s {settings.stack.name}"
    for (source, target), moves in by_pair(found.moves):
        if interrupted():
            raise MoveError(f"interrupted: continue with `{command} --yes`")
        try:
            _move(source, target, moves)
        except PulumiCliError as error:
            raise MoveError(
                f"{error}. `{command}` lists the remaining moves"
            ) from None


def _check_ready(settings: Settings, stack: str, exported: Entry) -> None:
    """Raise MoveError for a stack that cannot run, and PulumiCliError for an active run."""
    missing_file = missing_file_message(settings, stack)
    if missing_file:
        raise MoveError(missing_file)
    state = parse(exported["deployment"])
    if state.pending:
        raise MoveError(
            f"a run of stack '{stack}' was interrupted: run "
            f"`python -m kong_oam recover -s {stack}` first"
        )
    check_no_active_run(stack, state)


def _move(source: str, target: str, moves: list[Move]) -> None:
    whole = [move.urn for move in moves if not move.twice]
    twice = [move for move in moves if move.twice]
    if whole:
        between = "--source", source, "--dest", target
        pulumi("state", "move", *between, "--yes", *whole, timeout=LONG)
    if twice:
        _forget(source, target, twice)


def _forget(source: str, target: str, moves: list[Move]) -> None:
    """Remove from the source's state the components that an interrupted move already wrote to the
    target's state."""
    states = {stack: export_state(stack) for stack in (source, target)}
    resources = states[source]["deployment"]["resources"]
    gone = ids_below(resources, (move.urn for move in moves))
    if not has_all(gone, states[target]["deployment"]["resources"]):
        listed = some(move.component for move in moves)
        raise MoveError(
            f"'{source}' and '{target}' both have {listed}, with different "
            f"ids: run `pulumi refresh -s {target}`, find out which ids the "
            "products have, and remove the others with `pulumi state delete`"
        )
    states[source]["deployment"]["resources"] = without_resources(
        resources, gone
    )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "state.json"
        file.write_text(json.dumps(states[source]), "utf-8")
        pulumi(
            "stack", "import", "--file", str(file), stack=source, timeout=LONG
        )
