"""The Kong Upstreams of external components with several targets, or with a health check.

Only the gate uses such an Upstream: it is `set_target`'s host, and Kong then chooses a Target. Kong
services point to the empty Upstream, as for workloads. The name has a digest of all fields. So a
change makes a new Upstream, and the gate goes over to it in the same write as its rules. No old
rule meets a new target, and no new rule an old target.

Seen on a Kong 3.10: without a healthy Target, Kong answers 503. `set_target` keeps the Host header
and the SNI that the gate sets, also when Kong tries the next Target. A deleted Upstream's name is
looked up in DNS, so the gate's port is 1, where nothing listens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import ip_address

from kong_oam.access.data import JsonObject, Names, NameSets
from kong_oam.access.model import Component
from kong_oam.access.upstream import Upstream
from kong_oam.engine.state import TypeAndName
from kong_oam.kong import names

TYPE = "kong:index/upstream:Upstream"
# The gate's port for an Upstream, whose Targets have their own ports.
PORT = 1
WEIGHT = 100
# Seconds between two health checks of a target, and until a check fails.
_EVERY = 5
_FAILURES = 3


def balanced(component: Component) -> Upstream | None:
    """Return the upstream of a component if Kong balances its targets, or None."""
    upstream = component.exposure.upstream
    return upstream if upstream and upstream.balanced else None


def digest(upstream: Upstream) -> str:
    """Return a short digest of everything that an Upstream and its Targets consist of."""
    content = [
        addresses(upstream),
        upstream.server_name,
        healthchecks(upstream),
    ]
    if upstream.host_header:
        content.append(upstream.host_header)
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def name_of(stack: str, component: Component, upstream: Upstream) -> str:
    """Return the name of the component's Upstream."""
    return names.upstream(stack, component, digest(upstream))


def logical_name(component: Component, upstream: Upstream) -> str:
    """Return the name of the component's Upstream in the state."""
    return f"{component.key}-upstream-{digest(upstream)}"


def upstream_names(component: Component) -> set[str]:
    """Return the name of the component's Upstream in the state, if it has one."""
    upstream = balanced(component)
    return {logical_name(component, upstream)} if upstream else set()


def used_upstreams(recorded: Iterable[TypeAndName]) -> NameSets:
    """Return the names of Upstreams in the state, by component."""
    used: NameSets = {}
    for kind, name in recorded:
        component = name.rpartition("-upstream-")[0]
        if kind == TYPE and component:
            used.setdefault(component, set()).add(name)
    return used


def addresses(upstream: Upstream) -> Names:
    """Return the targets as `host:port`, each once, sorted. An IPv6 address is as long as Kong
    writes it."""
    found = {
        f"[{ip_address(target.host).exploded}]:{target.port}"
        if ":" in target.host
        else target.address
        for target in upstream.targets
    }
    return tuple(sorted(found))


def healthchecks(upstream: Upstream) -> JsonObject:
    """Return the health checks, as the official plugin writes them; Kong's defaults are left out.

    A caller can provoke bad answers, so only failed connections and timeouts mark a target as
    unhealthy. Kong never marks it as healthy by calls alone. Without a path, Kong therefore tries
    to connect to unhealthy targets, and sends nothing. Checks carry no token, and no call depends
    on the certificate that they see.
    """
    path = upstream.health
    failed = {"tcpFailures": _FAILURES, "timeouts": _FAILURES}
    active = {
        "type": upstream.scheme if path else "tcp",
        "httpPath": path or "/",
        "httpsVerifyCertificate": False,
        "timeout": _EVERY,
        "healthy": {"interval": _EVERY if path else 0, "successes": 1},
        "unhealthy": {**failed, "interval": _EVERY, "httpFailures": _FAILURES},
    }
    if upstream.server_name:
        active["httpsSni"] = upstream.server_name
    # The plugin reads these statuses back, so a run without them would change them.
    return {
        "active": active,
        "passive": {"unhealthy": {**failed, "httpStatuses": [500]}},
    }
