"""What Kong has, where the state may say something else: after a run that did not come to its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from access.enforced import PLUGIN, Resource
from components.gateway.live.admin import rows
from components.gateway.preflight import client
from components.held import State
from components.settings import Kong

_Row = Mapping[str, Any]


def corrected(state: State, account: Kong, workspace: str | None) -> State:
    """The state with the configurations that Kong has of its plugins; those that Kong does not have are left out.

    An update that failed may be in the state as if it had been made (the official Kong plugin, as all that are made
    from Terraform's): a preview would not say what the next run opens, and a gate that is to stay as it is would open.
    Kong is asked only where the last run did not come to its end. Raises preflight.PreflightError.
    """
    if state.is_confirmed:
        return state
    with client(account.admin_url, account.token, workspace, account.api_key) as admin:
        plugins = rows(admin, "/plugins", account.admin_url)
    found = {((one.get("service") or {}).get("id"), one["name"]): one for one in plugins}
    kept = (
        _as_in_kong(one, found.get((one.outputs.get("serviceId"), one.outputs.get("name"))))
        if one.type == PLUGIN
        else one
        for one in state.gateway
    )
    return replace(state, gateway=tuple(one for one in kept if one is not None))


def _as_in_kong(plugin: Resource, row: _Row | None) -> Resource | None:
    if row is None:
        return None
    return replace(plugin, outputs={**plugin.outputs, "configJson": json.dumps(row["config"])})
