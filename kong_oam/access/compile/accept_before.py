"""Compile acceptBefore: the old credentials that a component accepts until a date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from kong_oam.access.before import (
    USUAL_NAMES,
    Acceptance,
    AcceptBeforeYaml,
)
from kong_oam.access.compile.dates import date_findings
from kong_oam.diagnostics import Diagnostic, Report
from kong_oam.oam.position import SourcePosition


def acceptance_of(
    access: Mapping[str, Any], position: SourcePosition, out: Report
) -> Acceptance | None:
    """Compile the `acceptBefore` of an access trait. Findings are added to `out`."""
    if "acceptBefore" not in access:
        return None
    where = position.at("acceptBefore")
    accepted = cast("AcceptBeforeYaml", access["acceptBefore"])
    out += date_findings(accepted["until"], where.at("until"))
    if accepted["by"] == "basic-auth":
        for name in ("names", "in"):
            if name in accepted:
                message = (
                    f"'{name}' has no effect: a password is always in the header Authorization; "
                    "remove it"
                )
                out.append(Diagnostic("ACC285", message, where.key(name)))
    return Acceptance(
        accepted["by"],
        accepted["until"],
        accepted["reason"],
        tuple(accepted.get("names", USUAL_NAMES)),
        tuple(accepted.get("in", ("header",))),
        where,
    )
