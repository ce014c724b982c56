"""Puts an estate's gateway entities into any Kong through its Admin API, in order, without the engine.

For tests of what the entities do; how the program makes them is tested with the real engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from access.model import METHODS, Estate
from components.gateway import names, plugins
from components.gateway.preflight import Gateway, inspect
from components.gateway.routes import routes
from components.gateway.table import table


def deploy(
    admin_url: str, estate: Estate, pems: Mapping[str, Mapping[str, str]], upstream: str = "upstream.test"
) -> None:
    """`pems`: provider to key id to PEM. Every service leads to `upstream`, whatever its port."""
    facts = inspect(admin_url)
    stack = estate.stack.name
    with httpx.Client(base_url=admin_url) as admin:
        _post(admin, "/consumers", {"username": names.anonymous(stack), "tags": names.tags(stack)})
        for provider, keys in pems.items():
            issuer = estate.stack.providers[provider].issuer
            ring = {"username": names.ring(stack, provider), "custom_id": issuer, "tags": names.tags(stack)}
            consumer = _post(admin, "/consumers", ring)
            for kid, pem in keys.items():
                credential = {"key": kid, "algorithm": "RS256", "rsa_public_key": pem, "secret": "unused"}
                _post(admin, f"/consumers/{consumer['id']}/jwt", credential)
        for component in estate.exposed:
            for port in component.ports:
                _service(admin, facts, estate, component.key, port, upstream)
        for component in estate.exposed:
            for plan in routes(component):
                service = names.service(stack, component, plan.port)
                route = _post(
                    admin,
                    f"/services/{service}/routes",
                    {
                        "name": names.route(stack, component, plan.port, plan.role),
                        "protocols": [estate.stack.scheme],
                        "hosts": list(plan.hosts),
                        "paths": plan.kong_paths,
                        "methods": list(METHODS),
                        "regex_priority": plan.priority,
                        "strip_path": False,
                        "preserve_host": True,
                    },
                )
                if plan.public:
                    config = plugins.optional_jwt(names.anonymous(stack))
                    _plugin(admin, facts, "jwt", config, {"route": {"id": route["id"]}})


def _service(admin: httpx.Client, facts: Gateway, estate: Estate, key: str, port: int, upstream: str) -> None:
    component = estate.components[key]
    name = names.service(estate.stack.name, component, port)
    service = _post(admin, "/services", {"name": name, "host": upstream, "port": port, "protocol": "http"})
    decided_by = table(estate, component, port, names.ring(estate.stack.name, component.provider))
    for kind, config in (
        ("pre-function", plugins.admission()),
        ("jwt", plugins.strict_jwt()),
        ("post-function", plugins.gate(decided_by)),
    ):
        _plugin(admin, facts, kind, config, {"service": {"id": service["id"]}})


def _plugin(
    admin: httpx.Client, facts: Gateway, kind: str, config: Mapping[str, Any], scope: Mapping[str, Any]
) -> None:
    full = json.loads(plugins.config_json(facts.schemas[kind], kind, config))
    _post(admin, "/plugins", {"name": kind, "config": full, **scope})


def _post(admin: httpx.Client, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = admin.post(path, json=body)
    assert answer.status_code == 201, f"{path}: {answer.status_code} {answer.text}"
    result: dict[str, Any] = answer.json()
    return result
