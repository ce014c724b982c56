"""Runs of the `pulumi` CLI: limited in time, without prompts, each failure in one sentence."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from kong_oam.errors import EngineError

# Environment variables by name.
Environment = Mapping[str, str]


# Time limits in seconds: SHORT for a setting or the outputs, LONG for a large state or a slow
# backend.
SHORT = 60.0
LONG = 300.0

_LONGEST_MESSAGE = 1000  # characters of the CLI's error
# The user and the password in a backend's address, which older versions of the CLI print.
_LOGIN = re.compile(r"(?<=://)\S*(?=@)|(?<=password=)[^\s&\"']+")

_SETUP_HINT = ": run the exports that `make sandbox` prints, or find the CLI with `make setup`"


class PulumiCliError(EngineError):
    """The `pulumi` CLI cannot start, or it failed.

    The message names the command and repeats standard error, without the login in a backend's
    address. It never repeats standard output, which may contain secrets.
    """


def pulumi(
    *arguments: str,
    stack: str | None = None,
    timeout: float,
    environment: Environment | None = None,
) -> str:
    """Run the CLI for a stack or the project in the working directory. Return its output. Raises
    PulumiCliError.

    `environment` adds variables to this process's environment.
    """
    process = run(
        *arguments, stack=stack, timeout=timeout, environment=environment
    )
    if process.returncode:
        reason = (
            " ".join(process.stderr.split()).removeprefix("error: ")
            or f"exit status {process.returncode}"
        )
        message = _LOGIN.sub("****", reason)[:_LONGEST_MESSAGE]
        raise PulumiCliError(f"{_command_name(arguments)} failed: {message}")
    return process.stdout


def run(
    *arguments: str,
    stack: str | None,
    timeout: float,
    environment: Environment | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the CLI and return the finished process, whatever its status. Raises PulumiCliError if it
    cannot start, or takes too long."""
    with _start(
        arguments, stack, environment, stderr=subprocess.PIPE
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise PulumiCliError(
                f"{_command_name(arguments)} took more than {timeout:g} seconds"
            ) from None
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(
        process.args, process.returncode, out, err
    )


def stream(
    *arguments: str,
    stack: str,
    say: Callable[[str], None],
    running: set[subprocess.Popen[str]],
    environment: Environment | None = None,
) -> bool:
    """Run the CLI without a time limit and pass each printed line to `say`. Return whether it
    succeeded. Raises PulumiCliError if it cannot start.

    The process is in `running` until it ends, so that the caller can interrupt it: Ctrl-C in a
    terminal does not reach it.
    """
    with _start(
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


def _start(
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
        return subprocess.Popen(  # noqa: S603 - no shell, fixed words
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
            f"`pulumi` is not on the PATH{_SETUP_HINT if in_a_clone else ''}"
        ) from None
    except OSError as error:
        raise PulumiCliError(
            f"{_command_name(arguments)} cannot be run: {error.strerror}"
        ) from None


def _command_name(arguments: tuple[str, ...]) -> str:
    """Return the first words of a command without options, such as `pulumi stack`."""
    words = [word for word in arguments[:2] if not word.startswith("-")]
    return f"`{' '.join(('pulumi', *words))}`"
