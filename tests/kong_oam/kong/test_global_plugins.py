"""Global plugins of others: a run stops if they would act on its new services."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from kong_oam.access.model import Estate, Stack
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import SERVICE, RecordedNames
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.global_plugins import global_plugins
from tests.support.diffs import settings
from tests.support.estates import PROVIDER, api, estate

SETTINGS = replace(settings("tests"), stack=Stack("tests", {"main": PROVIDER}))
PLAIN = estate(api(), stack=SETTINGS.stack)
LIMITED = estate(
    api()
    + "        - {type: rate-limit, properties: {per: address, requests: {hour: 1}}}\n",
    stack=SETTINGS.stack,
)
NOTHING: RecordedNames = frozenset()
(COMPONENT,) = PLAIN.exposed
(BACKEND,) = COMPONENT.backends
HELD: RecordedNames = frozenset(
    {(SERVICE, f"{COMPONENT.key}-{BACKEND}-service")}
)


ALWAYS = {
    "id": "p1",
    "enabled": True,
    "protocols": ["grpc", "grpcs", "http", "https"],
    "route": None,
    "service": None,
    "consumer": None,
    "config": {},
    "tags": None,
}


def found(
    *plugins: dict[str, Any],
    made: Estate = PLAIN,
) -> list[Diagnostic]:
    """Return the findings in a Kong with these plugins, as the Admin API prints them."""
    rows = [{**ALWAYS, **plugin} for plugin in plugins]
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"data": rows, "offset": None})
    )
    with AdminApi(Account("http://kong.test"), transport) as admin:
        return list(global_plugins(admin, SETTINGS, made, NOTHING))


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("key-auth", {}),
        ("jwt", {}),
        ("cors", {}),
        ("acl", {"allow": ["a"]}),
        ("rate-limiting", {"minute": 5}),
        ("request-termination", {}),
        ("request-transformer", {}),
        ("response-transformer", {"add": {"headers": ["Access-Control-Allow-Origin:*"]}}),
        ("pre-function", {"access": ["return"]}),
        ("post-function", {"rewrite": ["return"]}),
        ("correlation-id", {"header_name": "Authorization"}),
    ],
)  # fmt: skip
def test_a_global_plugin_that_would_act_on_a_new_service_stops_a_run(
    name: str, config: dict[str, Any]
) -> None:
    (finding,) = found({"name": name, "config": config})
    assert finding.code == "ENV427"
    assert finding.message.startswith(f"Kong's global plugin '{name}' (")
    assert finding.message.endswith(
        ") of no stack (it has no tags) would act on this stack's services, where only the gate "
        "decides. Put it on each service that needs it, and delete the global plugin"
    )


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("prometheus", {}),
        ("file-log", {"path": "/dev/stdout"}),
        ("correlation-id", {"header_name": "X-Request-ID"}),
        ("response-transformer", {"add": {"headers": ["X-Old:1"]}}),
    ],
)
def test_a_global_plugin_that_only_observes_or_marks_stays(
    name: str, config: dict[str, Any]
) -> None:
    assert found({"name": name, "config": config}) == []


def test_a_disabled_plugin_does_not_act() -> None:
    assert found({"name": "key-auth", "enabled": False}) == []


def test_a_plugin_of_tcp_alone_does_not_act() -> None:
    plugin = {
        "name": "ip-restriction",
        "protocols": ["tcp"],
        "config": {"allow": ["10.0.0.0/8"]},
    }
    assert found(plugin) == []


def test_a_service_with_a_plugin_of_that_kind_uses_its_own() -> None:
    """Kong runs only the plugin with the most specific scope."""
    limit = {"name": "rate-limiting", "config": {"minute": 5}}
    assert found(limit, made=LIMITED) == []
    assert len(found(limit)) == 1


def test_a_run_without_a_new_service_asks_nothing() -> None:
    """Such a run may close a rule, whatever others did to the gateway."""

    def refused(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    transport = httpx.MockTransport(refused)
    with AdminApi(Account("http://kong.test"), transport) as admin:
        assert list(global_plugins(admin, SETTINGS, PLAIN, HELD)) == []


@pytest.mark.parametrize(
    "scope", ["route", "service", "consumer", "consumer_group"]
)
def test_a_plugin_with_a_scope_is_not_global(scope: str) -> None:
    assert found({"name": "key-auth", scope: {"id": "x"}}) == []
