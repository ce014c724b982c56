"""Estates with one mistake each, and the remedies of messages, applied literally."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.application import join_readings, read_bytes
from kong_oam.oam.position import SourcePosition
from tests.support.json_object import JsonObject

Applications = Mapping[str, JsonObject]
"""The data of Applications by the name of their file."""

Place = tuple[str | int, ...]

_TEXTS = frozenset(
    {"apiVersion", "annotations", "type", "kind"}
    | {"owner", "reason", "until", "image", "finding"}
)
"""Fields whose values name nothing in the estate."""

_SCOPES = ("items.read", "items.write", "items.audit")
_GROUPS = ("sales", "order-desk", "auditors")


@dataclass(frozen=True)
class Mistake:
    """An estate with one mistake. `renamed`: the wrong name and the right name, if a name is
    wrong."""

    label: str
    applications: Applications
    renamed: tuple[str, str] | None = None


def compiled(applications: Applications, stack: Stack) -> Compiled:
    """Write the Applications, read and compile them."""
    readings = []
    for file, data in applications.items():
        # JSON is YAML, and is written faster.
        readings.append(read_bytes(file, json.dumps(data).encode()))
    return compile_estate(join_readings(readings), stack)


def mistakes(applications: Applications) -> Iterator[Mistake]:
    """Yield the estate with each single mistake: a name with a typing error, another name, another
    port, an entry that is gone."""
    for file, data in applications.items():
        for place, value in _entries(data):
            label = f"{file}: {'.'.join(map(str, place))}"
            if isinstance(value, int):
                wrong = _changed(applications, file, place, value + 1)
                yield Mistake(f"{label}: other port", wrong)
            if isinstance(value, str):
                for name in (_misspelt(value), f"{value}-old", "elsewhere"):
                    wrong = _changed(applications, file, place, name)
                    yield Mistake(f"{label}: {name}", wrong, (name, value))
            if isinstance(place[-1], str) and place[-2] not in ("metadata",):
                name = _misspelt(place[-1])
                wrong = _with_key(applications, file, place, name)
                yield Mistake(f"{label}: key {name}", wrong, (name, place[-1]))
            wrong = _without(applications, file, place)
            yield Mistake(f"{label}: gone", wrong)


def _entries(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield the places and values that a mistake may change."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in pairs:
        at = (*place, key)
        if key in _TEXTS:
            continue
        if len(at) > 1:
            yield at, value
        if isinstance(value, dict | list):
            yield from _entries(value, at)


def _misspelt(name: str) -> str:
    """Return the name without its last letter but one."""
    return name[:-2] + name[-1:]


def _parent(applications: Applications, file: str, place: Place) -> Any:
    found: Any = applications[file]
    for step in place[:-1]:
        found = found[step]
    return found


def _changed(
    applications: Applications, file: str, place: Place, value: Any
) -> Applications:
    copied = deepcopy(dict(applications))
    _parent(copied, file, place)[place[-1]] = value
    return copied


def _without(
    applications: Applications, file: str, place: Place
) -> Applications:
    copied = deepcopy(dict(applications))
    del _parent(copied, file, place)[place[-1]]
    return copied


def _with_key(
    applications: Applications, file: str, place: Place, name: str
) -> Applications:
    copied = deepcopy(dict(applications))
    parent = _parent(copied, file, place)
    entries = [
        (name if key == place[-1] else key, parent[key]) for key in parent
    ]
    parent.clear()
    parent.update(entries)
    return copied


_MEANT = re.compile(r"did you mean '([^']+)'\?")
_MEMBER = re.compile(
    r"no role of '([^']+)' grants '[^']+' to '([^']+)'; add '[^']+' to the components of role"
    r" '([^']+)'"
)
_ROLE = re.compile(
    r"no role of '([^']+)' .*add a role with scopes \[(.+)\], components \[(.+?)\]"
)
_PORT = re.compile(r"write port: (\d+)")
_GONE = re.compile(r"remove (it from the role|it here|the trait)")


def remedied(
    applications: Applications, error: Diagnostic
) -> Applications | None:
    """Return the Applications after the remedy of an error, applied literally. None if the message
    names no edit."""
    message = error.message
    position = error.position
    assert position is None or isinstance(position, SourcePosition)
    if member := _MEMBER.search(message):
        callee, client, role = member.groups()
        copied = deepcopy(dict(applications))
        roles = _roles_of(copied, callee)
        roles[role].setdefault("components", []).append(client)
        return copied
    if role_match := _ROLE.search(message):
        callee, scopes, client = role_match.groups()
        copied = deepcopy(dict(applications))
        added = {"scopes": scopes.split(", "), "components": [client]}
        _roles_of(copied, callee)[f"remedy {scopes}"] = added
        return copied
    if position is None or not position.path:
        return None
    place = position.path
    file = position.file
    if meant := _MEANT.search(message):
        if position.on_key:
            return _with_key(applications, file, place, meant.group(1))
        return _changed(applications, file, place, meant.group(1))
    if port := _PORT.search(message):
        return _changed(applications, file, place, int(port.group(1)))
    if _GONE.search(message):
        return _without(applications, file, place)
    return None


def _roles_of(applications: Applications, key: str) -> JsonObject:
    """Return the roles of a component, to be changed."""
    application, _, name = key.partition("/")
    for data in applications.values():
        if data["metadata"]["name"] != application:
            continue
        for component in data["spec"]["components"]:
            if component["name"] == name:
                for trait in component["traits"]:
                    if trait["type"] == "access":
                        roles: JsonObject = trait["properties"].setdefault(
                            "roles", {}
                        )
                        return roles
    raise KeyError(key)


def held(applications: Applications) -> set[tuple[str, str, str]]:
    """Return the scopes that the roles of each component hold for each client."""
    found = set()
    for data in applications.values():
        for component in data["spec"].get("components", ()):
            key = f"{data['metadata']['name']}/{component['name']}"
            for trait in component.get("traits", ()):
                roles = trait["properties"].get("roles", {})
                for role in roles.values():
                    for client in role.get("components", ()):
                        for scope in role["scopes"]:
                            found.add((key, client, scope))
    return found


def generated(random: Random) -> Applications:
    """Return an estate of two APIs with roles of any scopes, and three clients. Some parts have no
    effect."""
    clients = {
        "shop/job": "service",
        "shop/night": "service",
        "shop/web": "web",
    }
    apis = {}
    calls: dict[str, list[JsonObject]] = {client: [] for client in clients}
    for name in ("orders", "archive"):
        scopes = [f"{name}.{scope}" for scope in _SCOPES]
        roles = {}
        for role in ("viewer", "editor", "auditor"):
            named = random.sample(sorted(clients), random.randrange(3))
            roles[role] = {
                "scopes": random.sample(scopes, random.randint(1, 3)),
                "groups": random.sample(_GROUPS, random.randrange(3)),
                "components": named,
            }
        for client in clients:
            granted: set[str] = set()
            for each in roles.values():
                if client in each["components"]:
                    granted.update(each["scopes"])
            wanted = sorted(scope for scope in granted if random.random() < 0.6)
            if wanted:
                calls[client].append(
                    {"component": f"{name}/api", "scopes": wanted}
                )
        rules = [
            {"paths": ["/"], "methods": ["GET"], "scopes": [scopes[0]]},
            {"paths": ["/"], "methods": ["POST"], "scopes": [scopes[1]]},
            {"paths": ["/audit"], "scopes": [scopes[2]]},
        ]
        waivers = []
        if random.random() < 0.3:  # it never decides
            rules.append({"paths": ["/audit"], "scopes": scopes})
        if random.random() < 0.3:  # the finding may not exist
            until = "2027-12-31"
            waivers.append(
                {"finding": "LINT313", "reason": "x", "until": until}
            )
        if random.random() < 0.3:  # no rule asks for it
            scopes = [*scopes, f"{name}.old"]
        access = {
            "owner": f"team-{name}",
            "scopes": dict.fromkeys(scopes, "text"),
            "rules": rules,
            "roles": roles,
            "waivers": waivers,
            "internal": [{"port": 9090, "components": ["shop/job"]}],
        }
        apis[f"{name}.yaml"] = _application(
            name, [_component("api", f"{name}.example.com", access)]
        )
    pages = {"owner": "team-shop", "rules": [{"public": {"reason": "pages"}}]}
    web = _component("web", "shop.example.com", pages)
    shop = [_worker("job"), _worker("night"), web]
    for component in shop:
        key = f"shop/{component['name']}"
        client = {"kind": clients[key], "calls": calls[key]}
        if clients[key] == "web":
            client["redirectPaths"] = ["/callback"]
        component["traits"].append({"type": "client", "properties": client})
    return {**apis, "shop.yaml": _application("shop", shop)}


def _application(name: str, components: list[JsonObject]) -> JsonObject:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": name},
        "spec": {"components": components},
    }


def _component(name: str, domain: str, access: JsonObject) -> JsonObject:
    gateway = {"domain": domain, "http": {"/": 8080}}
    return {
        "name": name,
        "type": "webservice",
        "properties": {"image": "x", "ports": [{"port": 8080}, {"port": 9090}]},
        "traits": [
            {"type": "gateway", "properties": gateway},
            {"type": "access", "properties": access},
        ],
    }


def _worker(name: str) -> JsonObject:
    return {
        "name": name,
        "type": "worker",
        "properties": {"image": "x"},
        "traits": [],
    }
