"""Hostile Applications: `check` names the position, in bounded time and memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.local import ROOT
from tests.support.faults.tiny import TINY
from tests.support.tiers import deep_after

SECONDS = 40.0
MEGABYTES = 512
"""Address space of a check in MB: it takes about 200 by itself."""

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
DEPLOYMENT = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {}\n"
)
LIST = "apiVersion: v1\nkind: List\nitems:\n  - {apiVersion: core.oam.dev/v1beta1, kind: Application}\n"

HOSTILE: dict[str, tuple[bytes, str]] = {
    "alias bomb": (
        BOMB.encode(),
        "applications/x.yaml:1:26: error OAM101: more than 50000 values",
    ),
    "tag": (
        b"a: !!python/object/apply:os.system [ls]",
        "applications/x.yaml:1:4: error OAM101: tag '!!python/",
    ),
    "10 MB": (
        b"a: " + b"x" * 10_000_000,
        "applications/x.yaml:1:1: error OAM101: 10000003 bytes; the limit is",
    ),
    "tabs": (
        b"a:\n\tb: 1\n",
        "applications/x.yaml:2:1: error OAM101: a tab in the indentation; replace it with spaces",
    ),
    "deep nesting": (
        b"[" * 100_000,
        "error OAM101: exceeded maximum nesting depth",
    ),
    "cycle": (
        b"a: &a [*a]",
        "applications/x.yaml:1:4: error OAM101: nested deeper than 64 levels",
    ),
    "not UTF-8": (
        b"a: 1\nb: \xff",
        "applications/x.yaml:2:1: error OAM101: the file is not UTF-8 (byte 0xff)",
    ),
    "Deployment": (
        DEPLOYMENT.encode(),
        "applications/x.yaml:2:7: error OAM108: a Deployment is not deployed from here",
    ),
    "List": (
        LIST.encode(),
        "applications/x.yaml:2:7: error OAM108: a List is not deployed from here",
    ),
}


SPOTLESS = TINY.replace(
    "{name: tiny}", "{name: tiny, annotations: {owner: team-tiny}}"
).replace("{reason: probes}", '{reason: probes, until: "2030-12-31"}')
"""The tiny estate without findings of lint, so that all output of `check` is about the added file.
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """The output of `python -m kong_oam check`; `seconds` is its duration."""

    status: int
    output: str
    seconds: float


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))


def _check(folder: Path, *arguments: str) -> Checked:
    """Run the command in `folder`."""
    return _run(folder, "-m", "kong_oam", "check", *arguments)


def _run(folder: Path, *arguments: str) -> Checked:
    """Run Python in `folder`, with a limit on its memory. Raises subprocess.TimeoutExpired."""
    (folder / "stacks").mkdir(exist_ok=True)
    stack = folder / "stacks/Pulumi.local.yaml"
    stack.write_bytes((ROOT / "stacks/Pulumi.local.yaml").read_bytes())
    command = [sys.executable, *arguments]
    begun = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=_limited,
    )
    return Checked(
        done.returncode, done.stdout + done.stderr, time.monotonic() - begun
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good Application, tiny.yaml, in applications/."""
    (tmp_path / "applications").mkdir()
    (tmp_path / "applications/tiny.yaml").write_text(SPOTLESS, "utf-8")
    return tmp_path


def test_each_hostile_file_is_named_with_its_position(folder: Path) -> None:
    """Exit status 1 and one finding a file, without a traceback and within the memory limit."""
    for number, (raw, _) in enumerate(HOSTILE.values()):
        (folder / f"applications/x{number}.yaml").write_bytes(raw)
    checked = _check(folder)
    assert checked.status == 1
    for number, (_, message) in enumerate(HOSTILE.values()):
        assert message.replace("x.yaml", f"x{number}.yaml") in checked.output
    assert f"{len(HOSTILE)} error(s)" in checked.output
    assert "Traceback" not in checked.output and len(checked.output) < 20_000


def _link_to_a_file(folder: Path, outside: Path) -> None:
    (folder / "applications/x.yaml").symlink_to(outside / "secret.yaml")


def _link_to_a_folder(folder: Path, outside: Path) -> None:
    (folder / "applications/x").symlink_to(outside, target_is_directory=True)


def _link_to_itself(folder: Path, outside: Path) -> None:
    (folder / "applications/loop").symlink_to(
        folder / "applications", target_is_directory=True
    )


def _fifo(folder: Path, outside: Path) -> None:
    os.mkfifo(folder / "applications/x.yaml")


def _device(folder: Path, outside: Path) -> None:
    (folder / "applications/x.yaml").symlink_to("/dev/zero")


@pytest.mark.parametrize(
    "trap",
    deep_after(
        2, [_link_to_a_file, _fifo, _link_to_a_folder, _link_to_itself, _device]
    ),
)
def test_only_files_of_the_folder_are_read(
    folder: Path, trap: Callable[[Path, Path], None]
) -> None:
    """Links out of the folder, pipes and devices are neither read nor quoted; the other files are
    checked. A link out of the folder is an error."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text("password: do not show me\n", "utf-8")
    trap(folder, outside)
    checked = _check(folder)
    assert "do not show me" not in checked.output
    if trap in (_link_to_itself, _fifo):
        assert (checked.status, checked.output) == (
            0,
            "1 application(s), 2 component(s): no errors\n",
        )
    else:
        assert checked.status == 1
        assert "error OAM101: cannot be read: this link to " in checked.output


@pytest.mark.deep
def test_a_pipe_or_device_that_is_named_is_refused(folder: Path) -> None:
    """A path without a known end is rejected."""
    os.mkfifo(folder / "pipe.yaml")
    for path in ("pipe.yaml", "/dev/zero"):
        checked = _check(folder, path)
        assert checked.status == 1
        assert (
            f"{path}:1:1: error OAM101: cannot be read: not a regular file"
            in checked.output
        )


def test_a_file_that_fits_no_memory_is_not_opened(folder: Path) -> None:
    """10 GB of zeros: the size suffices to reject it."""
    huge = folder / "applications/x.yaml"
    huge.touch()
    os.truncate(huge, 10 << 30)
    checked = _check(folder)
    assert checked.status == 1
    assert (
        "applications/x.yaml:1:1: error OAM101: 10737418240 bytes; the limit is 1048576"
        in checked.output
    )


AS_NOBODY = """import os, sys
from kong_oam.__main__ import main
main(["check", "applications/tiny.yaml"])  # whatever is imported on the way is imported while it may be read
os.setuid(int(sys.argv[1]))
sys.exit(main(["check"]))
"""


def test_a_file_without_permission_is_a_finding(folder: Path) -> None:
    """The finding names the file and the reason. Root may read every file, so the test becomes
    another user first."""
    (folder / "applications/x.yaml").touch(mode=0o000)
    folder.chmod(0o755)
    user = os.getuid() or 65534
    checked = _run(folder, "-c", AS_NOBODY, str(user))
    assert checked.status == 1
    assert (
        "applications/x.yaml:1:1: error OAM101: cannot be read: Permission denied"
        in checked.output
    )


@pytest.mark.deep
def test_ten_thousand_files_are_checked_in_bounded_time(folder: Path) -> None:
    """A single file is wrong, and `check` finds it."""
    for number in range(10_000):
        text = TINY.replace("{name: tiny}", f"{{name: tiny{number}}}").replace(
            "tiny/", f"tiny{number}/"
        )
        text = text.replace("things.read", f"things{number}.read").replace(
            "tiny.example", f"tiny{number}.example"
        )
        text = text.replace("name: api", f"name: api{number}").replace(
            f"tiny{number}/api", f"tiny{number}/api{number}"
        )
        text = text.replace("name: job", f"name: job{number}").replace(
            f"tiny{number}/job", f"tiny{number}/job{number}"
        )
        (folder / f"applications/a{number}.yaml").write_text(text, "utf-8")
    (folder / "applications/a5000.yaml").write_text("kind: [", "utf-8")
    checked = _check(folder)
    assert checked.status == 1
    assert "applications/a5000.yaml:2:1: error OAM101" in checked.output
    assert checked.output.count(" error ") == 1
