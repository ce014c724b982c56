"""Stops a run before anything is provisioned, with one clear message.

The engine prints the first line of an error beside the stack several times, and all lines once at
the end. So the first line sums up the findings, and the findings follow below it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NoReturn

from pulumi import RunError, log
from pulumi.runtime import is_dry_run

from kong_oam.diagnostics import Diagnostic, errors
from kong_oam.engine.error_prefix import ERROR_PREFIX

_SKIP_CHECKPOINTS = "PULUMI_SKIP_CHECKPOINTS"
AT_PRODUCTS = "at the products; nothing was provisioned"


def stop_at(
    diagnostics: Iterable[Diagnostic], where: str = AT_PRODUCTS
) -> None:
    """Show all warnings. If there is an error, end the program before it makes anything; `where`
    names the place of the errors."""
    shown = tuple(diagnostics)
    for diagnostic in shown:
        if diagnostic.severity == "warning":
            # The engine adds "warning" itself.
            log.warn(str(diagnostic).removeprefix("warning "))
    stopping = errors(shown)
    if stopping:
        lines = [f"{len(stopping)} error(s) {where}", *map(str, stopping)]
        refuse("\n".join(lines))


def refuse(reason: object) -> NoReturn:
    """End the program with `reason` and without a traceback. The review of a change shows it to all
    readers."""
    raise RunError(f"{ERROR_PREFIX}{reason}")


def require_checkpoints() -> None:
    """End a run with a change that writes no checkpoint until its end: it could not be recovered
    after an interruption. A preview writes no state anyway.

    Source: Pulumi's reference of environment variables.
    """
    if not is_dry_run() and os.environ.get(_SKIP_CHECKPOINTS, "").lower() in (
        "1",
        "true",
    ):
        refuse(
            f"{_SKIP_CHECKPOINTS} is set, so an interrupted run could "
            "not be recovered. Unset it; it is for previews only"
        )
