"""Stops a run before anything is provisioned, with one clear message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

import pulumi

from kong_oam.access.compile.estate import Compiled
from kong_oam.access.model import Estate
from kong_oam.diagnostics import Diagnostic, errors


def accept(compiled: Compiled) -> Estate:
    """Gives the estate and shows every warning. With an error the program ends, before one provider is called."""
    count = _show(compiled.diagnostics)
    if compiled.estate is None:
        what = f"{count} error(s) in applications/; nothing was provisioned{compiled.reservation}"
        refuse(f"{what}. `python -m kong_oam check` shows them")
    return compiled.estate


def stop_at(diagnostics: Iterable[Diagnostic]) -> None:
    """Shows the findings at the products. Where there is an error the program ends, before anything is made."""
    if count := _show(diagnostics):
        refuse(f"{count} error(s) where this would be provisioned; nothing was")


def _show(diagnostics: Iterable[Diagnostic]) -> int:
    """Shows diagnostics, and counts the errors."""
    shown = tuple(diagnostics)
    for diagnostic in shown:
        log = pulumi.log.error if diagnostic.severity == "error" else pulumi.log.warn
        log(str(diagnostic).removeprefix(f"{diagnostic.severity} "))  # which the engine says itself
    return len(errors(shown))


def refuse(reason: object) -> NoReturn:
    """Ends the program with `reason` and without a traceback."""
    raise pulumi.RunError(str(reason))
