"""Runs the `pulumi` CLI, everywhere: bounded in time, asking nobody anything, its failures in one
sentence each."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from kong_oam.errors import EngineError

Environment = Mapping[str, str]
"""Variables of the environment by name."""


SHORT = 60.0
LONG = 300.0
"""Seconds: for a setting or the outputs; for all of a large state, and what waits for a backend."""

_LONGEST_MESSAGE = 1000  # characters of what the CLI said
_LOGIN = re.compile(r"(?<=://)\S*(?=@)|(?<=password=)[^\s&\"']+")
"""Of a backend's address, what older versions of the CLI tell whole: who logs in, and the
password."""

_EXPORTS = ": `make sandbox` prints the exports for the stack local, and `make setup` where the CLI is"


class PulumiCliError(EngineError):
    """The `pulumi` CLI cannot be run, or failed. The message names its command, and has what it
    said on standard error: never what it printed on standard output, which may hold secrets, and no
    login of a backend's address."""


def pulumi(
    *arguments: str,
    stack: str | None = None,
    timeout: float,
    environment: Environment | None = None,
) -> str:
    """Run the CLI for a stack of the project in the working directory, or for the project; return
    what it prints. Raises PulumiCliError.

    `environment` is given to it besides this process's own.
    """
    process = run(
        *arguments, stack=stack, timeout=timeout, environment=environment
    )
    if process.returncode:
        reason = (
            " ".join(process.stderr.split()).removeprefix("error: ")
            or f"it ended with status {process.returncode}"
        )
        message = _LOGIN.sub("****", reason)[:_LONGEST_MESSAGE]
        raise PulumiCliError(f"{_named(arguments)} failed: {message}")
    return process.stdout


def run(
    *arguments: str,
    stack: str | None,
    timeout: float,
    environment: Environment | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it, however it ends. Raises PulumiCliError where it cannot be run, or does not end."""
    with _started(
        arguments, stack, environment, stderr=subprocess.PIPE
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise PulumiCliError(
                f"{_named(arguments)} took more than {timeout:g} seconds"
            ) from None
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(
        process.args, process.returncode, out, err
    )


def show(
    *arguments: str,
    stack: str,
    say: Callable[[str], None],
    running: set[subprocess.Popen[str]],
    environment: Environment | None = None,
) -> bool:
    """Run it for as long as it takes, and say each line that it prints as it comes. Tell whether
    it succeeded. Raises PulumiCliError where it cannot be run.

    It is in `running` meanwhile, for whoever has it interrupted: a terminal's Ctrl-C does not reach
    it.
    """
    with _started(
        (*arguments, "--color", "never"),
        stack,
        environment,
        stderr=subprocess.STDOUT,
    ) as process:
        running.add(process)
        assert process.stdout is not None
        for line in process.stdout:
            say(line.rstrip("\n"))
    running.discard(process)
    return process.returncode == 0


def _started(
    arguments: tuple[str, ...],
    stack: str | None,
    environment: Environment | None,
    *,
    stderr: int,
) -> subprocess.Popen[str]:
    command = (
        "pulumi",
        *arguments,
        *(("--stack", stack) if stack else ()),
        "--non-interactive",
    )
    try:
        return subprocess.Popen(  # noqa: S603 - no shell, and our own words
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            process_group=0,
        )
    except FileNotFoundError:
        in_a_clone = Path("sandbox/__main__.py").is_file()
        raise PulumiCliError(
            f"there is no `pulumi` on the PATH{_EXPORTS if in_a_clone else ''}"
        ) from None
    except OSError as error:
        raise PulumiCliError(
            f"{_named(arguments)} cannot be run: {error.strerror}"
        ) from None


def _named(arguments: tuple[str, ...]) -> str:
    """Return the command by its first words, without options."""
    words = [word for word in arguments[:2] if not word.startswith("-")]
    return f"`{' '.join(('pulumi', *words))}`"
