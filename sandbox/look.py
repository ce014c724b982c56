"""`make look`: print commands on the sample Applications and their output, with Python alone.

It writes into build/ only: a copy with an edit, for `diff`, and the picture.
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
"""The text that the sample edit replaces in the file, and the new text."""


def main() -> int:
    """Run and print all commands. Return 0, or the exit status of the first failed command."""
    os.chdir(ROOT)
    PICTURE.parent.mkdir(exist_ok=True)
    shown = (
        ("Are there errors in applications/?", ["check"]),
        (
            "Who may call orders/api? A row for each request, a column for each caller:",
            ["matrix", "--component", "orders/api"],
        ),
        (
            "Who may read reports, and by which rule?",
            ["who", "GET", "https://reports.example.com/reports"],
        ),
        (_sample_edit(), ["diff", ".", str(EDITED)]),
        (
            "All access as a picture, for a browser:",
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
        "\nNext: edit applications/ and ask again. docs/reference/cli.md lists all "
        "commands."
    )
    print(
        "`make demo` deploys the Applications on this machine, and calls them."
    )
    return 0


def _python() -> str:
    """Return the path of the interpreter, relative to the project if possible."""
    here = Path(sys.executable)
    return str(here.relative_to(ROOT) if here.is_relative_to(ROOT) else here)


def _sample_edit() -> str | None:
    """Write a copy with the edit into `EDITED`. Return a title with the edit, or None if the file
    was changed before."""
    old, new = EDIT
    text = FILE.read_text("utf-8") if FILE.is_file() else ""
    if text.count(old) != 1:
        return None
    shutil.rmtree(EDITED, ignore_errors=True)
    for folder in ("applications", "stacks"):
        shutil.copytree(folder, EDITED / folder)
    (EDITED / FILE).write_text(text.replace(old, new), "utf-8")
    (line,) = (line.strip() for line in text.splitlines() if old in line)
    title = f"Who gains or loses access by this edit of {EDITED / FILE}?"
    return f"{title}\n\n-  {line}\n+  {line.replace(old, new)}"


if __name__ == "__main__":
    sys.exit(main())
