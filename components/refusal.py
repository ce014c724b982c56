"""Stops a run before anything is provisioned, with one clear message.

The engine prints the first line of an error beside the stack each time that it has something to say
of it, and all of it once at the end: so what was found stands below a first line that sums it up,
and not in messages of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

import pulumi

from kong_oam.access.compile.estate import Compiled
from kong_oam.access.model import Estate
from kong_oam.diagnostics import Diagnostic, errors
from kong_oam.engine.refusals import OURS


def accept(compiled: Compiled) -> Estate:
    """Gives the estate and shows every warning. With an error the program ends, before one provider
    is called."""
    _warn(compiled.diagnostics)
    if compiled.estate is None:
        _refuse_for(
            compiled.diagnostics,
            f"in the Applications; nothing was provisioned{compiled.reservation}",
        )
    return compiled.estate


def stop_at(diagnostics: Iterable[Diagnostic]) -> None:
    """Shows the findings at the products. Where there is an error the program ends, before anything
    is made."""
    shown = tuple(diagnostics)
    _warn(shown)
    if errors(shown):
        _refuse_for(shown, "where this would be provisioned; nothing was")


def refuse(reason: object) -> NoReturn:
    """Ends the program with `reason` and without a traceback. The review of a change shows it to
    everybody."""
    raise pulumi.RunError(f"{OURS}{reason}")


def _warn(diagnostics: Iterable[Diagnostic]) -> None:
    for diagnostic in diagnostics:
        if diagnostic.severity == "warning":
            # Which the engine says itself.
            pulumi.log.warn(str(diagnostic).removeprefix("warning "))


def _refuse_for(diagnostics: Iterable[Diagnostic], where: str) -> NoReturn:
    found = errors(diagnostics)
    refuse("\n".join([f"{len(found)} error(s) {where}", *map(str, found)]))
