"""What stops a run before anything is provisioned, said once and clearly."""

from __future__ import annotations

from typing import NoReturn

import pulumi

from access.compile import Compiled
from access.model import Estate
from oam.diagnostics import errors


def accept(compiled: Compiled) -> Estate:
    """The estate; every warning is shown. Where there is an error the program ends, before one provider is called."""
    found = errors(compiled.diagnostics)
    for diagnostic in compiled.diagnostics:
        (pulumi.log.error if diagnostic.severity == "error" else pulumi.log.warn)(str(diagnostic))
    if compiled.estate is None:
        refuse(f"{len(found)} error(s) in applications/; nothing was provisioned. `python -m access check` shows them")
    return compiled.estate


def refuse(reason: object) -> NoReturn:
    """Ends the program with `reason` and without a traceback."""
    raise pulumi.RunError(str(reason))
