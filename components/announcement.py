"""Announces what a run does to access, in one line when it starts: the first thing to read in a
preview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pulumi

from kong_oam.access.diff.change import OPENING
from kong_oam.access.diff.compare import changed
from kong_oam.access.diff.model import AccessModel, empty
from kong_oam.access.diff.snapshot import ModelError, exported, load_model
from kong_oam.access.diff.wording import headline
from kong_oam.access.model import Estate
from kong_oam.access.principals import TooManyGroupSetsError
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.engine.state import Resource, StackState
from kong_oam.kong.enforced import enforced
from kong_oam.traits.at_kong import AT_KONG
from kong_oam.traits.kong_plugin.findings import waived


def announce(model: AccessModel, state: StackState) -> None:
    """Compare the model with what the stack's gates enforce, by their resources in the state, and
    with the settings that it exported when it was last deployed. Silent where access stays as it
    is."""
    line = announcement(model, exported(state.outputs), state.resources)
    if line:
        log, text = line
        log(text)


def announce_redis(estate: Estate, redis: RedisSettings | None) -> None:
    """Say in a preview what becomes of calls while the Redis is away in which they are counted."""
    if redis is None or not pulumi.runtime.is_dry_run():
        return
    log = pulumi.log.warn if redis.away == "open" else pulumi.log.info
    for trait in AT_KONG:
        if line := trait.redis_away(estate, redis):
            log(line)


def announce_waived(estate: Estate) -> None:
    """Warn of each plugin that stands before a component by a waiver, in every run: nothing of it
    has to change to be worth a look."""
    for line in waived(estate):
        pulumi.log.warn(f"access: {line}")


def announcement(
    model: AccessModel, deployed: Any, resources: Sequence[Resource]
) -> tuple[Callable[[str], None], str] | None:
    """Word the line, and return it behind the function that logs it; None where access stays as it
    is.

    `deployed` is the exported model; None before the first run. Whatever opens is a warning. What
    cannot be compared is said and stops nobody: it decides nothing.
    """
    try:
        last_model = empty(model) if deployed is None else load_model(deployed)
        changes = changed(enforced(resources, last_model), model)
    except ModelError as error:
        return (
            pulumi.log.warn,
            f"access: cannot be compared with what is deployed: its model is {error}",
        )
    except TooManyGroupSetsError as error:
        return (
            pulumi.log.warn,
            f"access: cannot be compared with what is deployed: {error}",
        )
    if not changes:
        return None
    opens = any(change.kind in OPENING for change in changes)
    return (
        pulumi.log.warn if opens else pulumi.log.info,
        f"access: {headline(changes, model.estate.stack.scheme)}",
    )
