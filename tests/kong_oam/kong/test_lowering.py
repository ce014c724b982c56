"""From the model to Kong's entities: tables, routes, plugin configurations, key slots, settling, preflight."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.model import Stack
from kong_oam.access.providers import Provider
from kong_oam.access.settings.stack import read_file
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong import names, plugins
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi, AdminError
from kong_oam.kong.certificates import hosts_by_certificate
from kong_oam.kong.key_slots import Slot, TooManyKeysError, assign
from kong_oam.kong.plugins import SchemaError, config_json
from kong_oam.kong.preflight import inspect, settle, settle_seconds
from kong_oam.kong.routes import routes
from kong_oam.kong.script import embedded
from kong_oam.kong.table import table
from sandbox.kong import Kong
from tests.support import gate_requests
from tests.support.estates import SPELLING, api, estate
from tests.support.gateway_estates import nested_applications, with_callers
from tests.support.gateway_tokens import CLIENTS
from tests.support.repository import ROOT

ACCESS = """
            owner: team
            scopes: {read: r, write: w}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [write]}
              - {paths: [/orders], methods: [POST], scopes: [read, write]}
              - {paths: [/orders/health, /orders/ready], methods: [GET], public: {reason: probes}}
              - {paths: [/orders/all], scopes: [write]}
            roles:
              viewer: {scopes: [read], groups: [sales]}
              editor: {scopes: [read, write], groups: [sales, desk]}
"""


def test_the_table_holds_all_that_the_gate_decides_by() -> None:
    """Hosts, rules by path and method, groups with their scopes: readable, sorted, and nothing else."""
    made = estate(
        api(access=ACCESS),
        api("nested", http="{/orders/x/y/z: 80}"),
        api("other", domain="o.example.com"),
    )
    assert json.loads(table(made, made.components["orders/api"], "8080", "ring")) == {
        "version": 4,
        "authentication": "jwt",
        "component": "orders/api",
        "ring": "ring",
        "issuer": "https://issuer.example.com",
        "audiences": ["api://tests"],
        "per_api": False,
        "spelling": {
            "client": "cid", "user": "uid", "groups": "groups", "subject": "sub", "own": "sub", "own_value": None,
            "scopes": {"claim": "scp", "form": "list", "prefix": ""},
            "service_scopes": {"claim": "scp", "form": "list", "prefix": ""},
            "marks": [{"claim": "jti", "value": "AT.", "prefix": True}], "overage": ["more"],
        },
        "forward_token": False,
        "hosts": {"orders.example.com": {"/orders": True, "/orders/x/y/z": False}},
        "rules": {
            "/orders": {"GET": [["read"]], "HEAD": [["read"]], "POST": [["read", "write"], ["write"]]},
            "/orders/health": {"GET": "public", "HEAD": "public"},
            "/orders/ready": {"GET": "public", "HEAD": "public"},
            "/orders/all": {"*": [["write"]]},
        },
        "services": {},
        "on_behalf": {},
        "callers": {},
        "logical": {},
        "groups": {"desk": ["read", "write"], "sales": ["read", "write"]},
        "depth": 4,
    }  # fmt: skip


def test_the_table_of_the_gates_tests_is_what_the_program_writes() -> None:
    """Byte for byte, so that those tests run the gate on a table that a gateway may have."""
    orders, *others = nested_applications("example.com")
    allowed = """\
        - type: ip-allow
          properties: {rules: [{paths: [/orders], from: [192.0.2.0/24, "2001:db8::/32"]}]}
"""
    made = with_callers(
        estate(orders + allowed, *others, stack=gate_requests.STACK)
    )
    clients = {key: name for name, key in CLIENTS.items()}
    api_of_orders = made.components["orders/api"]
    assert (
        table(made, api_of_orders, "8080", "ring", clients=clients)
        == gate_requests.TABLE
    )


def test_the_table_of_one_port_sends_the_other_ports_paths_away() -> None:
    """A request that reaches the wrong port of a component is not decided there."""
    made = estate(api(http="{/: 80, /files: 90}"))
    (eighty, ninety) = (
        json.loads(table(made, made.components["orders/api"], port, "r"))[
            "hosts"
        ]
        for port in ("80", "90")
    )
    assert eighty == {"orders.example.com": {"/": True, "/files": False}}
    assert ninety == {"orders.example.com": {"/files": True}}


def test_a_wildcards_table_knows_the_exact_hosts_that_come_first() -> None:
    """And the nearer wildcards, but not the farther."""
    made = estate(
        api("near", domain="*.a.example.com", http="{/x: 80}"),
        api("exact", domain="b.a.example.com", http="{/: 80}"),
        api("far", domain="*.example.com", http="{/: 80}"),
    )
    near, far = (
        json.loads(table(made, made.components[f"{name}/api"], "80", "r"))[
            "hosts"
        ]
        for name in ("near", "far")
    )
    assert near == {
        "*.a.example.com": {"/x": True},
        "b.a.example.com": {"/": False},
    }
    assert far == {
        "*.example.com": {"/": True},
        "*.a.example.com": {"/x": False},
        "b.a.example.com": {"/": False},
    }


def test_the_issuer_is_left_to_the_ring_where_it_is_born_in_the_same_graph() -> (
    None
):
    """So that the table is known in the first preview."""
    made = estate(
        api(), stack=Stack("t", {"main": Provider("main", "a", SPELLING)})
    )
    assert (
        json.loads(table(made, made.components["orders/api"], "8080", "r"))[
            "issuer"
        ]
        is None
    )


def test_no_input_leaves_the_tables_lua_string() -> None:
    """A bracket in a text is an escape, and brackets of the JSON itself never close a long string.
    A quote in a text is safe too."""
    text = json.dumps(
        {
            "groups": {"a]==]b": [["]]"], []]},
            "quote": 'x"]==',
            "other": "x', 'y",
        }
    )
    inside = re.fullmatch(r"\[==\[(.*)\]==\]", embedded(text))
    assert inside
    assert "]==]" not in inside.group(1)
    assert json.loads(inside.group(1).replace("'", '"')) == json.loads(text)


def test_a_rule_costs_no_route_and_exposed_paths_of_a_depth_share_one() -> None:
    """Public rules neither; the longer path comes first."""
    made = estate(
        api(http="{/orders: 80, /items: 80, /orders/large: 80}", access=ACCESS)
    )
    assert [
        (r.role, r.paths, r.priority)
        for r in routes(made.components["orders/api"])
    ] == [
        ("protected-1", ("/items(?:/|$)", "/orders(?:/|$)"), 2),
        ("protected-2", ("/orders/large(?:/|$)",), 4),
    ]


def test_hosts_with_the_same_paths_share_routes() -> None:
    """And hosts with other paths do not: a route serves each of its hosts with each of its paths."""
    text = api(domain="a.example.com", http="{/x: 80}")
    text += "        - type: gateway\n          properties: {name: b, domain: b.example.com, http: {/x: 80}}\n"
    text += "        - type: gateway\n          properties: {name: c, domain: c.example.com, http: {/x: 80, /y: 81}}\n"
    made = estate(text)
    assert [
        (r.role, r.backend, r.hosts, r.paths)
        for r in routes(made.components["orders/api"])
    ] == [
        (
            "protected-1",
            "80",
            ("a.example.com", "b.example.com", "c.example.com"),
            ("/x(?:/|$)",),
        ),
        ("protected-1", "81", ("c.example.com",), ("/y(?:/|$)",)),
    ]


def test_nearer_wildcards_come_first_whatever_the_path() -> None:
    """Kong puts exact hosts first by itself, and leaves the rest to regex_priority."""
    made = estate(
        api("near", domain="*.a.example.com", http="{/: 80}"),
        api("far", domain="*.example.com", http="{/a/b/c: 80}"),
    )
    near, far = (
        routes(made.components[f"{name}/api"])[0].priority
        for name in ("near", "far")
    )
    assert near > far


@pytest.mark.parametrize(
    ("domain", "path"),
    [
        ("*." + ".".join(["a"] * 31), "/" + "/".join(["b"] * 15)),
        ("a.example.com", "/" + "/".join(["b"] * 511)),
    ],
    ids=["a wildcard", "an exact host"],
)  # fmt: skip
def test_priorities_fit_into_what_kong_reads_of_them(
    domain: str, path: str
) -> None:
    """They fit into ten bits, at the limits of an Application."""
    access = (
        f"{{owner: o, rules: [{{paths: [{path}], public: {{reason: r}}}}]}}"
    )
    made = estate(
        api(
            "orders",
            domain=domain,
            http=f"{{/: 80, {path}: 80}}",
            access=access,
        )
    )
    priorities = [
        route.priority for route in routes(made.components["orders/api"])
    ]
    assert max(priorities) == 1022 and len(set(priorities)) == len(priorities)


def test_names_are_injective() -> None:
    """Names of applications and components hold no dots, so a dot joins them unmistakably."""
    made = estate(
        api("a"),
        api("a-api", domain="x.example.com").replace("name: api", "name: b"),
    )
    deeper, flat = made.components["a/api"], made.components["a-api/b"]
    assert names.service("s", deeper, "80") == "kong-oam.s.a.api.80"
    assert names.service("s", flat, "80") == "kong-oam.s.a-api.b.80"
    assert names.tags("s", deeper) == [
        "kong-oam",
        "kong-oam-stack:s",
        "kong-oam-component:a.api",
    ]


SCHEMA = {
    "fields": [
        {"protocols": {}},
        {"config": {"type": "record", "fields": [
            {"a": {"type": "string"}},
            {"b": {"type": "array", "default": ["x"]}},
            {"c": {"type": "record", "required": True, "fields": [{"d": {"type": "number", "default": 1}}, {"e": {}}]}},
            {"f": {"type": "record", "fields": [{"g": {}}]}},
        ]}},
    ]
}  # fmt: skip


def test_every_field_of_the_schema_is_sent() -> None:
    """Given, or its default, or null: a dropped key would stay live in Kong."""
    assert (
        config_json(SCHEMA, "p", {"a": "1"})
        == '{"a":"1","b":["x"],"c":{"d":1,"e":null},"f":null}'
    )
    assert (
        config_json(SCHEMA, "p", {"b": [], "f": {}})
        == '{"a":null,"b":[],"c":{"d":1,"e":null},"f":{"g":null}}'
    )


def test_a_plugin_that_writes_records_clears_kongs_own_beside_its_own_fields() -> (
    None
):
    """Any plugin whose schema has the field, where the stack keeps records; other plugins stay as they are."""
    field = {
        "custom_fields_by_lua": {
            "type": "map",
            "keys": {"type": "string"},
            "values": {"type": "string"},
        }
    }
    schema = {"fields": [{"config": {"type": "record", "fields": [field]}}]}
    config = {"custom_fields_by_lua": {"a": "return 1"}}
    assert json.loads(config_json(schema, "p", config)) == config
    (fields,) = json.loads(
        config_json(schema, "p", config, keeps_records=True)
    ).values()
    assert fields.pop("version").endswith("return 1") and fields == {
        "a": "return 1"
    }
    assert config_json(SCHEMA, "p", {}, keeps_records=True) == config_json(
        SCHEMA, "p", {}
    )


def test_a_field_that_the_gateway_lacks_is_an_error() -> None:
    """Rather than a configuration that means less than it says."""
    with pytest.raises(
        SchemaError, match=r"plugin p: this gateway's schema lacks nope"
    ):
        config_json(SCHEMA, "p", {"nope": 1})
    with pytest.raises(
        SchemaError, match=r"plugin p\.c: this gateway's schema lacks nope"
    ):
        config_json(SCHEMA, "p", {"c": {"nope": 1}})


def key(kid: str) -> SigningKey:
    return SigningKey(kid, "RS256", f"the public key of {kid}")


DAY = datetime.date(2026, 1, 1)
HOUR = datetime.timedelta(hours=1)


def kids(slots: tuple[Slot, ...]) -> list[str | None]:
    return [slot.key.kid if slot.key else None for slot in slots]


def test_a_key_keeps_its_slot_and_a_retired_one_stays_for_the_longest_token_lifetime() -> (
    None
):
    """Days count whole, so that a token of the last minute still counts."""
    first = assign((), [key("a")], 3, DAY, HOUR)
    assert kids(first) == ["a", None, None]
    rotated = assign(first, [key("b")], 3, DAY, HOUR)
    assert kids(rotated) == ["a", "b", None]
    assert rotated[0].retired == DAY
    assert assign(rotated, [key("b")], 3, DAY, HOUR) == rotated
    tomorrow = assign(
        rotated, [key("b")], 3, DAY + datetime.timedelta(days=1), HOUR
    )
    assert tomorrow == rotated  # it may be a minute later
    after = assign(
        tomorrow, [key("b")], 3, DAY + datetime.timedelta(days=2), HOUR
    )
    assert kids(after) == [None, "b", None]
    assert kids(assign(after, [key("b"), key("c")], 3, DAY, HOUR)) == [
        "c",
        "b",
        None,
    ]


def test_a_key_is_trusted_before_it_signs() -> None:
    """So a rotation changes nothing but which of them does."""
    first = assign((), [key("a"), key("b")], 4, DAY, HOUR)
    rotated = assign(first, [key("b"), key("c")], 4, DAY, HOUR, [key("a")])
    assert kids(first) == ["a", "b", None, None]
    assert kids(rotated) == ["a", "b", "c", None]
    assert [slot.retired for slot in rotated] == [DAY, None, None, None]


def test_where_runs_were_missed_the_key_before_this_one_is_trusted_too() -> (
    None
):
    """For its lifetime, and only if there is a slot: it may have signed a moment ago, and nobody saw it."""
    first = assign((), [key("a"), key("b")], 5, DAY, HOUR)
    year = DAY + datetime.timedelta(days=365)
    missed = assign(first, [key("y"), key("z")], 5, year, HOUR, [key("x")])
    assert kids(missed) == ["a", "b", "y", "z", "x"]
    assert [slot.retired for slot in missed] == [year, year, None, None, year]
    four = assign((), [key("a"), key("b")], 4, DAY, HOUR)
    assert kids(
        assign(four, [key("y"), key("z")], 4, year, HOUR, [key("x")])
    ) == [
        "a",
        "b",
        "y",
        "z",
    ]
    later = assign(
        missed,
        [key("y"), key("z")],
        5,
        year + datetime.timedelta(days=2),
        HOUR,
        [key("x")],
    )
    assert kids(later) == [None, None, "y", "z", None]
    assert kids(
        assign((), [key("y"), key("z")], 3, year, HOUR, [key("x")])
    ) == [
        "y",
        "z",
        None,
    ]


def test_a_key_that_is_published_again_is_no_longer_retired() -> None:
    """It never left its slot."""
    rotated = assign(
        assign((), [key("a")], 2, DAY, HOUR), [key("b")], 2, DAY, HOUR
    )
    assert assign(rotated, [key("a"), key("b")], 2, DAY, HOUR)[0] == Slot(
        key("a")
    )


def test_more_live_keys_than_slots_is_an_error() -> None:
    """No key that tokens may still be signed with is dropped."""
    full = assign((), [key("a"), key("b")], 2, DAY, HOUR)
    with pytest.raises(
        TooManyKeysError,
        match="3 signing keys need slots, but the key ring has 2",
    ):
        assign(full, [key("c")], 2, DAY, HOUR)
    with pytest.raises(
        TooManyKeysError, match="slots after the first 1 still hold keys in use"
    ):
        assign(full, [key("a"), key("b")], 1, DAY, HOUR)


def test_slots_survive_the_stack_output() -> None:
    """An exported slot reads back unchanged."""
    for slot in (Slot(), Slot(key("a")), Slot(key("a"), DAY)):
        assert (
            Slot.from_output(json.loads(json.dumps(slot.to_output()))) == slot
        )


@pytest.mark.parametrize(
    ("configuration", "seconds"),
    [
        ({}, 12.0),
        ({"worker_state_update_frequency": 5, "db_update_frequency": 5, "db_update_propagation": 0, "worker_consistency": "eventual"}, 12.0),
        ({"worker_state_update_frequency": 1, "db_update_frequency": 5, "db_update_propagation": 2}, 9.6),
        ({"worker_state_update_frequency": 5, "db_update_frequency": 5, "worker_consistency": "strict"}, 6.0),
        ({"worker_state_update_frequency": 0.2, "db_update_frequency": 0.2}, 0.48),
        ({"worker_state_update_frequency": "odd", "db_update_frequency": True}, 12.0),
        ({"role": "traditional", "cluster_rpc_sync": True}, 12.0),
        ({"role": "control_plane", "worker_state_update_frequency": 5, "db_update_frequency": 5}, 0.0),
        ({"role": "control_plane", "cluster_rpc_sync": False, "worker_consistency": "strict"}, 0.0),
        ({"role": "control_plane", "cluster_rpc_sync": True}, 12.0),
    ],
)  # fmt: skip
def test_settling_takes_as_long_as_the_slowest_worker(
    configuration: dict[str, object], seconds: float
) -> None:
    """In seconds; what the Admin API does not say counts as Kong's default. Whole snapshots need no pause."""
    assert settle_seconds(configuration) == seconds


def test_preflight_reads_the_gateway() -> None:
    """Version, settling and the three schemas."""
    with Kong(
        configuration={
            "worker_state_update_frequency": 1,
            "db_update_frequency": 1,
        }
    ) as kong:
        facts = inspect(Account(kong.admin_url))
    assert facts.version == "3.10.0"
    assert facts.settle == 2.4
    assert set(facts.schemas) == {"pre-function", "jwt", "post-function"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"version": "3.3.1"}, "Kong 3.3.1 is too old; use 3.4 or newer"),
        ({"version": "2.8"}, "Kong 2.8 is too old"),
        ({"configuration": {"database": "off"}}, "has no database"),
        ({"configuration": {"untrusted_lua": "off"}}, "untrusted_lua=off"),
        (
            {"admin_token": "right"},
            "rejects the credentials (401); check the secret",
        ),
    ],
)
def test_a_gateway_that_the_promises_do_not_hold_on_is_refused(
    settings: dict[str, object], message: str
) -> None:
    """The message has the cause and the remedy."""
    with (
        Kong(**settings) as kong,
        pytest.raises(AdminError, match=re.escape(message)),
    ):  # type: ignore[arg-type]
        inspect(Account(kong.admin_url, token="wrong"))


def test_a_gateway_that_is_down_is_refused() -> None:
    """Nothing is provisioned on a guess."""
    with Kong() as kong:
        url = kong.admin_url
    with pytest.raises(AdminError, match="does not answer"):
        inspect(Account(url))


def test_a_certificate_is_shown_for_the_hosts_that_name_it() -> None:
    """By namespace and name; where all is plain http there is none."""
    application = api(
        "a", domain="a.example.com", http="{/: 80}, secretName: wild"
    ).replace("namespace: a", "namespace: n")
    two = api(
        "b", domain="b.example.com", http="{/: 80}, secretName: wild"
    ).replace("namespace: b", "namespace: n")
    two = two.replace("name: api", "name: other")
    assert hosts_by_certificate(estate(application, two, api())) == {
        ("n", "wild"): ("a.example.com", "b.example.com")
    }
    assert (
        hosts_by_certificate(
            estate(
                application,
                stack=Stack(
                    "t",
                    {"main": Provider("main", "a", SPELLING)},
                    scheme="http",
                ),
            )
        )
        == {}
    )


def test_browsers_are_told_to_use_https_only() -> None:
    """In every answer of a gated service, refusals too, since admission meets them all; on plain http stacks never."""
    script, *always = plugins.admission("{}", 600)["header_filter"]
    assert (
        script
        == "return function() kong.response.set_header('Strict-Transport-Security', 'max-age=600') end"
    )
    assert plugins.admission("{}")["header_filter"] == always


@pytest.mark.parametrize(
    "config",
    [plugins.admission("{}", 600), plugins.gate("{}", "{}")],
    ids=["admission", "gate"],
)
def test_a_script_says_first_what_to_do_where_a_failed_run_prints_it(
    config: Mapping[str, Any],
) -> None:
    """The official plugin prints the whole configuration before the cause, fields in alphabetical order."""
    first, *lines = next(
        iter(dict(sorted(config.items()))["access"])
    ).splitlines()
    # The plugin's own output before it stays on a separate line.
    assert first == ""
    assert lines[0].startswith(
        "-- In a failed run: Kong did not take the plugin that is named above;"
    )
    assert "']} error:'" in lines[0]
    assert lines[1].startswith("-- Mend that")
    assert lines[2].startswith("local TABLE = ")


def test_a_workspace_that_does_not_exist_is_what_to_check() -> None:
    """404 on all of it, as of an address that is not the Admin API's; nothing is in the error log then."""
    with (
        Kong() as kong,
        pytest.raises(
            AdminError,
            match=r"answers 404; check gateway\.adminUrl, gateway\.workspace",
        ),
    ):
        inspect(Account(kong.admin_url, workspace="nowhere"))


def test_a_stack_may_say_itself_how_long_its_workers_take() -> None:
    """The setting wins. Otherwise the time follows from this Kong's configuration."""
    settings = read_file(ROOT / "stacks/Pulumi.local.yaml").gateway
    quick = {"worker_state_update_frequency": 1, "db_update_frequency": 1}
    with (
        Kong(configuration=quick) as kong,
        AdminApi(Account(kong.admin_url)) as admin,
    ):
        assert settle(admin, replace(settings, settle_seconds=None)) == 2.4
        assert settle(admin, replace(settings, settle_seconds=0.5)) == 0.5
        assert settle(admin, replace(settings, settle_seconds=0.0)) == 0.0
