"""Plugins that an Application adds by name: allowed plugins and allowed configurations."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.settings.redis import RedisSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.kong import plugins
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.entities import comparable
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.kong.trait_plugins import plugins_of, trait_plugins
from kong_oam.traits.kong_plugin.findings import findings, waived
from kong_oam.traits.kong_plugin.value import (
    KONG_PLUGIN,
    KongPlugin,
    PluginWaiver,
)
from tests.support.diffs import settings
from tests.support.estates import compiled, estate
from tests.support.kong_plugins import application_with_plugins

ON = replace(
    settings(
        gateway={
            "stripHeaders": ["X-Internal"],
            "cidrs": ["192.0.2.0/24"],
            "reach": "loadBalancer",
        }
    ),
    as_of=datetime.date(2026, 1, 31),
)
LATER = "waiver: {reason: until it is mended, until: 2999-12-31}"


def found(*traits: str, name: str = "orders", on: Any = ON) -> list[Diagnostic]:
    return [*findings(on, estate(application_with_plugins(*traits, name=name)))]


def codes(*traits: str, name: str = "orders") -> list[str]:
    return [finding.code for finding in found(*traits, name=name)]


def test_several_stand_before_a_component_each_under_its_name() -> None:
    """With its configuration, on every service of the component, whoever calls."""
    added = estate(
        application_with_plugins(
            "{name: correlation-id, config: {header_name: X-Cid}}",
            "{name: bot-detection}",
        )
    )
    component = added.components["orders/api"]
    assert trait_plugins(ON, component).plugins == (
        TraitPlugin(
            "plugin-correlation-id",
            "correlation-id",
            {"header_name": "X-Cid"},
            asked=True,
        ),
        TraitPlugin("plugin-bot-detection", "bot-detection", {}, asked=True),
    )
    assert {plugin.kind for plugin in plugins_of(ON, added)} == {
        "correlation-id",
        "bot-detection",
    }


def test_one_of_a_name_stands_once() -> None:
    """Kong allows one plugin of a kind on a service. The second finding names the line of the
    first."""
    (diagnostic,) = compiled(
        application_with_plugins(
            "{name: acl}",
            "{name: bot-detection}",
            "{name: acl, config: {allow: [a]}}",
        )
    ).diagnostics
    assert (
        diagnostic.code,
        diagnostic.position.line if diagnostic.position else 0,
    ) == (
        "OAM106",
        16,
    )
    assert (
        diagnostic.message
        == "a component can have each plugin `name` only once (first in line 12)"
    )


@pytest.mark.parametrize("kind", [*PLUGIN_KINDS, "somebodys-own"])
def test_what_only_looks_or_refuses_needs_no_waiver_and_all_else_does(
    kind: str,
) -> None:
    """An unknown one may do anything."""
    needed = (
        PLUGIN_KINDS.get(kind) not in ("harmless", "limits") or kind == "cors"
    )
    path = ", config: {path: /dev/stdout}" if kind == "file-log" else ""
    assert codes(f"{{name: {kind}{path}}}") == (["ACC246"] if needed else [])
    assert codes(f"{{name: {kind}{path}, {LATER}}}") == (
        ["ACC246"] if kind == "cors" else []
    )


@pytest.mark.parametrize(
    "kind", ["pre-function", "post-function", "jwt", "openid-connect", "cors"]
)
def test_what_decides_here_is_accepted_by_no_waiver(kind: str) -> None:
    """And the message does not say to write one."""
    (finding,) = found(f"{{name: {kind}, {LATER}}}")
    assert (
        finding.code == "ACC246"
        and "no waiver can accept it" in finding.message
    )


def test_what_is_there_by_other_means_stands_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another trait's plugin, or the stack's: the second of its name would take its place."""
    monkeypatch.setattr(
        "kong_oam.traits.kong_plugin.findings.trait_plugins",
        lambda *_: type("E", (), {"plugins": [TraitPlugin("x", "acl", {})]}),
    )
    (finding,) = found("{name: acl}")
    assert (
        finding.code == "ACC246"
        and "another trait or the stack's settings already add"
        in finding.message
    )


def test_a_refusal_says_why_and_where() -> None:
    (finding,) = found("{name: proxy-cache, config: {strategy: memory}}")
    assert str(finding).splitlines() == [
        "app1.yaml:13:30: error ACC246: proxy-cache answers any caller before the gate; remove it, or accept it "
        "until a day with `waiver: {reason: ..., until: YYYY-MM-DD}`",
        "   13 |           properties: {name: proxy-cache, config: {strategy: memory}}",
        "      |                              ^",
    ]


@pytest.mark.parametrize(
    ("until", "expected"),
    [("2026-01-30", ["ACC247"]), ("2026-01-31", []), ("2026-02-01", [])],
)
def test_a_waiver_ends_with_its_last_day(
    until: str, expected: list[str]
) -> None:
    """By the stack's asOf."""
    assert [
        finding.code
        for finding in found(
            f"{{name: proxy-cache, waiver: {{reason: r, until: {until}}}}}",
            on=ON,
        )
    ] == expected
    assert (
        found(f"{{name: acl, waiver: {{reason: r, until: {until}}}}}", on=ON)
        == []
    )


def test_a_day_that_is_none_is_refused() -> None:
    (diagnostic,) = compiled(
        application_with_plugins(
            "{name: acl, waiver: {reason: r, until: 2026-02-30}}"
        )
    ).diagnostics
    assert (diagnostic.code, diagnostic.message) == (
        "OAM103",
        "'2026-02-30' is not a date of the calendar",
    )


def test_a_waiver_is_told_of_where_it_is_needed() -> None:
    """In every run, with place, reason and end."""
    added = estate(
        application_with_plugins(
            f"{{name: proxy-cache, {LATER}}}",
            f"{{name: acl, {LATER}}}",
            "{name: bot-detection}",
        )
    )
    assert [*waived(added)] == [
        "app1.yaml:13: proxy-cache before orders/api answers any caller before the gate; accepted until 2999-12-31: "
        "until it is mended"
    ]


def test_a_reason_is_one_line_that_steers_no_terminal() -> None:
    """A preview is read in one, and in the log of a runner that takes lines for commands."""
    (line,) = waived(
        estate(
            application_with_plugins(
                '{name: proxy-cache, waiver: {reason: "a\\n::error::b\\e[31m ##[c", until: 2999-12-31}}'
            )
        )
    )
    assert line.endswith("accepted until 2999-12-31: a?::error::b?[31m ##?c")


@pytest.mark.parametrize(
    "trait",
    [
        "{name: correlation-id, config: {header_name: X-Auth-Client}}",
        "{name: correlation-id, config: {header_name: authorization}}",
        "{name: correlation-id, config: {header_name: X_Auth.Client}}",
        "{name: correlation-id, config: {header_name: X-Forwarded-User}}",
        "{name: correlation-id, config: {header_name: Host}}",
        "{name: correlation-id, config: {header_name: X-Internal}}",
        "{name: response-transformer, config: {add: {headers: ['Access-Control-Allow-Origin: *']}}}",
        "{name: response-transformer, config: {remove: {headers: [vary]}}}",
        "{name: response-transformer, config: {rename: {headers: ['x-a:strict-transport-security']}}}",
        "{name: zipkin, config: {propagation: {clear: [x-consumer-id]}}}",
        "{name: correlation-id, config: {header_name: X-Kong-Request-Id, echo_downstream: true}}",
        "{name: correlation-id, config: {header_name: traceparent}}",
        "{name: response-transformer, config: {remove: {headers: [Retry-After]}}}",
        "{name: response-transformer, config: {replace: {headers: ['RateLimit-Remaining: 9']}}}",
        "{name: request-transformer, config: {add: {headers: ['X-Auth-Subject:root']}}, WAIVED}",
        "{name: somebodys-own, config: {a: [{headers: {Authorization: x}}]}, WAIVED}",
    ],
)
def test_a_header_of_the_gates_is_nobodys_to_write(trait: str) -> None:
    """In any spelling, in a list, a map or a value, waiver or not; the stack's own list counts, too."""
    assert codes(trait.replace("WAIVED", LATER)) == ["ACC248"]


@pytest.mark.parametrize(
    "trait",
    [
        "{name: correlation-id, config: {header_name: X-Correlation-ID}}",
        "{name: response-transformer, config: {add: {headers: ['X-Served-By: host']}, remove: {headers: [server]}}}",
        "{name: datadog, config: {host: statsd, metrics: [{name: latency, stat_type: timer, tags: ['host:a']}]}}",
        "{name: http-log, config: {http_endpoint: 'https://logs.example.com', headers: {Authorization: '{vault://orders/log}'}}}",
        "{name: bot-detection, config: {deny: [host]}}",
        "{name: file-log, config: {path: /dev/stderr}}",
    ],
)
def test_what_is_nobodys_business_is_taken(trait: str) -> None:
    assert codes(trait) == []


@pytest.mark.parametrize(
    ("trait", "name"),
    [
        (
            "{name: response-ratelimiting, config: {redis: {password: hunter2}}}",
            "orders",
        ),
        (
            "{name: http-log, config: {http_endpoint: x, headers: {Authorization: Bearer x}}}",
            "orders",
        ),
        (
            "{name: datadog, config: {host: '{vault://env/kong-pg-password}'}}",
            "orders",
        ),
        ("{name: datadog, config: {host: 'a.{vault://orders/x}'}}", "orders"),
        ("{name: datadog, config: {host: '{vault://shop/x}'}}", "orders"),
        ("{name: datadog, config: {host: '{vault://env/x}'}}", "env"),
        (
            "{name: datadog, config: {host: '{vault://orders/pg-password?prefix=KONG_}'}}",
            "orders",
        ),
        (
            "{name: datadog, config: {host: '{vault://orders/..%2F..%2Fx}'}}",
            "orders",
        ),
        ("{name: datadog, config: {host: '{vault://orders/../x}'}}", "orders"),
        (
            "{name: datadog, config: {host: '{vault://orders/x#1?prefix=KONG_}'}}",
            "orders",
        ),
        (
            "{name: http-log, config: {http_endpoint: x, headers: {X-Api-Key: abc}}}",
            "orders",
        ),
        (
            "{name: http-log, config: {http_endpoint: x, headers: {Cookie: abc}}}",
            "orders",
        ),
    ],
)
def test_a_secret_is_named_in_a_vault_of_the_applications_own(
    trait: str, name: str
) -> None:
    """Any other would be read by whoever writes an Application: of the gateway itself, say, from its environment."""
    (finding,) = found(trait, name=name)
    assert (
        finding.code == "ACC248"
        and f"{{vault://{name}/NAME}}" in finding.message
    )


@pytest.mark.parametrize(
    "trait",
    [
        "{name: http-log, config: {http_endpoint: x, custom_fields_by_lua: {a: return 1}}}",
        "{name: tcp-log, config: {host: x, port: 1, custom_fields_by_lua: {a: return 1}}}",
        "{name: opentelemetry, config: {resource_attributes: {a: $(headers.authorization)}}}",
    ],
)
def test_what_only_looks_runs_no_code(trait: str) -> None:
    (finding,) = found(trait)
    assert (
        finding.code == "ACC248" and "would run it as code" in finding.message
    )


@pytest.mark.parametrize(
    "config",
    [
        *(
            f"{{http_endpoint: 'http://{host}/debug'}}"
            for host in ("localhost:8001", "127.0.0.1:8001", "[::1]", "0.0.0.0")
        ),
        *(
            f"{{http_endpoint: 'http://{host}/'}}"
            for host in (
                "169.254.169.254",
                "[::ffff:127.0.0.1]",
                "2130706433",
                "127.1",
            )
        ),
        "{http_endpoint: 'http://a.localhost./'}",
        "{http_endpoint: 'http://ip6-localhost:8001/'}",
    ],
)
def test_a_gateway_is_not_made_to_call_itself(config: str) -> None:
    """Its Admin API trusts who calls from there, and clouds hand out credentials at link-local addresses."""
    (finding,) = found(f"{{name: http-log, config: {config}}}")
    assert (
        finding.code == "ACC246"
        and "the gateway's Admin API" in finding.message
    )
    assert (
        found("{name: tcp-log, config: {host: 127.0.0.1, port: 1}}")[0].code
        == "ACC246"
    )
    assert not found(f"{{name: http-log, config: {config}, {LATER}}}")
    assert not found("{name: datadog, config: {host: 127.0.0.1}}")


@pytest.mark.parametrize(
    "host",
    [
        "::1",
        "::ffff:127.0.0.1",
        "0:0:0:0:0:0:0:1",
        "fe80::1",
        "fe80::1%eth0",
        "[::1]:1",
    ],
)
def test_an_address_of_ipv6_needs_no_brackets_to_be_the_gateways(
    host: str,
) -> None:
    """Kong takes it without."""
    assert codes(f"{{name: tcp-log, config: {{host: '{host}', port: 1}}}}") == [
        "ACC246"
    ]
    assert (
        codes("{name: tcp-log, config: {host: '2001:db8::1', port: 1}}") == []
    )


@pytest.mark.parametrize("host", ["", "host: null, ", "host: localhost, "])
def test_where_kong_sends_by_itself_counts_as_said(host: str) -> None:
    """Over a connection a `prefix` of statsd was a request to the Admin API, which made what it asked for (seen)."""
    assert codes(
        f"{{name: statsd, config: {{{host}use_tcp: true, port: 8001}}}}"
    ) == ["ACC246"]
    assert codes(f"{{name: statsd, config: {{{host}use_tcp: false}}}}") == []
    assert (
        codes(
            "{name: statsd, config: {host: statsd.example.com, use_tcp: true}}"
        )
        == []
    )


@pytest.mark.parametrize(
    "trait",
    [
        '{name: statsd, config: {host: kong-admin.kong, use_tcp: true, prefix: "POST /x HTTP/1.1\\r\\n"}}',
        '{name: http-log, config: {http_endpoint: x, headers: {X-A: "a\\nb"}}}',
        '{name: http-log, config: {http_endpoint: x, headers: {"X-A\\r\\nb": a}}}',
        '{name: response-transformer, config: {add: {headers: ["X-A:b\\nVary: *"]}}}',
    ],
)
def test_what_is_sent_has_no_line_of_an_applications_own(trait: str) -> None:
    """A name that leads to the Admin API is not seen, so nothing may be sent there that it takes for a request."""
    (finding,) = found(trait)
    assert finding.code == "ACC248" and "begin a request" in finding.message


@pytest.mark.parametrize(
    "reference",
    ["{vault://orders/db/password}", "{vault://orders/log-token#2}"],
)
def test_a_reference_is_to_a_name_a_key_in_it_and_a_version(
    reference: str,
) -> None:
    assert codes(f"{{name: datadog, config: {{host: '{reference}'}}}}") == []


@pytest.mark.parametrize(
    "host",
    ["logs.example.com", "10.0.0.7", "[2001:db8::1]", "localhost.example.com"],
)
def test_it_may_call_others(host: str) -> None:
    assert not found(
        f"{{name: http-log, config: {{http_endpoint: 'https://{host}/in'}}}}"
    )


def test_a_vault_that_the_stack_reads_is_no_applications() -> None:
    """Whoever calls an Application like it would have the stack's secrets sent to themselves."""
    reads = "{name: http-log, config: {http_endpoint: 'https://logs.example.com', headers: {X-A: '{vault://counts/a}'}}}"
    counting = replace(
        ON.gateway,
        redis=RedisSettings(
            "redis.example.com", password="{vault://counts/password}"
        ),
    )
    assert [
        finding.code
        for finding in found(
            reads, name="counts", on=replace(ON, gateway=counting)
        )
    ] == ["ACC248"]
    assert codes(reads, name="counts") == []


def test_a_file_of_the_gateways_is_written_to_by_a_waiver() -> None:
    assert codes("{name: file-log, config: {path: /etc/kong/kong.conf}}") == [
        "ACC246"
    ]
    assert (
        codes(f"{{name: file-log, config: {{path: /var/log/a}}, {LATER}}}")
        == []
    )


def test_a_configuration_is_in_full_as_kong_prints_it() -> None:
    """Records in lists and by their own defaults, and former names (seen on 3.10): strict matching then settles."""
    queue = {
        "type": "record",
        "required": True,
        "fields": [{"size": {"type": "integer", "default": 1}}],
    }
    form = {
        "type": "record",
        "required": True,
        "default": {"form": "w3c"},
        "fields": [{"form": {"type": "string"}}],
    }
    item = {
        "type": "record",
        "fields": [
            {"name": {"type": "string"}},
            {"rate": {"type": "number", "default": 1}},
        ],
    }
    record = {
        "type": "record",
        "fields": [
            {"queue": queue},
            {"form": form},
            {
                "metrics": {
                    "type": "array",
                    "default": [{"name": "a"}],
                    "elements": item,
                }
            },
            {"by": {"type": "map", "values": item}},
        ],
        "shorthand_fields": [
            {
                "queue_size": {
                    "deprecation": {
                        "replaced_with": [{"path": ["queue", "size"]}]
                    }
                }
            },
            {"gone": {"deprecation": {}}},
        ],
    }
    schema = {"fields": [{"config": record}]}
    made = json.loads(
        plugins.config_json(schema, "x", {"by": {"k": {"name": "b"}}})
    )
    assert made == {
        "queue": {"size": 1},
        "form": {"form": "w3c"},
        "metrics": [{"name": "a", "rate": 1}],
        "by": {"k": {"name": "b", "rate": 1}},
        "queue_size": 1,
    }


def test_a_plugin_is_a_value() -> None:
    """Its position does not count: another line above it changes no access."""
    first, second = (
        estate(text).components["orders/api"].traits
        for text in (
            application_with_plugins("{name: acl}"),
            "# one\n" + application_with_plugins("{name: acl}"),
        )
    )
    assert first == second
    (plugin,) = first[KONG_PLUGIN]
    assert (
        plugin
        == KongPlugin("acl", {}, None, plugin.position)
        != KongPlugin("acl", {}, PluginWaiver("r", "u"), plugin.position)
    )


def test_a_mistyped_name_is_told_the_nearest() -> None:
    """It is not known, so it may be anything; one of the sort that passes was meant."""
    (finding,) = found("{name: bot-detecton}")
    assert (
        finding.code == "ACC246"
        and "did you mean 'bot-detection'? Otherwise remove it"
        in finding.message
    )


def test_records_in_a_list_are_compared_whatever_order_kong_prints_their_fields_in() -> (
    None
):
    """`verify` would find a drift where there is none."""
    record, other = (
        {"name": "a", "rate": 1, "tags": ["x", "y"]},
        {"tags": ["y", "x"], "rate": 1, "name": "a"},
    )
    assert comparable({"metrics": [record, {"name": "b"}]}) == comparable(
        {"metrics": [{"name": "b"}, other]}
    )
    assert comparable({"metrics": [record]}) != comparable(
        {"metrics": [{**record, "rate": 2}]}
    )
