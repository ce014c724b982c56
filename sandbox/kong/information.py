"""The stand-in's answers to `GET /`, `/status` and `/endpoints`.

The fields that programs read before they deploy have Kong 3.10's default values. `stand_in` is our
field and identifies the stand-in.
"""

from __future__ import annotations

import uuid

from sandbox.edges import Json
from sandbox.kong.entities import KongConf
from sandbox.kong.other_plugins import PRIORITIES
from sandbox.kong.plugin_schemas import PLUGIN_SCHEMAS

STAND_IN = "stand-in for Kong Gateway: routing, certificates, pre- and post-function, jwt, "
STAND_IN += "key-auth, basic-auth, acl, request-termination, correlation-id and bot-detection only"
NODE = str(uuid.uuid5(uuid.NAMESPACE_DNS, "kong-stand-in"))


def configuration(overrides: KongConf) -> Json:
    """`configuration` of `GET /`, as far as programs have a use for it."""
    return {
        "database": "postgres",
        "role": "traditional",
        "router_flavor": "traditional_compatible",
        "untrusted_lua": "sandbox",
        "untrusted_lua_sandbox_requires": {},
        "untrusted_lua_sandbox_environment": {},
        "worker_consistency": "eventual",
        "worker_state_update_frequency": 5,
        "db_update_frequency": 5,
        "db_update_propagation": 0,
        "db_cache_ttl": 0,
        "trusted_ips": {},
        "plugins": ["bundled"],
        "loaded_plugins": dict.fromkeys(PLUGIN_SCHEMAS, True),
        **overrides,
    }


def root(version: str, overrides: KongConf) -> Json:
    """Return the body of `GET /`."""
    available = {
        name: {"version": version, "priority": priority}
        for name, priority in PRIORITIES.items()
    }
    return {
        "tagline": "Welcome to kong",
        "version": version,
        "edition": "community",
        "hostname": "kong-stand-in",
        "node_id": NODE,
        "lua_version": "LuaJIT 2.1",
        "stand_in": STAND_IN,
        "pids": {"master": 1, "workers": [2]},
        "timers": {"running": 0, "pending": 0},
        "plugins": {"enabled_in_cluster": [], "available_on_server": available},
        "configuration": configuration(overrides),
    }


def status() -> Json:
    """Return the body of `GET /status`."""
    names = (
        "total_requests connections_active connections_accepted connections_handled "
        "connections_reading"
    )
    server = dict.fromkeys(
        [*names.split(), "connections_writing", "connections_waiting"], 0
    )
    return {
        "database": {"reachable": True},
        "server": server,
        "memory": {"workers_lua_vms": [], "lua_shared_dicts": {}},
    }
