"""Computes the fingerprint of a run's plugins, once all of them are made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pulumi import Input, Output, log
from pulumi.runtime import is_dry_run

from kong_oam.engine.state import StackState
from kong_oam.kong import actual
from kong_oam.kong.account import Account

from .service import Plugin

T = TypeVar("T")


def enforced(
    plugins: Sequence[Plugin], state: StackState, account: Account
) -> Output[str]:
    """Return the fingerprint of the rules that the plugins enforce. A run that fails at a plugin
    exports nothing."""
    configurations = {
        plugin.name: plugin.resource.config_json for plugin in plugins
    }
    return Output.all(**configurations).apply(
        lambda made: actual.enforced_fingerprint(state, account, made)
    )


def are_current(plugins: Sequence[Plugin]) -> Output[bool]:
    """Tell whether all plugins match this run. `--target` may leave out plugins: these are
    unchanged or missing."""

    async def all_are() -> bool:
        return is_dry_run() or all(
            [await _is_current(plugin) for plugin in plugins]
        )

    return Output.from_input(all_are())


async def _is_current(plugin: Plugin) -> bool:
    made = await plugin.resource.config_json.future()
    meant = await Output.from_input(plugin.meant).future()
    if made is None or meant is None:
        return False
    return bool(json.loads(made) == json.loads(meant))


def once_known(
    new: T, before: T, fingerprint: Output[str], state: StackState
) -> Input[T]:
    """Return `new`, or `before` as long as the `fingerprint` of the enforced rules is unknown.

    It is unknown if a run left out a plugin at which the run before failed.
    """
    if not state.differing_plugins or is_dry_run():
        return new
    return fingerprint.apply(
        lambda known: before if known == actual.UNKNOWN else new
    )


def warn_of_unknown_tables(tables: Mapping[str, Output[str]]) -> Output[bool]:
    """Warn in a preview of tables that it cannot show, by service; return whether there are any.

    The official plugin reports an unknown configuration as unchanged.
    """

    async def warn() -> bool:
        if not is_dry_run():
            return False
        unknown = [
            service
            for service, table in tables.items()
            if not await table.is_known()
        ]
        if unknown:
            log.warn(
                f"gateway: a preview cannot show the changes of {len(unknown)} gates, such as "
                f"{unknown[0]}: this run creates a client or an API whose id they need"
            )
        return bool(unknown)

    return Output.from_input(warn())
