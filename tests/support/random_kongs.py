"""Random decK files that mix the parts of real files."""

from __future__ import annotations

from random import Random
from typing import Any

import yaml

_ELEMENTS = ("a", "ab", "b", "api", "v1", "login", "x")
_HOSTS = (
    "api.test",
    "b.api.test",
    "*.api.test",
    "*.test",
    "web.test",
    "web.*",
)
_METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH")
# Settings of plugins, and how often a service has the plugin.
_PLUGINS: tuple[tuple[str, float, tuple[dict[str, Any], ...]], ...] = (
    (
        "key-auth",
        0.2,
        ({}, {"key_names": ["k1"]}, {"anonymous": "anon"}),
    ),
    ("basic-auth", 0.1, ({}, {"anonymous": "anon"})),
    ("jwt", 0.04, ({},)),
    (
        "acl",
        0.2,
        ({"allow": ["g1"]}, {"allow": ["g1", "g2"]}, {"deny": ["g1"]}),
    ),
    (
        "ip-restriction",
        0.08,
        ({"allow": ["10.0.0.0/8"]}, {"deny": ["10.2.0.0/16"]}),
    ),
    ("request-termination", 0.05, ({"status_code": 403},)),
    ("bot-detection", 0.03, ({},)),
    ("cors", 0.1, ({"origins": ["*"]}, {"origins": ["https://w.test"]})),
    ("rate-limiting", 0.1, ({"minute": 5, "policy": "local"},)),
    ("custom", 0.02, ({},)),
)
_ENDINGS = (r"$", r"/.*", r"/\d+")


def random_kong(random: Random) -> str:
    """Return a decK file. Its credentials have the text SECRET in them."""
    has_hosts = random.random() < 0.4
    addresses = random.randrange(1, 4)
    services = [
        _service(random, number, addresses, has_hosts)
        for number in range(random.randrange(1, 5))
    ]
    consumers = [_consumer(random, number) for number in range(4)]
    anonymous = {"username": "anon", "acls": _groups(random)}
    document = {
        "_format_version": "3.0",
        "services": services,
        "consumers": [*consumers, anonymous],
    }
    return yaml.safe_dump(document)


def _service(
    random: Random, number: int, addresses: int, has_hosts: bool
) -> dict[str, Any]:
    scheme = random.choice(["http", "http", "https"])
    path = random.choice(["", ":8080", "/", "/base", "/base/", "/b/c"])
    routes = [
        _route(random, f"r{number}-{index}", has_hosts)
        for index in range(random.randrange(1, 4))
    ]
    return {
        "name": f"s{number}",
        "url": f"{scheme}://h{random.randrange(addresses)}.net{path}",
        "plugins": _plugins(random, 1),
        "routes": routes,
    }


def _route(random: Random, name: str, has_hosts: bool) -> dict[str, Any]:
    paths = {_path(random) for _ in range(random.randrange(1, 3))}
    route: dict[str, Any] = {
        "name": name,
        "id": f"{random.randrange(2**32):08x}-0000-4000-8000-000000000000",
        "paths": sorted(paths),
        "strip_path": random.random() < 0.7,
        "preserve_host": random.random() < 0.15,
        "regex_priority": random.choice([0, 0, 0, 3]),
        "plugins": _plugins(random, 0.7),
    }
    if random.random() < 0.3:
        listed = random.sample(_METHODS, random.randrange(1, 4))
        route["methods"] = sorted(listed)
    if has_hosts and random.random() < 0.6:
        route["hosts"] = sorted(random.sample(_HOSTS, random.randrange(1, 3)))
    if random.random() < 0.03:
        route["headers"] = {"x-a": ["b"]}
    return route


def _path(random: Random) -> str:
    elements = [random.choice(_ELEMENTS) for _ in range(random.randrange(0, 4))]
    path = f"/{'/'.join(elements)}"
    kind = random.random()
    if kind < 0.15:
        return f"~{path.rstrip('/')}{random.choice(_ENDINGS)}"
    if kind < 0.18:
        return f"~/(a|b){path.rstrip('/')}"
    if kind < 0.2:
        return f"{path} q"
    return f"{path.rstrip('/')}/" if kind < 0.4 else path


def _plugins(random: Random, often: float) -> list[dict[str, Any]]:
    plugins = []
    for name, share, configs in _PLUGINS:
        if random.random() < share * often:
            plugin = {"name": name, "config": random.choice(configs)}
            plugin["enabled"] = random.random() < 0.95
            if name == "ip-restriction" and random.random() < 0.2:
                plugin["consumer"] = "c1"
            plugins.append(plugin)
    return plugins


def _consumer(random: Random, number: int) -> dict[str, Any]:
    consumer: dict[str, Any] = {
        "username": f"c{number}",
        "acls": _groups(random),
    }
    if random.random() < 0.7:
        consumer["keyauth_credentials"] = [{"key": f"SECRET{number}"}]
    if random.random() < 0.4:
        consumer["basicauth_credentials"] = [
            {"username": f"u{number}", "password": "SECRET"}
        ]
    if random.random() < 0.2:
        consumer["jwt_secrets"] = [{"key": f"j{number}", "secret": "SECRET"}]
    return consumer


def _groups(random: Random) -> list[dict[str, str]]:
    return [{"group": group} for group in ("g1", "g2") if random.random() < 0.4]
