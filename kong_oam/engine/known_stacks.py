"""A command's knowledge of an estate's stacks, in a file for its runs, so that no run reads all
states.

Before a run creates a component, it looks for the component in the other stacks. A run of the base
looks up which base generation each partition used. The command writes one file before its first
run, passes its name to each run, and removes it at the end. The file lists the known present and
future components of each stack, and the base generation. A run reads the state of a stack only if
that stack may have its new components. Without a file, a run reads all states.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kong_oam.oam.position import Texts

VARIABLE = "KONG_OAM_KNOWN_STACKS"


@dataclass(frozen=True, slots=True)
class Contents:
    """The known contents of a stack.

    `components`: the components that it has or will have when the command ends; None if only the
    state can tell. `generation`: the generation of the base that the stack was last run with; 0 if
    it never ran.
    """

    components: Collection[str] | None
    generation: int = 0

    def lacks(self, components: Collection[str]) -> bool:
        """Return whether the stack neither has nor will have any of these components. False if
        unknown: the caller then reads the state."""
        return self.components is not None and {*self.components}.isdisjoint(
            components
        )


UNKNOWN = Contents(None)


@contextmanager
def known_stacks_file(
    stacks: Mapping[str, Contents],
) -> Iterator[Texts]:
    """Write the file of known stacks and remove it afterwards. Yield the environment variable that
    names it to the runs."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="kong-oam-", suffix=".json", encoding="utf-8"
    ) as file:  # readable by its owner only
        json.dump(
            {stack: asdict(contents) for stack, contents in stacks.items()},
            file,
        )
        file.flush()
        yield {VARIABLE: file.name}


def read_known_stacks() -> Mapping[str, Contents]:
    """Return the contents of each stack that the command knows. Empty without a command, for a file
    that others may write, and for another format."""
    file = Path(os.environ.get(VARIABLE) or os.devnull)
    try:
        about = file.stat()
        if about.st_uid != os.getuid() or about.st_mode & 0o022:
            return {}
        stacks = json.loads(file.read_text("utf-8"))
        return {stack: Contents(**known) for stack, known in stacks.items()}
    except (AttributeError, OSError, TypeError, ValueError):
        return {}
