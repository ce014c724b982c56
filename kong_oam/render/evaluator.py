"""The evaluator process. It answers one question at a time, in lines of JSON.

It limits the CPU time and memory of an evaluation. A stopped process counts as an answer; the next
question starts a new process.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from kong_oam.render.answers import Answer, Question
from kong_oam.render.program import EvaluatorError, program
from kong_oam.render.requests import MEGABYTES, SECONDS

# Seconds without an answer after which an evaluator is stopped, even on a busy machine.
_PATIENCE = 120.0
# The exit status of a Go program without memory or with a full stack.
_FATAL = 2


@dataclass
class Evaluator:
    """An evaluator process, started for the first question. A context manager, for one thread."""

    seconds: float = SECONDS
    megabytes: int = MEGABYTES
    find: Callable[[], Path] = program
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _unread: bytes = field(default=b"", repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: Question) -> Answer:
        """Ask a question and return the answer. Raise EvaluatorError if no evaluator exists or
        starts."""
        process = self._started()
        part = -1
        try:
            assert process.stdin is not None
            process.stdin.write(
                json.dumps(request, sort_keys=True, ensure_ascii=False).encode(
                    "utf-8", "replace"
                )
                + b"\n"
            )
            process.stdin.flush()
            while True:
                answer: Answer = json.loads(self._line(process))
                if "at" not in answer:
                    break
                part = answer["at"]
        except (OSError, ValueError, EOFError):
            answer = {"limit": self._why_ended(process)}
        except RecursionError:
            answer = {"limit": "memory"}
        if "limit" in answer:
            self.close()
            return {"limit": answer["limit"], "part": part}
        return answer

    def close(self) -> None:
        """Stop the process, if it runs."""
        process = self._process
        self._process = None
        self._unread = b""
        if process is not None:
            process.kill()
            with suppress(OSError):
                process.communicate()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            command = [
                str(self.find()),
                "-seconds",
                str(self.seconds),
                "-megabytes",
                str(self.megabytes),
            ]
            try:
                self._process = subprocess.Popen(  # noqa: S603 - no shell, fixed arguments
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={},
                    cwd="/",
                )
            except OSError as error:
                message = (
                    f"the evaluator of definitions does not start: {error}; "
                    f"remove {command[0]} and run the command again"
                )
                raise EvaluatorError(message) from None
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        until = time.monotonic() + _PATIENCE
        parts = [self._unread]
        while b"\n" not in parts[-1]:
            if not select.select(
                [process.stdout], [], [], max(0.0, until - time.monotonic())
            )[0]:
                raise EOFError
            more = os.read(process.stdout.fileno(), 1 << 20)
            if not more:
                raise EOFError
            parts.append(more)
        line, _, self._unread = b"".join(parts).partition(b"\n")
        return line

    def _why_ended(self, process: subprocess.Popen[bytes]) -> str:
        with suppress(subprocess.TimeoutExpired):
            return "memory" if process.wait(1) == _FATAL else "life"
        return "life"
