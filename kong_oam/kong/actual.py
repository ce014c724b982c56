"""What Kong has, where the state may say something else: after a run that did not come to its end.

An update that failed is in the state as if it had been made (the official Kong plugin, as all that are made from
Terraform's): a preview would not say what the next run opens, and a gate that is to stay as it is would open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kong_oam.engine.state import PLUGIN, Resource, StackState, digest
from kong_oam.kong.account import Kong
from kong_oam.kong.admin import rows
from kong_oam.kong.preflight import client

_Rows = Mapping[tuple[Any, Any], Mapping[str, Any]]
"""Plugins of Kong by the id of their service and their name."""

_READ = ("pre-function", "post-function")
"""Kinds of plugins whose configuration tells what is enforced: the others are the same for every rule."""

UNKNOWN = "unknown"
"""Of what is enforced: another run has to ask Kong."""


def corrected(state: StackState, account: Kong, workspace: str | None) -> StackState:
    """The state with the configurations that Kong has of its plugins, without those that Kong does not have.

    Kong is asked only where the last run did not come to its end. Raises preflight.PreflightError.
    """
    if state.is_confirmed:
        return state
    found = _plugins(account, workspace)
    read = [one for one in state.gateway if one.type == PLUGIN and one.outputs.get("name") in _READ]
    doubted = {one.name: _key(one) for one in read if not _same(one.outputs.get("configJson"), found.get(_key(one)))}
    kept = (_as_in_kong(one, found) if one.name in doubted else one for one in state.gateway)
    return replace(state, gateway=tuple(one for one in kept if one is not None), doubted=doubted)


def enforced(state: StackState, account: Kong, workspace: str | None, made: Mapping[str, Any]) -> str:
    """What the plugins come to that a run has `made`, configurations by logical name; UNKNOWN where it left one out
    that is in the state otherwise than in Kong. Raises preflight.PreflightError."""
    doubted = {name: key for name, key in state.doubted.items() if name in made}
    found = _plugins(account, workspace) if doubted else {}
    if all(_same(made[name], found.get(key)) for name, key in doubted.items()):
        return digest(made)
    return UNKNOWN


def _plugins(account: Kong, workspace: str | None) -> _Rows:
    with client(account.admin_url, account.token, workspace, account.api_key) as admin:
        found = rows(admin, "/plugins", account.admin_url)
    return {((one.get("service") or {}).get("id"), one["name"]): one for one in found}


def _key(plugin: Resource) -> tuple[Any, Any]:
    return plugin.outputs.get("serviceId"), plugin.outputs.get("name")


def _same(configuration: Any, row: Mapping[str, Any] | None) -> bool:
    """Kong fills in what is not said."""
    if row is None or not isinstance(configuration, str):
        return False
    return all(row["config"].get(key) == value for key, value in json.loads(configuration).items())


def _as_in_kong(plugin: Resource, found: _Rows) -> Resource | None:
    row = found.get(_key(plugin))
    if row is None:
        return None
    return replace(plugin, outputs={**plugin.outputs, "configJson": json.dumps(row["config"])})
