"""Compile waivers: findings that a component accepts until a date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypedDict

from kong_oam.access.compile.dates import date_findings
from kong_oam.access.model import (
    Waiver,
)
from kong_oam.diagnostics import Report
from kong_oam.oam.position import SourcePosition


class WaiverYaml(TypedDict):
    """One of the `waivers` of an access trait."""

    finding: str
    reason: str
    until: str


def waivers_of(
    waivers: Iterable[WaiverYaml], position: SourcePosition, out: Report
) -> Iterator[Waiver]:
    """Compile the waivers of an access trait. Invalid dates are added to `out`."""
    for index, waiver in enumerate(waivers):
        where = position.at("waivers", index)
        out += date_findings(waiver["until"], where.at("until"))
        yield Waiver(**waiver, position=where)
