"""Old routes and adopted Applications in one Kong, a stand-in: callers keep their keys, and nothing
else changes than the report says."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import httpx
import pytest
import yaml

from kong_oam.access.model import Estate
from sandbox.kong import Kong
from tests.support.adopted_kongs import HOST, adopted, new_side
from tests.support.gateway_tokens import Issuer
from tests.support.kong_deployment import Entities

NOW = 1_800_000_000.0
OLD = """\
services:
- name: pages
  url: http://pages:3000
  routes: [{name: pages, paths: [/]}]
- name: crm
  url: http://crm:8080
  plugins: [{name: key-auth}]
  routes:
  - name: read
    paths: [/crm]
    methods: [GET]
    strip_path: false
    plugins: [{name: acl, config: {allow: [readers, writers]}}]
  - name: write
    paths: [/crm/new]
    methods: [POST]
    strip_path: false
    plugins: [{name: acl, config: {allow: [writers]}}]
- name: reports
  url: http://reports
  plugins: [{name: basic-auth}]
  routes: [{name: reports, paths: [/reports/], strip_path: false, preserve_host: true}]
- name: shop
  url: http://shop/v1
  routes: [{name: shop, paths: [/shop]}]
consumers:
- {username: acme, keyauth_credentials: [{key: acme-key}], acls: [{group: readers}]}
- {username: bolt, keyauth_credentials: [{key: bolt-key}], acls: [{group: writers}]}
- {username: carl, basicauth_credentials: [{username: carl, password: pw}]}
"""
PASSWORD = b64encode(b"carl:pw").decode()
CALLERS: Mapping[str, tuple[str, ...]] = {
    "nobody": (),
    "acme": ("apikey: acme-key",),
    "bolt": ("apikey: bolt-key",),
    "a stranger": ("apikey: wrong",),
    "carl": (f"Authorization: Basic {PASSWORD}",),
}
PATHS = (
    *("/", "/x", "/crm", "/crm/", "/crm/7", "/crmX", "/crm/new", "/crm/new/7"),
    *("/crm/newX", "/reports", "/reports/", "/reports/7", "/reportsX"),
    *("/shop", "/shop/", "/shop/a%20b", "/shop/a//b/../c"),
)
METHODS = ("GET", "POST", "PURGE")
# The workload's address, path and Host header, or the status without a workload.
Effect = tuple[Any, ...] | int


@contextmanager
def old_gateway() -> Iterator[Kong]:
    """Start a Kong with the old entities."""
    with Kong(now=lambda: NOW) as kong:
        with httpx.Client(base_url=kong.admin_url) as admin:
            _create(admin, yaml.safe_load(OLD))
        yield kong


def _create(admin: httpx.Client, document: dict[str, Any]) -> None:
    for service in document["services"]:
        routes = service.pop("routes")
        plugins = service.pop("plugins", [])
        _post(admin, "/services", service)
        at = f"/services/{service['name']}"
        for plugin in plugins:
            _post(admin, f"{at}/plugins", plugin)
        for route in routes:
            plugins = route.pop("plugins", [])
            _post(admin, f"{at}/routes", route)
            for plugin in plugins:
                _post(admin, f"/routes/{route['name']}/plugins", plugin)
    for consumer in document["consumers"]:
        at = f"/consumers/{consumer['username']}"
        _post(admin, "/consumers", {"username": consumer["username"]})
        for kind, path in (
            ("keyauth_credentials", "key-auth"),
            ("basicauth_credentials", "basic-auth"),
            ("acls", "acls"),
        ):
            for entity in consumer.get(kind, ()):
                _post(admin, f"{at}/{path}", entity)


def _post(admin: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = admin.post(path, json=body)
    assert answer.status_code == 201, answer.text


def deploy(kong: Kong, estate: Estate) -> None:
    """Deploy the adopted estate to the same Kong."""
    issuer = Issuer(NOW, estate.stack.providers["okta"], "okta")
    with Entities(kong.admin_url, keep=True) as entities:
        entities.clients = {}
        entities.settings = replace(entities.settings, stack=estate.stack)
        entities.rings(estate, {"okta": {issuer.kid: issuer.pem}})
        entities.nowhere(estate)
        for component in estate.exposed:
            upstream = component.exposure.upstream
            assert upstream is not None
            (target,) = upstream.targets
            entities.guard(estate, component, target.host, target.port)
        for component in estate.exposed:
            entities.lead(estate, component)


def effects(kong: Kong) -> dict[tuple[str, str, str], Effect]:
    """Return the effect of each request: method, path and caller."""
    found: dict[tuple[str, str, str], Effect] = {}
    for method, path, caller in product(METHODS, PATHS, CALLERS):
        lines = [f"{method} {path}?q=1 HTTP/1.1", f"Host: {HOST}"]
        raw = "\r\n".join([*lines, *CALLERS[caller], "", ""]).encode()
        answer = kong.handle(raw, "https")
        effect: Effect = answer.status
        if sent := answer.upstream:
            headers = {name.lower(): value for name, value in sent.headers}
            effect = (sent.host, sent.port, sent.target, headers["host"])
        found[method, path, caller] = effect
    return found


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Any, Any]]:
    """The effects before and after the deployment."""
    with old_gateway() as kong:
        before = effects(kong)
        deploy(kong, new_side(adopted(OLD)).estate)
        yield before, effects(kong)


def test_the_old_kong_answers_as_meant(both: tuple[Any, Any]) -> None:
    before, _ = both
    assert before["GET", "/crm/7", "acme"] == (
        "crm", 8080, "/crm/7?q=1", "crm:8080",
    )  # fmt: skip
    assert before["POST", "/crm/new", "acme"] == 403
    assert before["GET", "/reports/7", "carl"] == (
        "reports", 80, "/reports/7?q=1", HOST,
    )  # fmt: skip
    assert before["GET", "/reports/7", "nobody"] == 401


def test_nothing_changes_but_closed_texts(both: tuple[Any, Any]) -> None:
    """Denied requests may get another status."""
    before, after = both
    changed = {
        (method, path)
        for (method, path, caller), was in before.items()
        if not isinstance(was, int) and after[method, path, caller] != was
    }
    assert sorted(changed) == [
        ("GET", "/crmX"),
        ("GET", "/reports"),
        # The routes below /crm have other methods, so these went to the pages.
        ("POST", "/crm"),
        ("POST", "/crm/"),
        ("POST", "/crm/7"),
        ("POST", "/crm/newX"),
        ("POST", "/reports"),
    ]
    closed = {each.path for each in adopted(OLD).report.closed}
    assert {"/crm*", "/reports", "/crm", "/crm/", "/crm/*"} <= closed
    opened = [
        key
        for key, was in before.items()
        if isinstance(was, int) and not isinstance(after[key], int)
    ]
    assert opened == []
    statuses = {after[key] for key, was in before.items() if after[key] != was}
    assert statuses == {401, 403}
