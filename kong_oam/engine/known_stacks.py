"""What a command knows of the stacks of an estate, for its runs to read: so no run reads the states
of all others.

A run that makes a component looks first whether another stack of the estate has it, and a run of
the base which of its generations partitions were made with. The command writes one file before its
first run, names it to each run, and removes it at the end; nobody writes it in between. It says of
each stack which components it has or is to have, where the command knows that, and the generation
of the base. A run reads the state of a stack that may have what it is to make. A run that the
command does not make knows of no file, and reads the states.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "KONG_OAM_KNOWN_STACKS"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of a stack. `components`: at least those that it has, or is to have by the end
    of the command; None where only its state says it. `generation`: that of the base which it was
    made with; 0 where it was never run."""

    components: Collection[str] | None
    generation: int = 0

    def lacks(self, components: Collection[str]) -> bool:
        """Tell whether the stack has none of these, and is to have none. Where that is not known,
        its state says it."""
        return self.components is not None and {*self.components}.isdisjoint(
            components
        )


UNKNOWN = Contents(None)


@contextmanager
def shared(stacks: Mapping[str, Contents]) -> Iterator[Mapping[str, str]]:
    """Write the file for the runs of a command that knows this of stacks, and remove it. Yield
    what their environment says of it."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="kong-oam-", suffix=".json", encoding="utf-8"
    ) as file:  # its owner's
        json.dump(
            {stack: asdict(contents) for stack, contents in stacks.items()},
            file,
        )
        file.flush()
        yield {VARIABLE: file.name}


def of_command() -> Mapping[str, Contents]:
    """Read what the command that makes this run knows, by stack. It is nothing for a run that is
    alone, from a file that others may write, and from a file of another form."""
    file = Path(os.environ.get(VARIABLE) or os.devnull)
    try:
        about = file.stat()
        if about.st_uid != os.getuid() or about.st_mode & 0o022:
            return {}
        stacks = json.loads(file.read_text("utf-8"))
        return {stack: Contents(**known) for stack, known in stacks.items()}
    except (AttributeError, OSError, TypeError, ValueError):
        return {}
