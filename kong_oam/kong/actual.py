"""Corrects a stack's state with the plugins in Kong after an unfinished run.

A failed update stands in the state as if it had succeeded. The official Kong plugin does this, as
do all plugins made from Terraform's. A preview would then hide changes that the next run opens, and
a gate that must stay closed would open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from kong_oam.access.data import Texts
from kong_oam.engine.state import (
    PLUGIN,
    PluginKey,
    Resource,
    StackState,
    digest,
)
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.entities import Entity

# Kinds of plugins whose configuration holds the rules. The other plugins do not depend on rules.
_READ = ("pre-function", "post-function")

# The fingerprint after which the next run has to ask Kong.
UNKNOWN = "unknown"


def corrected_state(state: StackState, account: Account) -> StackState:
    """Return the state with the plugins and configurations that Kong has.

    Asks Kong only after an unfinished run. Raises admin.AdminError.
    """
    if state.is_confirmed:
        return state
    rows = _plugins(account)
    differing_plugins = {}
    resources = []
    for resource in state.resources:
        row = rows.get(_key(resource))
        is_scripted = (
            resource.type == PLUGIN and resource.outputs.get("name") in _READ
        )
        if not is_scripted or _same(resource.outputs.get("configJson"), row):
            resources.append(resource)
            continue
        differing_plugins[resource.name] = _key(resource)
        if row is not None:
            resources.append(_as_in_kong(resource, row))
    return replace(
        state, resources=tuple(resources), differing_plugins=differing_plugins
    )


def enforced_fingerprint(
    state: StackState, account: Account, configurations: Texts
) -> str:
    """Return the fingerprint of the plugins that a run deployed. `configurations`: by logical name.

    Returns UNKNOWN where the run left a plugin out whose state differs from Kong. Raises
    admin.AdminError.
    """
    differing_plugins = {
        name: key
        for name, key in state.differing_plugins.items()
        if name in configurations
    }
    rows = _plugins(account) if differing_plugins else {}
    if all(
        _same(configurations[name], rows.get(key))
        for name, key in differing_plugins.items()
    ):
        return digest(configurations)
    return UNKNOWN


def _plugins(account: Account) -> Mapping[PluginKey, Entity]:
    with AdminApi(account) as admin:
        rows = admin.rows("/plugins")
    by_place = {}
    for row in rows:
        if not row.get("route"):
            service = (row.get("service") or {}).get("id")
            by_place[service, row["name"]] = row
    return by_place


def _key(plugin: Resource) -> PluginKey:
    return plugin.outputs.get("serviceId"), plugin.outputs.get("name")


def _same(configuration: object, row: Entity | None) -> bool:
    """Return whether Kong has the configuration. Kong may add fields."""
    if row is None or not isinstance(configuration, str):
        return False
    actual = row["config"]
    wanted = json.loads(configuration)
    return all(actual.get(key) == value for key, value in wanted.items())


def _as_in_kong(plugin: Resource, row: Entity) -> Resource:
    config = json.dumps(row["config"])
    return replace(plugin, outputs={**plugin.outputs, "configJson": config})
