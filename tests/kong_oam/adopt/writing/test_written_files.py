"""The written Application and stack settings, for small decK files."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import yaml

from tests.support.adopted_kongs import (
    APPLICATION,
    REPORT,
    STACK,
    adopted,
    compare,
    new_side,
    read_old,
)

OPEN = """\
services:
- name: orders-service
  url: http://orders:8080/v1
  routes:
  - {name: orders, paths: [/orders]}
"""
KEYS = """\
services:
- name: crm
  url: http://crm.example.net
  plugins:
  - {name: key-auth, config: {key_names: [X-Key]}}
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
consumers:
- {username: Acme Ltd, keyauth_credentials: [{key: SECRET-A}], acls: [{group: readers}]}
- {username: bolt, keyauth_credentials: [{key: SECRET-B}], acls: [{group: writers}]}
- {username: idle, acls: [{group: readers}]}
"""


def part(text: str, name: str, trait: str, **options: Any) -> Any:
    """Return the properties of a written trait."""
    application = yaml.safe_load(adopted(text, **options).files[APPLICATION])
    for component in application["spec"]["components"]:
        for each in component["traits"]:
            if (component["name"], each["type"]) == (name, trait):
                return each["properties"]
    raise AssertionError(f"{name} has no {trait}")


def upstreams(text: str, **options: Any) -> Any:
    config = yaml.safe_load(adopted(text, **options).files[STACK])["config"]
    return config["kong-oam:gateway"]["upstreams"]


def reasons(text: str, **options: Any) -> list[tuple[str, str, str]]:
    """Return name, status and first reason of each route."""
    return [
        (route.name, route.status, next(iter(route.reasons), ""))
        for route in adopted(text, **options).report.routes
    ]


def test_an_open_route_becomes_a_public_rule() -> None:
    files = adopted(OPEN).files
    assert files[APPLICATION] == (
        "# Adopted from a Kong in use. Each `public` rule was open there: give it scopes, or a reason.\n"
        "apiVersion: core.oam.dev/v1beta1\n"
        "kind: Application\n"
        "metadata:\n"
        "  name: kong\n"
        "  annotations: {owner: platform}\n"
        "spec:\n"
        "  components:\n"
        "    - name: orders-service\n"
        "      type: external\n"
        "      traits:\n"
        "        - type: gateway\n"
        "          properties:\n"
        "            domain: api.example.com\n"
        "            http: {/orders: 8080}\n"
        "        - type: access\n"
        "          properties:\n"
        "            owner: platform\n"
        "            forwardToken: true\n"
        "            forward: {/orders: /v1}\n"
        "            rules:\n"
        "              - paths: [/orders]\n"
        "                methods: [GET, POST, PUT, PATCH, DELETE, OPTIONS]\n"
        "                public: {reason: 'adopted from Kong, where it is open', until: '2027-03-31'}\n"
        "            waivers:\n"
        "              - {finding: LINT316, reason: adopted from Kong, until: '2027-03-31'}\n"
    )
    assert files[STACK] == (
        "# Settings for the adopted Kong. Set credentials with `pulumi config set --secret`.\n"
        "config:\n"
        "  kong-oam:cloud: bare-metal\n"
        "  kong-oam:asOf: '2026-12-01'\n"
        "  kong-oam:gateway:\n"
        "    upstreams:\n"
        "      kong/orders-service: {host: orders, scheme: http, hostHeader: 'orders:8080'}\n"
        "    adopted:\n"
        "      until: '2027-03-31'\n"
        "      reason: adopted from Kong\n"
        "      deck: []\n"
        "  kong-oam:identityProviders:\n"
        "    - {name: okta, type: okta}\n"
    )


def test_groups_become_roles_and_consumers_become_clients() -> None:
    access = part(KEYS, "crm", "access")
    assert access["rules"] == [
        {
            "paths": ["/crm", "/crm/new"],
            "methods": ["GET"],
            "scopes": ["crm.readers"],
        },
        {"paths": ["/crm"], "methods": ["GET"], "scopes": ["crm.writers"]},
        {
            "paths": ["/crm/new"],
            "methods": ["GET", "POST"],
            "scopes": ["crm.writers"],
        },
    ]
    assert access["roles"] == {
        "readers": {"scopes": ["crm.readers"], "components": ["kong/acme-ltd"]},
        "writers": {"scopes": ["crm.writers"], "components": ["kong/bolt"]},
    }
    assert access["acceptBefore"] == {
        "by": "key-auth",
        "until": "2027-03-31",
        "reason": "adopted from Kong",
        "names": ["x-key"],
    }
    assert part(KEYS, "acme-ltd", "client") == {
        "kind": "external",
        "before": {
            "consumer": "Acme Ltd",
            "by": "key-auth",
            "until": "2027-03-31",
            "reason": "adopted from Kong",
        },
        "calls": [{"component": "kong/crm", "scopes": ["crm.readers"]}],
    }
    consumers = adopted(KEYS).report.consumers
    assert [(each.name, each.text) for each in consumers] == [
        ("idle", "it has no credential")
    ]


def test_no_credential_is_written() -> None:
    assert "SECRET" not in "".join(adopted(KEYS).files.values())


def test_the_same_input_gives_the_same_bytes() -> None:
    assert adopted(KEYS).files == adopted(KEYS).files


ROOT = """\
services:
- name: pages
  url: http://pages
  routes: [{name: pages, paths: [/]}]
- name: admin
  url: http://admin
  plugins: [{name: basic-auth}]
  routes: [{name: admin, paths: [%s]}]
consumers:
- {username: root, basicauth_credentials: [{username: root, password: SECRET}]}
"""


@pytest.mark.parametrize(
    ("path", "at_root", "at_admin"),
    [
        ("/admin", {"begins": ["/admin"]}, None),
        # The old Kong sends /admin itself to the pages.
        ("/admin/", None, {"exactly": ["/admin"]}),
        ("~/admin$", None, {"below": ["/admin"]}),
    ],
)
def test_texts_that_other_routes_take_are_refused(
    path: str, at_root: Any, at_admin: Any
) -> None:
    (rule,) = part(ROOT % path, "pages", "access")["rules"]
    assert rule.get("refusals") == at_root
    (rule,) = part(ROOT % path, "admin", "access")["rules"]
    assert rule.get("refusals") == at_admin


def test_closed_texts_are_listed() -> None:
    report = adopted(ROOT % "/admin").report
    assert [
        (each.path, each.callers, each.route, each.place)
        for each in report.closed
    ] == [("/admin*", ("root",), "admin", "kong.yaml:9")]


NETWORKS = """\
services:
- name: a
  url: http://10.0.0.9
  routes:
  - name: inside
    paths: [/in]
    plugins: [{name: ip-restriction, config: {allow: [10.0.0.0/8], deny: [10.128.0.0/9]}}]
  - {name: all, paths: [/all], methods: [GET]}
"""


def test_an_ip_restriction_becomes_networks() -> None:
    assert part(NETWORKS, "a", "ip-allow") == {
        "rules": [
            {
                "paths": ["/all"],
                "methods": ["GET"],
                "from": ["0.0.0.0/0", "::/0"],
            },
            {
                "paths": ["/in"],
                "methods": ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
                "from": ["10.0.0.0/9"],
            },
        ]
    }
    assert new_side(adopted(NETWORKS)).findings == []


SERVICE = """\
%s
services:
- name: a
  %s
  plugins: [%s]
  routes: [{name: r, paths: [%s]%s}]
consumers:
- {username: c, keyauth_credentials: [{key: SECRET}], jwt_secrets: [{key: SECRET}]}
"""


def service(
    url: str = "url: http://a",
    plugin: str = "",
    path: str = "/r",
    more: str = "",
    rest: str = "",
) -> str:
    return SERVICE % (rest, url, plugin, path, more)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (service(plugin="{name: jwt}"), "its callers use jwt, which a client cannot keep"),
        (service(plugin="{name: made-up}"), "plugin made-up of service 'a' may answer the request"),
        (service(plugin="{name: pre-function, config: {access: [x]}}"), "plugin pre-function of service 'a' runs code"),
        (service(plugin="{name: request-transformer, config: {add: {headers: ['X-A:b']}}}"), "plugin request-transformer of service 'a' changes requests or answers"),
        (service(plugin="{name: key-auth, config: {key_names: [a_key]}}"), "its key name 'a_key' is no plain name"),
        (service("url: http://a.b.svc.cluster.local"), "its address 'a.b.svc.cluster.local' is a name in a cluster, which leads around that component's rules"),
        (service("url: http://localhost:1"), "its address 'localhost' is the gateway's own host (loopback)"),
        (service("url: http://api.example.com"), "its address 'api.example.com' is a host of the gateway itself"),
        (service("url: https://10.0.0.1"), "https to an IP address has no name that a certificate could have"),
        (service(path="'~/r/[0-9]+$'"), "it has a regular expression beyond a list of texts"),
        (service(more=", headers: {x: [y]}"), "it asks for headers"),
        (service(more=", hosts: [a.*]"), "its host 'a.*' has no form in an Application"),
        (service(path="/a*b"), "no rule can name its path '/a*b'"),
        (service(path="/a/%2F"), "no rule can name its path '/a/%2F'"),
        (service(more=", protocols: [tcp]"), "it takes no HTTP requests"),
        (service(plugin="{name: request-termination}"), "no request passes it"),
        (service("url: http://a\n  enabled: false"), "its service is disabled"),
    ],
)  # fmt: skip
def test_routes_stay_in_kong_for_a_reason(text: str, reason: str) -> None:
    ((name, status, why),) = reasons(text)
    assert (name, status) == ("r", "left")
    assert reason in why
    assert [*adopted(text).files] == [REPORT]


def test_a_route_without_requests_names_the_route_that_takes_them() -> None:
    """The first expression has too many texts, so it may take each request."""
    text = """\
services:
- name: a
  url: http://a
  routes:
  - {name: first, paths: [/]}
  - {name: second, paths: [/]}
  - {name: texts, hosts: [x.example.com], paths: ["~/(a|b)/v1"]}
  - {name: wide, hosts: [x.example.com], paths: ["~/(a|b)/v[0-9][0-9]+"], regex_priority: 1}
"""
    wide = "route 'wide' is not certain: it has a regular expression beyond a list of texts (kong.yaml:9)"
    assert reasons(text) == [
        ("first", "adopted", ""),
        ("second", "left", "route 'first' takes its requests (kong.yaml:6)"),
        ("texts", "left", wide),
        ("wide", "left", "it has a regular expression beyond a list of texts"),
    ]


@pytest.mark.parametrize(
    ("settings", "status"), [("", "left"), (", host_header: u.test", "adopted")]
)
def test_targets_need_one_host_header(settings: str, status: str) -> None:
    text = f"""\
services:
- {{name: a, url: http://u, routes: [{{name: r, paths: [/r]}}]}}
upstreams:
- {{name: u, targets: [{{target: "a.test:81"}}, {{target: "b.test:81"}}]{settings}}}
"""
    ((_, found, why),) = reasons(text)
    assert found == status
    if status == "adopted":
        assert upstreams(text)["kong/a"]["hostHeader"] == "u.test:81"
    else:
        assert why.startswith("route 'r': each target of its upstream gets")


def test_callers_may_be_in_other_files() -> None:
    text = """\
services:
- {name: a, url: http://a, plugins: [{name: key-auth}], routes: [{name: r, paths: [/r]}]}
"""
    assert reasons(text) == [
        (
            "r",
            "left",
            "plugin key-auth of service 'a' has no callers in these files; read the files of its "
            "consumers, too (kong.yaml:3)",
        )
    ]


def test_a_shorter_path_stays_with_the_path_that_it_covers() -> None:
    text = """\
services:
- {name: pages, url: http://pages, routes: [{name: pages, paths: [/]}]}
- name: api
  url: http://api
  plugins: [{name: made-up}]
  routes: [{name: api, paths: [/api]}]
"""
    assert [route[:2] for route in reasons(text)] == [
        ("pages", "left"),
        ("api", "left"),
    ]
    assert [route[:2] for route in reasons(text, closes=True)] == [
        ("pages", "adopted"),
        ("api", "closed"),
    ]
    (rule,) = part(text, "pages", "access", closes=True)["rules"]
    assert rule["refusals"] == {"begins": ["/api"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (service(), {"host": "a", "scheme": "http", "hostHeader": "a"}),
        (service(more=", preserve_host: true"), {"host": "a", "scheme": "http"}),
        (service("url: https://a.net"), {"host": "a.net"}),
        (service("url: https://a.net:8443"), {"host": "a.net", "hostHeader": "a.net:8443"}),
        (service("url: https://a.net", more=", preserve_host: true"), {"host": "a.net", "serverName": "api.example.com"}),
        (
            service("host: up", rest="upstreams: [{name: up, targets: [{target: 'b:81', weight: 1}]}]"),
            {"host": "b", "scheme": "http", "hostHeader": "b:81"},
        ),
        (
            service("host: up", rest="upstreams: [{name: up, host_header: b.net, targets: [{target: 'b:81'}, {target: 'c:81'}]}]"),
            {
                "targets": [{"host": "b", "port": 81}, {"host": "c", "port": 81}],
                "scheme": "http",
                "hostHeader": "b.net:81",
            },
        ),
        (service("url: 'http://${HOST}:81'"), {"host": "${HOST}", "scheme": "http", "hostHeader": "${HOST}:81"}),
    ],
)  # fmt: skip
def test_the_workload_gets_the_host_as_before(text: str, expected: Any) -> None:
    assert upstreams(text) == {"kong/a": expected}


def test_https_needs_certificates() -> None:
    text = service("url: https://a.net:8443")
    assert (
        "verify `a.net` to `stacks/upstreams-ca.pem`"
        in (adopted(text).files[REPORT])
    )
    files = adopted(text, ca="-----BEGIN CERTIFICATE-----\n").files
    assert files["stacks/upstreams-ca.pem"] == "-----BEGIN CERTIFICATE-----\n"
    assert "stacks/upstreams-ca.pem" not in files[REPORT]


@pytest.mark.parametrize(
    ("plugin", "trait", "expected"),
    [
        ("{name: rate-limiting, config: {minute: 5, policy: local, limit_by: ip}}", "rate-limit", {"per": "address", "requests": {"minute": 5}}),
        ("{name: request-size-limiting, config: {allowed_payload_size: 8}}", "limits", {"body": "8Mi"}),
        ("{name: cors, config: {origins: ['https://w.test'], credentials: true}}", "cors", {"origins": ["https://w.test"], "credentials": True}),
        ("{name: bot-detection, config: {deny: [bad]}}", "kong-plugin", {"name": "bot-detection", "config": {"deny": ["bad"]}}),
    ],
)  # fmt: skip
def test_a_plugin_on_all_paths_becomes_a_trait(
    plugin: str, trait: str, expected: Any
) -> None:
    text = service(plugin=plugin)
    assert part(text, "a", trait) == expected
    assert new_side(adopted(text)).findings == []


@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        ("{name: cors, config: {origins: ['*']}}", "its origins are no list of https origins; write them into a trait cors"),
        ("{name: cors, config: {origins: ['https://w.test'], headers: [a_b]}}", "its headers are not listed; write them into a trait cors"),
        ("{name: cors, config: {origins: ['https://w.test'], max_age: 99999}}", "its max_age is not between 0 and 86400"),
        ("{name: http-log, config: {http_endpoint: http://SECRET}}", "no trait says the same"),
        ("{name: rate-limiting, config: {minute: 5, policy: redis}}", "it counts outside of Kong; set gateway.redis, and write a trait rate-limit"),
        ("{name: rate-limiting, config: {minute: 5, hour: 1000000001}}", "the trait rate-limit takes at most 1,000,000,000 requests"),
        ("{name: rate-limiting, config: {minute: 5, hour: '${LIMIT}'}}", "its windows are no windows of the trait rate-limit"),
        ("{name: request-size-limiting, config: {allowed_payload_size: 1000000}}", "its size has no form in the trait limits"),
    ],
)  # fmt: skip
def test_other_plugins_are_listed(plugin: str, why: str) -> None:
    files = adopted(service(plugin=plugin))
    (note,) = files.report.plugins
    assert (note.text, note.place) == (why, "kong.yaml:6")
    assert new_side(files).findings == []


URI = "{name: request-transformer, config: {replace: {uri: /v1/ping, headers: []}%s}}"


def test_a_path_in_place_of_all_paths_becomes_a_forward() -> None:
    """The expression has one text, so no other path is closed."""
    text = service(plugin=URI % "", path="'~/health$'")
    assert part(text, "a", "access")["forward"] == {"/health": "/v1/ping"}
    files = adopted(text)
    assert [route.status for route in files.report.routes] == ["adopted"]
    assert files.report.plugins == []
    new = new_side(files)
    assert new.findings == []
    old = read_old(f'_format_version: "3.0"\n{text}')
    assert old is not None
    assert compare(old, new, Random(1), 200, 2).wrong == []


@pytest.mark.parametrize(
    ("plugin", "path", "reason"),
    [
        (URI % "", "/health", "request-transformer sends paths below it to /v1/ping, too"),
        (URI % ", add: {headers: ['X-A:b']}", "'~/health$'", "plugin request-transformer of service 'a' changes requests or answers"),
        (URI % ", http_method: GET", "'~/health$'", "plugin request-transformer of service 'a' changes requests or answers"),
        (URI.replace("/v1/ping", "/$(headers.x)") % "", "'~/health$'", "a plugin replaces the path"),
    ],
)  # fmt: skip
def test_other_replaced_paths_keep_the_old_route(
    plugin: str, path: str, reason: str
) -> None:
    text = service(plugin=plugin, path=path)
    (route,) = adopted(text).report.routes
    (why,) = route.reasons
    assert route.status == "left"
    assert why.startswith(f"route 'r': {reason} (")


def test_harmless_global_plugins_stay() -> None:
    text = f"plugins: [{{name: prometheus}}, {{name: http-log}}]\n{OPEN}"
    assert adopted(text).report.plugins == []


def test_global_plugins_that_stop_a_run_become_traits() -> None:
    """In Kong, a plugin of a service replaces the global plugin of its kind."""
    text = f"""\
plugins:
- {{name: bot-detection, config: {{deny: [bot]}}}}
- {{name: rate-limiting, config: {{minute: 5, limit_by: ip}}}}
- {{name: request-size-limiting, config: {{allowed_payload_size: 2}}}}
- {{name: cors, config: {{origins: ['https://a.example']}}}}
{OPEN}"""
    written = adopted(text)
    application = yaml.safe_load(written.files[APPLICATION])
    for component in application["spec"]["components"]:
        properties = {
            trait["type"]: trait["properties"] for trait in component["traits"]
        }
        assert properties["kong-plugin"] == {
            "name": "bot-detection",
            "config": {"deny": ["bot"]},
        }
        assert properties["rate-limit"] == {
            "per": "address",
            "requests": {"minute": 5},
        }
        assert properties["limits"] == {"body": "2Mi"}
        assert properties["cors"] == {"origins": ["https://a.example"]}
    assert written.replaced == {"bot-detection", "rate-limiting"}
    assert written.report.plugins == []


def test_a_global_plugin_without_a_trait_is_listed() -> None:
    text = f"plugins: [{{name: cors, config: {{origins: ['*']}}}}]\n{OPEN}"
    (note,) = adopted(text).report.plugins
    assert note.place == "kong.yaml:2"


def test_each_host_has_its_gateway_trait() -> None:
    text = """\
services:
- name: a
  url: http://a
  routes: [{name: r, hosts: ["*.b.net", a.net, A.net], paths: [/r], strip_path: false}]
"""
    application = yaml.safe_load(adopted(text).files[APPLICATION])
    traits = application["spec"]["components"][0]["traits"]
    assert [
        (each["properties"]["domain"], each["properties"]["http"])
        for each in traits
        if each["type"] == "gateway"
    ] == [("a.net", {"/r": 80}), ("*.b.net", {"/r": 80})]


def test_methods_of_another_service_keep_the_old_routes() -> None:
    text = """\
services:
- {name: a, url: http://a, routes: [{name: read, paths: [/x], methods: [GET]}]}
- {name: b, url: http://b, routes: [{name: write, paths: [/x], methods: [POST]}]}
"""
    assert [status for _, status, _ in reasons(text)] == ["left", "left"]
    assert [status for _, status, _ in reasons(text, closes=True)] == [
        "adopted",
        "closed",
    ]
