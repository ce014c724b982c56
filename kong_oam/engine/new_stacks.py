"""Which components are in stacks that a command has just made: for its runs, so that none reads the states of these.

A run that makes a component looks first whether another stack of the estate has it. In the first `up` of an estate each
partition would read the states of all others. The command names its runs a folder (`shared`) with a file for each stack
that it made itself, so that nothing was in it: the components that are there. A run adds those that its stack is to
have before it makes any, and then looks into the others' files; so of two runs that mean to make the same, one sees the
other, whatever the settings said when each of them began. None is ever taken out: who finds one here reads the states.
So do runs of stacks that were there before the command, and literal ones of the engine: they are told of no folder.

What is not written here is what somebody else brings into a stack that was made only just now, by settings that
contradict the command's, while it runs: then the products are left, which are asked for names before anything is made.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "KONG_OAM_NEW_STACKS"


@dataclass(frozen=True, slots=True)
class NewStacks:
    """What is known of them. `folder`: what runs of one command share; None for a run that is alone."""

    folder: Path | None = None

    @classmethod
    def of_command(cls) -> NewStacks:
        """What the command that makes this run lets it know, where it makes several."""
        folder = os.environ.get(VARIABLE)
        return cls(Path(folder) if folder else None)

    def lacks(self, stack: str, components: Collection[str]) -> bool:
        """Whether a stack is known to have none of these. Where not, its state says it."""
        there = self._components(stack)
        return there is not None and there.isdisjoint(components)

    def add(self, stack: str, components: Iterable[str]) -> None:
        """Writes that a stack is to have these as well, before it has; nothing of one that was there before."""
        before = self._components(stack)
        if self.folder is not None and before is not None:
            _write(self.folder, stack, before | {*components})

    def _components(self, stack: str) -> frozenset[str] | None:
        """At least those in a stack; None of one that was there before the command, from a folder that others may
        write, and of a file that is none of these."""
        if self.folder is None:
            return None
        try:
            about = self.folder.stat()
            listed = json.loads(_file(self.folder, stack).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if about.st_uid != os.getuid() or about.st_mode & 0o022 or not isinstance(listed, list):
            return None
        return frozenset(map(str, listed))


@contextmanager
def shared(stacks: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """Makes the folder for the runs of a command that has made these stacks, and removes it. Gives what their
    environment says of it."""
    with tempfile.TemporaryDirectory(prefix="kong-oam-") as folder:  # its owner's alone
        for stack in stacks:
            _write(Path(folder), stack, ())
        yield {VARIABLE: folder}


def _file(folder: Path, stack: str) -> Path:
    return folder / f"{stack}.json"


def _write(folder: Path, stack: str, components: Collection[str]) -> None:
    """Writes the file as a whole: only the stack's own run does, which holds its lock."""
    written = _file(folder, stack).with_suffix(".new")
    written.write_text(json.dumps(sorted(components)), "utf-8")
    written.replace(_file(folder, stack))
