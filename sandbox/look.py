"""`make look`: show the commands that need only Python, with their output for the sample estate.

Writes only into build/: a project with an edit, for `diff`, and the picture.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
EDITED: Final = Path("build/edited")
PICTURE: Final = Path("build/access.svg")
FILE: Final = Path("applications/orders.yaml")
EDIT: Final = (
    "{paths: [/orders/health], methods: [GET], public:",
    "{paths: [/orders/health, /orders/prices], methods: [GET], public:",
)
"""The text that the sample edit replaces in that file, and its replacement."""


def main() -> int:
    """Run and show the commands. Return 0, or the exit status of the first command that fails."""
    os.chdir(ROOT)
    PICTURE.parent.mkdir(exist_ok=True)
    shown = (
        ("Is applications/ valid?", ["check"]),
        (
            "Who may call this URL, and by which rule?",
            ["who", "GET", "https://reports.example.com/reports"],
        ),
        (_sample_edit(), ["diff", ".", str(EDITED)]),
        (
            "A picture of the estate, for a browser:",
            ["graph", "--output", str(PICTURE)],
        ),
    )
    for title, arguments in shown:
        if title is None:
            continue
        print(
            f"\n{title}\n\n$ {_python()} -m kong_oam {shlex.join(arguments)}",
            flush=True,
        )
        if status := subprocess.run(
            [sys.executable, "-m", "kong_oam", *arguments]
        ).returncode:
            return status
    print(
        "\nNow edit applications/ yourself, and run these again. docs/reference/cli.md lists all "
        "commands."
    )
    print(
        "`make demo` deploys the sample estate on this machine, and calls it."
    )
    return 0


def _python() -> str:
    """Return the interpreter's path for printed commands."""
    here = Path(sys.executable)
    return str(here.relative_to(ROOT) if here.is_relative_to(ROOT) else here)


def _sample_edit() -> str | None:
    """Write a project with an edit into `EDITED`, and show it; None if the file is not the
    original."""
    old, new = EDIT
    text = FILE.read_text("utf-8") if FILE.is_file() else ""
    if text.count(old) != 1:
        return None
    shutil.rmtree(EDITED, ignore_errors=True)
    for folder in ("applications", "stacks"):
        shutil.copytree(folder, EDITED / folder)
    (EDITED / FILE).write_text(text.replace(old, new), "utf-8")
    (line,) = (line.strip() for line in text.splitlines() if old in line)
    title = f"What would an edit change for callers? This edit is in {EDITED / FILE}:"
    return f"{title}\n\n-  {line}\n+  {line.replace(old, new)}"


if __name__ == "__main__":
    sys.exit(main())
