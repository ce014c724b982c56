"""Runs `check` and `diff` for a review: errors in Applications, and what a change does to access."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from kong_oam.errors import UndoneError

_TIMEOUT = 600  # seconds


class ReviewError(UndoneError):
    """Nothing can be said about the change. The message says why, and holds no output of a product."""


@dataclass(frozen=True, slots=True)
class AccessChange:
    """What changes for callers: the worst of it in one line, and all of it as Markdown. Empty: nothing does.

    `rank` tells which of several is the worst: the lower the worse.
    """

    rank: int
    headline: str
    markdown: str


_KINDS = ("newly public", "granted", "widened", "may widen", "narrowed", "revoked", "may narrow", "changed")


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` finds: errors in the Applications, and what lint finds where there are none: each with file, line
    and column."""

    problems: tuple[str, ...]
    findings: tuple[str, ...]


def check(stack: str) -> Checked:
    """Checks the Applications on a stack: what is wrong, and what somebody should look at. Raises ReviewError."""
    document = json.loads(_access("check", "--stack", stack, "--json"))
    errors = (diagnostic for diagnostic in document["diagnostics"] if diagnostic["severity"] == "error")
    return Checked(tuple(map(_located, errors)), tuple(map(_located, document["findings"])))


def _located(diagnostic: dict[str, Any]) -> str:
    place = f"{diagnostic.get('file', '')}:{diagnostic.get('line', '')}:{diagnostic.get('column', '')}"
    return f"{place}: {diagnostic['code']}: {diagnostic['message']}"


def changes(base: str, stack: str) -> AccessChange:
    """Compares access between the git revision `base` and what is here. Raises ReviewError."""
    # Said to be a revision: a folder of the same name would be compared with itself.
    operands = ("--stack", stack, "--", f"git:{base}", ".")
    document: dict[str, Any] = json.loads(_access("diff", "--json", *operands))
    if not document["changes"]:
        return AccessChange(len(_KINDS), headline="", markdown="")
    rank = min(_KINDS.index(change["kind"]) for change in document["changes"])
    return AccessChange(rank, document["headline"], _access("diff", "--markdown", *operands).strip())


def _access(*arguments: str) -> str:
    command = [sys.executable, "-m", "kong_oam", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)  # noqa: S603 - no shell
    except subprocess.TimeoutExpired:
        raise ReviewError(f"`python -m kong_oam {' '.join(arguments)}` took more than {_TIMEOUT} seconds") from None
    if done.returncode not in (0, 1):
        raise ReviewError(
            f"`python -m kong_oam {' '.join(arguments)}` failed: {done.stderr.strip() or done.returncode}"
        )
    return done.stdout
