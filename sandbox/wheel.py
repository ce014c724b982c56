"""Wheels with the evaluator of definitions: of the one wheel without it in a folder, one for each platform.

    python -m sandbox.wheel FOLDER [GOOS/GOARCH ...]        for this machine where none is named

Go builds for every platform alike, and what it builds needs no C library, so one program is for all of Linux.
"""

import base64
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
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
"""What installers call each platform; of macOS the oldest version that Go still builds for."""
_INSIDE: Final = f"kong_oam/render/{NAME}"
_PURE: Final = "py3-none-any"


def this_machine() -> str:
    """What Go calls this platform. Raises ToolchainError."""
    said = subprocess.run([go(cache()), "env", "GOHOSTOS", "GOHOSTARCH"], capture_output=True, text=True, check=True)
    return "/".join(said.stdout.split())


def for_platform(wheel: Path, platform: str, program: bytes) -> Path:
    """Writes the wheel of a platform beside the one for any, with the program in it. Returns where."""
    tags = [f"py3-none-{tag}" for tag in TAGS[platform]]
    made = wheel.with_name(wheel.name.replace(_PURE, f"py3-none-{'.'.join(TAGS[platform])}"))
    with zipfile.ZipFile(wheel) as pure, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as whole:
        record = ""
        for entry in pure.infolist():
            text = pure.read(entry)
            if entry.filename.endswith(".dist-info/RECORD"):
                last = entry
                continue
            if entry.filename.endswith(".dist-info/WHEEL"):
                named = "".join(f"Tag: {tag}\n" for tag in tags)
                text = text.replace(f"Tag: {_PURE}\n".encode(), named.encode())
                text = text.replace(b"Root-Is-Purelib: true", b"Root-Is-Purelib: false")
            record += _put(whole, entry, text)
        entry = zipfile.ZipInfo(_INSIDE, last.date_time)
        entry.external_attr = 0o100755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        record += _put(whole, entry, program)
        whole.writestr(last, f"{record}{last.filename},,\n")
    return made


def _put(wheel: zipfile.ZipFile, entry: zipfile.ZipInfo, text: bytes) -> str:
    """Writes a file of a wheel. Returns its line of the record: name, digest, size."""
    wheel.writestr(entry, text)
    digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
    name = f'"{entry.filename}"' if "," in entry.filename else entry.filename
    return f"{name},sha256={digest},{len(text)}\n"


def _built(platform: str) -> bytes:
    """The evaluator for a platform. Raises ToolchainError."""
    system, processor = platform.split("/")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "GOOS": system, "GOARCH": processor}
        command = [sys.executable, "-m", "sandbox.evaluator", folder]
        if subprocess.run(command, env=environment).returncode:
            raise ToolchainError(f"no evaluator for {platform}; the lines above say why")
        return Path(folder, NAME).read_bytes()


def main(arguments: Sequence[str]) -> int:
    """Makes them in place of the one; progress and errors go to stderr."""
    try:
        (pure,) = Path(arguments[0]).glob(f"*-{_PURE}.whl")
        platforms = arguments[1:] or [this_machine()]
        if unknown := sorted({*platforms} - {*TAGS}):
            raise ToolchainError(f"no wheel for {', '.join(unknown)}; for {', '.join(TAGS)}")
        for platform in platforms:
            for_platform(pure, platform, _built(platform))
        pure.unlink()
    except (ToolchainError, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
