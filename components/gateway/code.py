"""Provisions the code that all ports run before authentication, once in a Kong workspace, and tells ports of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kong as kong

from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.stack import Settings
from kong_oam.engine.state import StackState
from kong_oam.kong import code
from kong_oam.kong.names import CODE
from kong_oam.kong.plugins import everywhere

from ..base import Base
from ..refusal import refuse
from ..state import recorded

Make = Callable[[Mapping[str, Any]], kong.Plugin]
"""Makes the global plugin with a configuration."""
_NONE = "{}"


@dataclass(frozen=True)
class SharedCode:
    """What ports have to know of it. `is_there`: whether they call it, rather than bring their own; `after`: what they
    come after; `versions`: those that there are, for partitions of the estate; `kept`: what only partitions still use,
    in words."""

    is_there: pulumi.Input[bool]
    after: Sequence[pulumi.Resource] = ()
    versions: pulumi.Input[Sequence[str]] = ()
    kept: Sequence[str] = ()


def code_of_base(settings: Settings, base: Base) -> SharedCode:
    """What a partition has to know of it: its base had it before, or else its ports bring their own. A preview before
    there is a base shows what comes of a run after it."""
    is_there = not base.gateway or code.version() in (base.gateway.get("code") or ())
    return SharedCode(settings.gateway.shares_code and is_there)


def provision_code(settings: Settings, state: StackState, make: Make) -> SharedCode:
    """Makes the global plugin, with this version and those before it that a port still calls.

    By what the plugin has once it was made each port is told: a run that leaves the plugin out (`--target`) has ports
    that it makes bring their own code, and none calls what is not there.
    """
    shared, before = settings.gateway.shares_code, state.plugins.get(CODE, _NONE)
    there = [code.version_in(script) for script in code.left_by(before)]
    called: set[str] = set()
    if there and not (shared and code.version() in there):
        called = {name for names in _called_by_partitions(settings, there) for name in names}
        called |= code.called_by(state.plugins.values()) if shared else set()
    scripts = code.wanted(before, called, shared=shared)
    if not scripts:
        return SharedCode(False)
    plugin = make(everywhere(scripts))

    async def left(now: str | None) -> list[str]:
        if not (pulumi.runtime.is_dry_run() or await plugin.id.is_known()):
            refuse(
                f"{CODE}, which has the code of all ports, is to be made, and a flag leaves it out: run once without it"
            )
        return [code.version_in(script) for script in code.left_by(now or _NONE)]

    versions: pulumi.Output[list[str]] = plugin.config_json.apply(left)
    if not shared:
        return SharedCode(False, (), versions, ["the code that ports run"])
    previewed = plugin.urn.apply(lambda _: True)  # it is known, and depends on the plugin, as in the run
    is_there = previewed if pulumi.runtime.is_dry_run() else versions.apply(lambda now: code.version() in now)
    return SharedCode(is_there, (plugin,), versions)


def _called_by_partitions(settings: Settings, there: Sequence[str]) -> Iterator[Iterable[str]]:
    """Yields the versions that ports of each partition call: all that are there, where its last run was cut off."""
    for state in (recorded(stack_of(settings.stack.name, name)) for name in settings.stack.partitions):
        yield code.called_by(state.plugins.values()) if state.is_confirmed else there
