"""Moves components between the stacks of an estate, with all that lies under them; nothing of them
changes.

The engine writes the target's state first, then the source's. A move that was cut off in between
leaves a component in both; the next one then takes it out of the source's, once it is certain that
the target has all of it.
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
    check_at_rest,
    exported,
    parse,
    resources_in,
)
from kong_oam.engine.stacks import existing, partitions_of
from kong_oam.engine.state import from_resources
from kong_oam.errors import OperationError
from kong_oam.stacks.create import create, without_file
from kong_oam.stacks.moves import Move, by_pair, is_whole, plan, under, without


class MoveError(OperationError):
    """The components cannot be moved. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Moves:
    """What is to be moved, and the states, as the engine exported them, by which that was found.
    `missing` are stacks that something goes to and that are not there yet."""

    moves: tuple[Move, ...]
    states: Mapping[str, Entry]
    missing: Names


def find(settings: Settings, estate: Estate) -> Moves:
    """Find what has to go from stack to stack. Raises MoveError, engine.cli.PulumiCliError."""
    name = settings.stack.name
    if not existing([name]):
        raise MoveError(
            f"the backend has no stack '{name}': nothing is deployed, and nothing to be moved"
        )
    states = {name: exported(name)}
    outputs = from_resources(resources_in(states[name])).outputs
    partitions = (None, *partitions_of(settings, outputs))
    there = existing(
        sorted({stack_of(name, partition) for partition in partitions})
    )
    for stack in there:
        if stack != name:
            states[stack] = exported(stack)
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
    """Move all of that, one pair of stacks after the other, unless it is interrupted. Raises
    MoveError, engine.cli.PulumiCliError; what was moved until then stays where it is."""
    involved = set()
    for move in found.moves:
        involved |= {move.source, move.target}
    for stack in sorted(involved.difference(found.missing)):
        _check_ready(settings, stack, found.states[stack])
    for stack in found.missing:
        create(settings, stack)
    command = f"`python -m kong_oam move -s {settings.stack.name}`"
    for (source, target), moves in by_pair(found.moves):
        if interrupted():
            raise MoveError(f"interrupted: {command} with --yes goes on")
        try:
            _move(source, target, moves)
        except PulumiCliError as error:
            raise MoveError(
                f"{error}. What is left to be moved, also beside another command, {command} says"
            ) from None


def _check_ready(settings: Settings, stack: str, exported: Entry) -> None:
    """Raise MoveError for a stack that cannot be run, and engine.cli.PulumiCliError for one that is being
    run."""
    missing_file = without_file(settings, stack)
    if missing_file:
        raise MoveError(missing_file)
    state = parse(exported["deployment"])
    if state.pending:
        raise MoveError(
            f"a run of stack '{stack}' was interrupted: see what `python -m kong_oam recover "
            f"-s {stack}` says first"
        )
    check_at_rest(stack, state)


def _move(source: str, target: str, moves: list[Move]) -> None:
    whole = [move.urn for move in moves if not move.twice]
    twice = [move for move in moves if move.twice]
    if whole:
        between = "--source", source, "--dest", target
        pulumi("state", "move", *between, "--yes", *whole, timeout=LONG)
    if twice:
        _forget(source, target, twice)


def _forget(source: str, target: str, moves: list[Move]) -> None:
    """Take out of the source's state what a move that was cut off has already written to the
    target's."""
    states = {stack: exported(stack) for stack in (source, target)}
    resources = states[source]["deployment"]["resources"]
    gone = under(resources, (move.urn for move in moves))
    if not is_whole(gone, states[target]["deployment"]["resources"]):
        listed = some(move.component for move in moves)
        raise MoveError(
            f"'{source}' and '{target}' both have {listed}, and not with the same ids: `pulumi "
            f"refresh -s {target}` and look which of them the products have, before one is "
            "forgotten (`pulumi state delete`)"
        )
    states[source]["deployment"]["resources"] = without(resources, gone)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "state.json"
        file.write_text(json.dumps(states[source]), "utf-8")
        pulumi(
            "stack", "import", "--file", str(file), stack=source, timeout=LONG
        )
