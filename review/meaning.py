"""What the Applications' own command says of a change: errors in them, and what it does to access."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

_TIMEOUT = 600  # seconds


class ReviewError(Exception):
    """Nothing can be said about the change. The message says why, and holds no output of a product."""


@dataclass(frozen=True, slots=True)
class Access:
    """What changes for callers: the worst of it in one line, and all of it as Markdown. Empty: nothing does."""

    opens: bool
    headline: str
    markdown: str


def problems(stack: str) -> tuple[str, ...]:
    """What is wrong with the Applications on a stack, each with file, line and column."""
    document = json.loads(_access("check", "--stack", stack, "--json"))
    return tuple(
        f"{one.get('file', '')}:{one.get('line', '')}:{one.get('column', '')}: {one['code']}: {one['message']}"
        for one in document["diagnostics"]
        if one["severity"] == "error"
    )


def changes(base: str, stack: str) -> Access:
    """What changes for callers between the git revision `base` and what is here. Raises ReviewError."""
    operands = ("diff", base, ".", "--stack", stack)
    document: dict[str, Any] = json.loads(_access(*operands, "--json"))
    if not document["changes"]:
        return Access(opens=False, headline="", markdown="")
    opens = any(change["kind"] in ("newly public", "granted", "widened") for change in document["changes"])
    return Access(opens, document["headline"], _access(*operands, "--markdown").strip())


def _access(*arguments: str) -> str:
    command = [sys.executable, "-m", "access", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)  # noqa: S603 - no shell
    if done.returncode not in (0, 1):
        raise ReviewError(f"`python -m access {' '.join(arguments)}` failed: {done.stderr.strip() or done.returncode}")
    return done.stdout
