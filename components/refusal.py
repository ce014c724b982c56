"""Stops a run before anything is provisioned, with one clear message.

The engine prints the first line of an error beside the stack each time that it has something to say
of it, and all of it once at the end: so what was found stands below a first line that sums it up,
and not in messages of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NoReturn

import pulumi
from pulumi.runtime import is_dry_run

from kong_oam.diagnostics import Diagnostic, errors
from kong_oam.engine.error_prefix import ERROR_PREFIX

_SKIPPED = "PULUMI_SKIP_CHECKPOINTS"
AT_PRODUCTS = "where this would be provisioned; nothing was"


def stop_at(
    diagnostics: Iterable[Diagnostic], where: str = AT_PRODUCTS
) -> None:
    """Show all warnings. With an error the program ends, before anything is made; `where` says of
    what the errors are."""
    shown = tuple(diagnostics)
    for diagnostic in shown:
        if diagnostic.severity == "warning":
            # The engine says itself that it is one.
            pulumi.log.warn(str(diagnostic).removeprefix("warning "))
    stopping = errors(shown)
    if stopping:
        lines = [f"{len(stopping)} error(s) {where}", *map(str, stopping)]
        refuse("\n".join(lines))


def refuse(reason: object) -> NoReturn:
    """End the program with `reason` and without a traceback. The review of a change shows it to
    everybody."""
    raise pulumi.RunError(f"{ERROR_PREFIX}{reason}")


def require_checkpoints() -> None:
    """End a run that would change something and write nothing down until its end: interrupted, it
    could not be recovered. A preview keeps nothing anyway.

    Source: Pulumi's reference of environment variables.
    """
    if not is_dry_run() and os.environ.get(_SKIPPED, "").lower() in (
        "1",
        "true",
    ):
        refuse(
            f"{_SKIPPED} is for previews: a run that is interrupted under it cannot be recovered. "
            "Unset it"
        )
