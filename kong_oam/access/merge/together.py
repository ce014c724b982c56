"""Compile two estates together after the renames, and find the problems that remain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.merge.collision import Collision, Collisions
from kong_oam.access.merge.crossing import Crossing, crossing
from kong_oam.access.merge.renames import Renames
from kong_oam.access.merge.settings import merged_stack
from kong_oam.access.merge.side import MergeSide
from kong_oam.access.model import Application, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Diagnostics
from kong_oam.oam.application import Reading, join_readings


@dataclass(frozen=True, slots=True)
class Renamed:
    """The Applications and the settings of an estate after its renames."""

    reading: Reading
    settings: Settings


@dataclass(frozen=True, slots=True)
class Remaining:
    """Errors and new warnings of both estates together, hosts that change, and everything that
    crosses."""

    findings: Diagnostics
    hosts: Collisions
    crossing: Crossing


def remaining(
    a: MergeSide, b: MergeSide, renames: Renames, renamed: Renamed
) -> Remaining:
    """Return the problems of both estates on the stack of `a` with the settings of both. `renamed`
    is `b` with its new names."""
    stack = merged_stack(a.settings.stack, renamed.settings.stack)
    together = compile_estate(
        join_readings([a.reading, renamed.reading]), stack
    )
    known = set[tuple[str, str]]()
    hosts: list[Collision] = []
    applications: list[Application] = []
    # A collision of hosts must not hide who crosses, so each estate is also compiled alone.
    for side, reading in ((a, a.reading), (b, renamed.reading)):
        new_names = renames if side is b else Renames()
        alone = compile_estate(reading, replace(stack, partial=True))
        known.update(map(_place, alone.diagnostics))
        if alone.estate:
            hosts += _changed_hosts(side.estate, alone.estate, new_names)
            applications += alone.estate.applications
    findings = tuple(
        each
        for each in together.diagnostics
        if each.severity == "error" or _place(each) not in known
    )
    both = Estate(stack, tuple(applications))
    crosses = crossing(a.estate.components.keys(), both)
    return Remaining(findings, tuple(hosts), crosses)


def _place(diagnostic: Diagnostic) -> tuple[str, str]:
    return diagnostic.code, str(diagnostic.position)


def _changed_hosts(
    before: Estate, after: Estate, renames: Renames
) -> Iterator[Collision]:
    """Yield the endpoints of an estate that have another host with the settings of both."""
    for key, component in before.components.items():
        new = after.components.get(renames.component(key))
        kept = new.hosts if new else component.hosts
        for host in component.hosts:
            if renames.new_hosts.get(host, host) in kept:
                continue
            remedy = (
                f"{key} gets another host from domains.suffixes of both stacks; "
                "remove the suffix, and write its hosts out"
            )
            place = component.exposure.endpoints[0].position
            yield Collision("host", host, None, place, remedy=remedy)
