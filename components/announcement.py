"""Announces the run's changes of access in one line, as the first line of a preview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pulumi

from kong_oam.access.diff.change import OPENING
from kong_oam.access.diff.compare import diff_from_any
from kong_oam.access.diff.model import AccessModel, empty
from kong_oam.access.diff.snapshot import ModelError, exported_model, load_model
from kong_oam.access.diff.switched_ports import switched_ports
from kong_oam.access.diff.wording import headline
from kong_oam.access.discovery import audience_notes
from kong_oam.access.model import Estate
from kong_oam.access.principals import TooManyGroupSetsError
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.engine.state import Resource, StackState
from kong_oam.kong.enforced import enforced_models
from kong_oam.traits.at_kong import AT_KONG
from kong_oam.traits.kong_plugin.findings import waived

from .refusal import stop_at

_AGAINST_STATE = "against the deployed stack; nothing was provisioned"


def announce(model: AccessModel, state: StackState) -> None:
    """Compare the model with the gates in the state and the exported settings of the last
    deployment.

    Says nothing where access does not change.
    """
    line = announcement(model, exported_model(state.outputs), state.resources)
    if line:
        log, text = line
        log(text)


def announce_redis(estate: Estate, redis: RedisSettings | None) -> None:
    """Say in a preview how rate-limited calls are answered while their Redis is down."""
    if redis is None or not pulumi.runtime.is_dry_run():
        return
    log = pulumi.log.warn if redis.away == "open" else pulumi.log.info
    for trait in AT_KONG:
        if line := trait.redis_away(estate, redis):
            log(line)


def announce_waived(estate: Estate) -> None:
    """Warn in every run of each plugin that a waiver accepts in front of a component."""
    for line in waived(estate):
        pulumi.log.warn(f"access: {line}")


def announce_audiences(estate: Estate) -> None:
    """Say in a preview which MCP servers get tokens for the whole stack."""
    if not pulumi.runtime.is_dry_run():
        return
    for line in audience_notes(estate):
        pulumi.log.info(f"access: {line}")


def announcement(
    model: AccessModel, deployed: Any, resources: Sequence[Resource]
) -> tuple[Callable[[str], None], str] | None:
    """Return the line of the announcement behind the function that logs it; None if access does not
    change.

    `deployed` is the exported model; None before the first run. A change that opens something is a
    warning. A state that cannot be compared is reported and does not stop the run. A port that
    changes between a route and `internal` stops it.
    """
    try:
        last_model = empty(model) if deployed is None else load_model(deployed)
        models = enforced_models(resources, last_model)
        stop_at(switched_ports(models[0], model), _AGAINST_STATE)
        changes = diff_from_any(models, model)
    except (ModelError, TooManyGroupSetsError) as error:
        return (
            pulumi.log.warn,
            f"access: cannot compare with the deployed access model: {error}",
        )
    if not changes:
        return None
    opens = any(change.kind in OPENING for change in changes)
    return (
        pulumi.log.warn if opens else pulumi.log.info,
        f"access: {headline(changes, model.estate.stack.scheme)}",
    )
