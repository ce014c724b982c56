"""What is in stacks, as far as the command that runs them knows: so that no run reads the states of all others.

A run that makes a component looks first whether another stack of the estate has it, and one of the base which of its
generations partitions were made with. The command names its runs a folder (`shared`) with a file for each stack of
which it knows that: of one that it made itself, so that nothing is in it, and of one that is as its recorded run left
it. A run adds the components that its stack is to have before it makes any, and then looks into the others' files; so
of two runs that mean to make the same, one sees the other, whatever the settings said when each of them began. None is
ever taken out: who finds one here reads the states. So do runs of which a stack is not known, and literal ones of the
engine: they are told of no folder.

What is not written here is what somebody else brings into such a stack, by settings that contradict the command's,
while it runs: then the products are left, which are asked for names before anything is made.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

VARIABLE = "KONG_OAM_KNOWN_STACKS"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of a stack. `components`: at least those that are in it; None where only its state says it.
    `generation`: that of the base which it was made with."""

    components: frozenset[str] | None = frozenset()
    generation: int = 0


@dataclass(frozen=True, slots=True)
class KnownStacks:
    """What is known of them. `folder`: what runs of one command share; None for a run that is alone."""

    folder: Path | None = None

    @classmethod
    def of_command(cls) -> KnownStacks:
        """What the command that makes this run lets it know, where it makes several."""
        folder = os.environ.get(VARIABLE)
        return cls(Path(folder) if folder else None)

    def lacks(self, stack: str, components: Collection[str]) -> bool:
        """Whether a stack is known to have none of these. Where not, its state says it."""
        there = self._contents(stack)
        return there is not None and there.components is not None and there.components.isdisjoint(components)

    def generation(self, stack: str) -> int | None:
        """The generation of the base which a stack was made with, before the command; None where its state says it."""
        there = self._contents(stack)
        return None if there is None else there.generation

    def add(self, stack: str, components: Iterable[str]) -> None:
        """Writes that a stack is to have these as well, before it has; nothing of one whose components are not
        known."""
        before = self._contents(stack)
        if self.folder is not None and before is not None and before.components is not None:
            _write(self.folder, stack, replace(before, components=before.components | {*components}))

    def _contents(self, stack: str) -> Contents | None:
        """None of a stack that is not known, from a folder that others may write, and of a file that is none of
        these."""
        if self.folder is None:
            return None
        try:
            about = self.folder.stat()
            told = json.loads(_file(self.folder, stack).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if about.st_uid != os.getuid() or about.st_mode & 0o022:
            return None
        return _parsed(told)


@contextmanager
def shared(stacks: Mapping[str, Contents]) -> Iterator[Mapping[str, str]]:
    """Makes the folder for the runs of a command that knows this of stacks, and removes it. Gives what their
    environment says of it."""
    with tempfile.TemporaryDirectory(prefix="kong-oam-") as folder:  # its owner's alone
        for stack, contents in stacks.items():
            _write(Path(folder), stack, contents)
        yield {VARIABLE: folder}


def _parsed(told: Any) -> Contents | None:
    match told:
        case {"components": None, "generation": int(generation)}:
            return Contents(None, generation)
        case {"components": [*components], "generation": int(generation)}:
            return Contents(frozenset(map(str, components)), generation)
    return None


def _file(folder: Path, stack: str) -> Path:
    return folder / f"{stack}.json"


def _write(folder: Path, stack: str, contents: Contents) -> None:
    """Writes the file as a whole: only the stack's own run does, which holds its lock."""
    components = None if contents.components is None else sorted(contents.components)
    written = _file(folder, stack).with_suffix(".new")
    written.write_text(json.dumps({"components": components, "generation": contents.generation}), "utf-8")
    written.replace(_file(folder, stack))
