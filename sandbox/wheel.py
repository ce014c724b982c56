"""Wheels with the evaluator of definitions: build a wheel for each platform from a wheel without
it.

    python -m sandbox.wheel FOLDER [GOOS/GOARCH ...]        default: this machine

Go builds for every platform alike. Its programs need no C library, so a single program runs on all
of Linux.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.evaluator import NAME
from sandbox.progress import say
from sandbox.toolchain import ToolchainError, cache, go

TAGS: Final = {
    "linux/amd64": ("manylinux_2_17_x86_64", "musllinux_1_1_x86_64"),
    "linux/arm64": ("manylinux_2_17_aarch64", "musllinux_1_1_aarch64"),
    "darwin/amd64": ("macosx_12_0_x86_64",),
    "darwin/arm64": ("macosx_12_0_arm64",),
}
"""The names of platforms for installers; for macOS the oldest version that Go still supports."""
_INSIDE: Final = f"kong_oam/render/{NAME}"
_PURE: Final = "py3-none-any"


def this_machine() -> str:
    """Return Go's name of this platform. Raises ToolchainError."""
    output = subprocess.run(
        [go(cache()), "env", "GOHOSTOS", "GOHOSTARCH"],
        capture_output=True,
        text=True,
        check=True,
    )
    return "/".join(output.stdout.split())


def for_platform(wheel: Path, platform: str, program: bytes) -> Path:
    """Write the wheel of a platform, with the program in it, beside the wheel for any platform.
    Return its path."""
    tags = ".".join(TAGS[platform])
    with tempfile.TemporaryDirectory() as folder:
        _wheel("unpack", "--dest", folder, wheel)
        (unpacked,) = Path(folder).iterdir()
        inside = unpacked / _INSIDE
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.write_bytes(program)
        inside.chmod(0o755)
        (about,) = unpacked.glob("*.dist-info/WHEEL")
        about.write_text(
            about.read_text("utf-8").replace(
                "Root-Is-Purelib: true", "Root-Is-Purelib: false"
            ),
            "utf-8",
        )
        _wheel("pack", "--dest-dir", folder, unpacked)
        packed = Path(folder) / wheel.name
        _wheel("tags", "--remove", "--platform-tag", tags, packed)
        made = wheel.with_name(wheel.name.replace(_PURE, f"py3-none-{tags}"))
        shutil.move(Path(folder) / made.name, made)
    return made


def _wheel(*arguments: str | Path) -> None:
    """Run a command of the package `wheel`."""
    subprocess.run(
        [sys.executable, "-m", "wheel", *map(str, arguments)],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _built(platform: str) -> bytes:
    """Return the evaluator for a platform. Raises ToolchainError."""
    system, processor = platform.split("/")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "GOOS": system, "GOARCH": processor}
        command = [sys.executable, "-m", "sandbox.evaluator", folder]
        if subprocess.run(command, env=environment).returncode:
            raise ToolchainError(
                f"the evaluator for {platform} was not built; see the errors above"
            )
        return Path(folder, NAME).read_bytes()


def main(arguments: Sequence[str]) -> int:
    """Replace the wheel by wheels for the platforms; progress and errors go to stderr."""
    try:
        (pure,) = Path(arguments[0]).glob(f"*-{_PURE}.whl")
        platforms = arguments[1:] or [this_machine()]
        if unknown := sorted({*platforms} - {*TAGS}):
            raise ToolchainError(
                f"no wheel for {', '.join(unknown)}; for {', '.join(TAGS)}"
            )
        for platform in platforms:
            for_platform(pure, platform, _built(platform))
        pure.unlink()
    except (ToolchainError, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
