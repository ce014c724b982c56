"""Build the evaluator of definitions, a Go program of this project, from its source and its
modules.

    python -m sandbox.evaluator FOLDER        builds it into FOLDER if it is missing

Modules are pinned by its `go.sum`. Go is found as for the `pulumi` CLI (sandbox.toolchain).
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.progress import say
from sandbox.toolchain import ToolchainError, alone, build

NAME: Final = "evaluator"
_SOURCE: Final = Path(__file__).resolve().parents[1] / "evaluator"


def build_evaluator(folder: Path) -> None:
    """Build the evaluator if it is missing: about 40 seconds of CPU. Raises ToolchainError."""
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / ".lock", "building the evaluator"):
        if not (
            folder / NAME
        ).exists():  # the run that held the lock may have built it
            sources = (
                *_SOURCE.glob("*.go"),
                _SOURCE / "go.mod",
                _SOURCE / "go.sum",
            )
            files = {path.name: path.read_text("utf-8") for path in sources}
            build(
                folder,
                "the evaluator of definitions",
                files,
                {NAME: "."},
                "-s -w",
            )


def main(arguments: Sequence[str]) -> int:
    """Build it; progress and errors go to stderr."""
    try:
        build_evaluator(Path(arguments[0]))
    except (ToolchainError, OSError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
