"""Compile waivers: findings that a component accepts until a date."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.compile.days import date_findings
from kong_oam.access.data import YamlObject
from kong_oam.access.model import (
    Waiver,
)
from kong_oam.diagnostics import Report
from kong_oam.oam.position import SourcePosition


def waivers_of(
    properties: YamlObject, position: SourcePosition, out: Report
) -> Iterator[Waiver]:
    """Compile the waivers of an access trait. Invalid dates are added to `out`."""
    for index, waiver in enumerate(properties.get("waivers", ())):
        where = position.at("waivers", index)
        out += date_findings(waiver["until"], where.at("until"))
        yield Waiver(
            waiver["finding"], waiver["reason"], waiver["until"], where
        )
