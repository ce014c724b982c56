"""Plugins of somebody's that refuse calls: `verify` says closed where they surely do, limited where nobody can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.kong.effects import Effect, effect_of
from kong_oam.kong.entities import Entities
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.kong.plugins import CLEARED
from tests.support.verified_gateway import (
    Deployment,
    Running,
    report_lines,
    sample,
)

ANYBODY = "anybody, without a token"
LIBRARY = "kong-oam.local.reports.library.8000"
MEANT = [
    "  shop/checkout, shop/web for users in order-desk, shop/web for users in sales | GET,HEAD | http://orders.example.com/orders",
    "  shop/web for users in order-desk | POST,PUT,DELETE | http://orders.example.com/orders",
    "  anybody, without a token | GET,HEAD | http://orders.example.com/orders/health",
]
"""The calls of all callers with access to `orders/api`."""
ORDERS = "kong-oam.local.orders.api.8080"
RING = "kong-oam.local.ring.okta"
ROUTE = "kong-oam.local.orders.api.8080.protected-1"
MINUTE = {"minute": 1}
EVERYWHERE: Mapping[str, str] = {}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with Running(Deployment.of(*sample())) as verified:
        yield verified


@pytest.fixture(scope="module")
def entities(running: Running) -> Entities:
    return running.entities()


def _with(
    entities: Entities,
    name: str,
    config: Mapping[str, Any],
    scope: Mapping[str, str],
    **fields: Any,
) -> Entities:
    """The stand-in takes no plugin that it does not run, so this is one more among what was read from it."""
    named = {
        "service": {
            service["name"]: service["id"] for service in entities.services
        },
        "route": {route["name"]: route["id"] for route in entities.routes},
        "consumer": {
            consumer["username"]: consumer["id"]
            for consumer in entities.consumers
        },
    }
    plugin = {
        "id": f"byhand-{len(entities.plugins)}",
        "name": name,
        "config": config,
        "enabled": True,
        "protocols": ["grpc", "grpcs", "http", "https"],
        **{
            kind: {"id": ids[scope[kind]]} if kind in scope else None
            for kind, ids in named.items()
        },
        **fields,
    }
    return replace(entities, plugins=(*entities.plugins, plugin))


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("rate-limiting", MINUTE),
        ("rate-limiting-advanced", {"limit": [1], "window_size": [60]}),
        ("response-ratelimiting", {"limits": {"video": {"minute": 1}}}),
        ("request-size-limiting", {"allowed_payload_size": 1}),
        ("request-validator", {"body_schema": "{}"}),
        ("acl", {"allow": ["nobody"], "deny": None}),
        ("request-termination", {"status_code": 503, "trigger": "host"}),
        (
            "request-termination",
            {"status_code": 503, "trigger": "Authorization"},
        ),
        (
            "request-termination",
            {"status_code": 200, "trigger": "x-mine", "echo": True},
        ),
        ("acl", {"allow": None, "deny": ["sales"]}),
        ("bot-detection", {"allow": [], "deny": [".*"]}),
        ("ip-restriction", {"allow": ["10.0.0.0/8"], "deny": None}),
        ("ip-restriction", {"allow": None, "deny": ["0.0.0.0/0"]}),
    ],
)
def test_what_refuses_some_calls_limits(
    name: str, config: Mapping[str, Any]
) -> None:
    """Which calls it denies depends on unknown facts: groups, addresses, sizes, earlier calls."""
    assert effect_of({"name": name, "config": config}) is Effect.LIMITS


def test_a_limit_is_said_with_what_removes_it(
    running: Running, entities: Entities
) -> None:
    """The finding has every intended call, and no other call."""
    live = _with(entities, "rate-limiting", MINUTE, {"service": ORDERS})
    result = running.judged(live)
    assert report_lines(result) == [
        f"limited: plugin rate-limiting of service '{ORDERS}' is not ours",
        *MEANT,
    ]
    ((_, (reason,)),) = result.findings
    removed = f"$KONG_ADMIN_ADDR/plugins/{live.plugins[-1]['id']}"
    assert (
        reason.remedy
        == f'curl -X DELETE -H "Kong-Admin-Token: $KONG_ADMIN_TOKEN" {removed}'
    )


@pytest.mark.parametrize(
    ("scope", "words", "urls"),
    [
        ({"route": ROUTE}, f"route '{ROUTE}'", 2),
        (
            {"route": ROUTE, "service": ORDERS},
            f"route '{ROUTE}' and service '{ORDERS}'",
            2,
        ),
        ({"consumer": RING}, f"consumer '{RING}'", 11),
        (
            {"consumer": RING, "service": ORDERS},
            f"service '{ORDERS}' and consumer '{RING}'",
            2,
        ),
        (EVERYWHERE, "everything (global)", 11),
    ],
)
def test_a_limit_is_found_in_every_scope(
    running: Running,
    entities: Entities,
    scope: Mapping[str, str],
    words: str,
    urls: int,
) -> None:
    """By what it stands on; everywhere it meets all calls that are meant, and of a ring all those with a token."""
    (finding, (reason,)), *further_findings = running.judged(
        _with(entities, "rate-limiting", MINUTE, scope)
    ).findings
    assert (finding.kind, reason.text, further_findings) == (
        "limited",
        f"plugin rate-limiting of {words} is not ours",
        [],
    )
    assert (
        len({url for exposure in finding.exposures for url in exposure.urls})
        == urls
    )
    assert any(
        ANYBODY in exposure.callers for exposure in finding.exposures
    ) == ("consumer" not in scope)


@pytest.mark.parametrize("name", ["rate-limiting", "request-termination"])
def test_what_stands_at_a_service_of_others_says_nothing_of_ours(
    running: Running, entities: Entities, name: str
) -> None:
    """This holds for callers with our keys, too. The plugin neither limits our calls nor closes our
    open gate."""
    theirs = {**entities.services[0], "id": "theirs", "name": "theirs"}
    for gates in (entities, _without_scopes(entities)):
        live = replace(gates, services=(*gates.services, theirs))
        beside = _with(
            live, name, MINUTE, {"consumer": RING, "service": "theirs"}
        )
        assert report_lines(running.judged(beside)) == report_lines(
            running.judged(live)
        )


def test_what_answers_a_group_hides_no_opening(
    running: Running, entities: Entities
) -> None:
    """Nobody here knows who is in the group."""
    live = _without_scopes(entities)
    beside = _with(
        live,
        "request-termination",
        {"status_code": 503},
        EVERYWHERE,
        consumer_group={"id": "group"},
    )
    first, *exposures = report_lines(running.judged(live))
    assert first.startswith("opened: ")
    assert {first, *exposures} <= {*report_lines(running.judged(beside))}


def _without_scopes(entities: Entities) -> Entities:
    """With a gate that lets everybody pass whose key counts."""
    gate = next(
        plugin
        for plugin in entities.plugins
        if plugin["name"] == "post-function"
        and _name(entities, plugin) == ORDERS
    )
    changed = {**gate, "config": {**gate["config"], "access": ["return"]}}
    return replace(
        entities,
        plugins=(
            *(plugin for plugin in entities.plugins if plugin is not gate),
            changed,
        ),
    )


HARMLESS = [name for name, doing in PLUGIN_KINDS.items() if doing == "harmless"]


def test_a_plugin_on_everything_that_only_watches_is_no_finding(
    running: Running, entities: Entities
) -> None:
    """Nor is a limit that is switched off, or for streams: no call meets it."""
    for name in HARMLESS:
        entities = _with(entities, name, {}, EVERYWHERE)
    entities = _with(
        entities, "rate-limiting", MINUTE, {"service": ORDERS}, enabled=False
    )
    entities = _with(
        entities, "rate-limiting", MINUTE, EVERYWHERE, protocols=["tcp"]
    )
    entities = _with(
        entities, "response-transformer", {}, {"route": ROUTE}, enabled=False
    )
    assert report_lines(running.judged(entities)) == []


@pytest.mark.parametrize(
    "scope", [{"service": ORDERS}, {"route": ROUTE}, {"consumer": RING}]
)
def test_every_plugin_on_an_entity_of_ours_is_a_finding(
    running: Running, entities: Entities, scope: Mapping[str, str]
) -> None:
    """Whatever it does: it may alter answers, or act in the place of ours."""
    ((kind, name),) = scope.items()
    live = entities
    for plugin in HARMLESS:
        live = _with(live, plugin, {}, scope)
    expected = {
        f"weakened: plugin {plugin} of {kind} '{name}' is not ours"
        for plugin in HARMLESS
    }
    assert {*report_lines(running.judged(live))} == expected


@pytest.mark.parametrize(
    ("name", "config", "effect"),
    [
        ("correlation-id", {"header_name": "Kong-Request-ID"}, Effect.NONE),
        (
            "correlation-id",
            {"header_name": "x-cid", "echo_downstream": True},
            Effect.NONE,
        ),
        ("correlation-id", {"header_name": "Content-Length"}, Effect.UNKNOWN),
        ("correlation-id", {"header_name": "Expect"}, Effect.UNKNOWN),
        ("correlation-id", {"header_name": "X-Auth-Client"}, Effect.UNKNOWN),
        ("correlation-id", {"header_name": "X_Forwarded_For"}, Effect.UNKNOWN),
        (
            "opentelemetry",
            {"propagation": {"default_format": "w3c", "clear": None}},
            Effect.NONE,
        ),
        (
            "opentelemetry",
            {"propagation": {"default_format": "w3c", "clear": []}},
            Effect.NONE,
        ),
        (
            "opentelemetry",
            {"propagation": {"default_format": "w3c", "clear": ["host"]}},
            Effect.UNKNOWN,
        ),
        (
            "opentelemetry",
            {"propagation": None, "headers": {"Authorization": "x"}},
            Effect.NONE,
        ),
        (
            "zipkin",
            {"propagation": {"default_format": "b3", "clear": ["x-mine"]}},
            Effect.UNKNOWN,
        ),
        (
            "zipkin",
            {"http_response_header_for_traceid": "Content-Length"},
            Effect.UNKNOWN,
        ),
        (
            "zipkin",
            {"http_response_header_for_traceid": "X-Trace"},
            Effect.NONE,
        ),
        ("http-log", {"headers": {"Authorization": "x"}}, Effect.NONE),
        (
            "http-log",
            {
                "custom_fields_by_lua": {
                    "a": "return kong.request.get_header('authorization')"
                }
            },
            Effect.UNKNOWN,
        ),
        (
            "file-log",
            {"custom_fields_by_lua": {"version": "return 1"}},
            Effect.UNKNOWN,
        ),
        (
            "file-log",
            {"custom_fields_by_lua": {"version": CLEARED}},
            Effect.NONE,
        ),
        ("file-log", {"custom_fields_by_lua": {}}, Effect.NONE),
    ],
)
def test_what_writes_or_clears_headers_may_do_anything(
    name: str, config: Mapping[str, Any], effect: Effect
) -> None:
    """A private header is allowed. Without `Content-Length`, the workload could read two requests
    in one. A script may do anything, too."""
    assert effect_of({"name": name, "config": config}) is effect


def test_what_writes_or_clears_headers_is_said(
    running: Running, entities: Entities
) -> None:
    """One plugin makes Kong answer everybody with 500, and a trigger may be in every call."""
    live = _with(
        entities,
        "correlation-id",
        {"header_name": "Content-Length"},
        EVERYWHERE,
    )
    assert report_lines(running.judged(live)) != []
    live = _with(
        entities,
        "request-termination",
        {"status_code": 503, "trigger": "authorization"},
        EVERYWHERE,
    )
    assert any(
        line.startswith("limited: plugin request-termination")
        for line in report_lines(running.judged(live))
    )


ANY_PAGE = {"add": {"headers": ["Access-Control-Allow-Origin:*"]}}


@pytest.mark.parametrize(
    ("name", "config"), [("cors", {}), ("response-transformer", ANY_PAGE)]
)
def test_what_lets_pages_read_is_said(
    running: Running, entities: Entities, name: str, config: Mapping[str, Any]
) -> None:
    """Where our scripts tell browsers whose pages may read what: both of these write over it."""
    for scope, of in (
        ({"service": LIBRARY}, f"service '{LIBRARY}'"),
        (EVERYWHERE, "everything (global)"),
    ):
        found = f"weakened: plugin {name} of {of} is not ours"
        assert report_lines(
            running.judged(_with(entities, name, config, scope))
        ) == [found]
    assert (
        report_lines(
            running.judged(
                _with(
                    entities, name, config, {"service": LIBRARY}, enabled=False
                )
            )
        )
        == []
    )


def test_a_limit_is_told_apart_from_what_else_is_wrong(
    running: Running, entities: Entities
) -> None:
    """It is no reason of another finding, and limits nobody where a call is refused for certain."""
    limited = _with(entities, "rate-limiting", MINUTE, {"service": ORDERS})
    gate = next(
        plugin
        for plugin in limited.plugins
        if plugin["name"] == "post-function"
        and _name(entities, plugin) == ORDERS
    )
    closed = replace(
        limited,
        plugins=tuple(
            plugin for plugin in limited.plugins if plugin is not gate
        ),
    )
    assert report_lines(running.judged(closed)) == [
        f"closed: plugin post-function of service '{ORDERS}' is missing",
        *MEANT,
        f"weakened: plugin rate-limiting of service '{ORDERS}' is not ours",
    ]
    changed = {**gate, "config": {**gate["config"], "access": ["return"]}}
    opened = replace(closed, plugins=(*closed.plugins, changed))
    found = [
        (finding.kind, [reason.text for reason in reasons])
        for finding, reasons in running.judged(opened).findings
    ]
    wrong = f"plugin post-function of service '{ORDERS}': its script differs from the intended script"
    assert found == [
        ("opened", [wrong]),
        (
            "limited",
            [f"plugin rate-limiting of service '{ORDERS}' is not ours"],
        ),
    ]


def _name(entities: Entities, plugin: Mapping[str, Any]) -> str:
    return str(
        next(
            service["name"]
            for service in entities.services
            if service["id"] == plugin["service"]["id"]
        )
    )
