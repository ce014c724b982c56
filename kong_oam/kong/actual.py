"""Corrects the state by what Kong has, where the two may differ: after a run that did not come to
its end.

An update that failed is in the state as if it had been made (the official Kong plugin, as all that
are made from Terraform's): a preview would not say what the next run opens, and a gate that is to
stay as it is would open.
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

_READ = ("pre-function", "post-function")
"""Kinds of plugins whose configuration tells what is enforced: the others are the same for every
rule."""

UNKNOWN = "unknown"
"""A fingerprint of what is enforced that says that another run has to ask Kong."""


def corrected(state: StackState, account: Account) -> StackState:
    """The state with its plugins configured as Kong has them, without those that Kong does not
    have.

    Kong is asked only where the last run did not come to its end. Raises admin.AdminError.
    """
    if state.is_confirmed:
        return state
    rows = _plugins(account)
    doubted = {}
    resources = []
    for resource in state.resources:
        row = rows.get(_key(resource))
        is_scripted = (
            resource.type == PLUGIN and resource.outputs.get("name") in _READ
        )
        if not is_scripted or _same(resource.outputs.get("configJson"), row):
            resources.append(resource)
            continue
        doubted[resource.name] = _key(resource)
        if row is not None:
            resources.append(_as_in_kong(resource, row))
    return replace(state, resources=tuple(resources), doubted=doubted)


def enforced(state: StackState, account: Account, configurations: Texts) -> str:
    """The fingerprint of the plugins that a run made, with their `configurations` by logical name;
    UNKNOWN where it left one out that is in the state otherwise than in Kong. Raises
    admin.AdminError."""
    doubted = {
        name: key
        for name, key in state.doubted.items()
        if name in configurations
    }
    rows = _plugins(account) if doubted else {}
    if all(
        _same(configurations[name], rows.get(key))
        for name, key in doubted.items()
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
    """Whether Kong has the configuration; it fills in what that does not say."""
    if row is None or not isinstance(configuration, str):
        return False
    actual = row["config"]
    wanted = json.loads(configuration)
    return all(actual.get(key) == value for key, value in wanted.items())


def _as_in_kong(plugin: Resource, row: Entity) -> Resource:
    config = json.dumps(row["config"])
    return replace(plugin, outputs={**plugin.outputs, "configJson": config})
