"""Read decK files: nested and flat lists, several files, old formats, and bad input."""

from __future__ import annotations

import pytest

from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.entities import OldKong
from kong_oam.diagnostics import Diagnostics, errors
from tests.support.repository import DATA

NESTED = """\
_format_version: "3.0"
_info: {select_tags: [shop], defaults: {route: {strip_path: false}}}
services:
- name: orders
  url: https://user:hunter2@orders.internal:8443/base
  routes:
  - name: orders-api
    paths: [/orders, ~/v2/orders$]
    plugins:
    - {name: key-auth, config: {key_names: [x-key], hide_credentials: true}}
  plugins:
  - {name: acl, config: {whitelist: [sales]}}
consumers:
- username: acme
  acls: [{group: sales}, {group: audit}]
  keyauth_credentials: [{key: hunter2}, {key: hunter3, id: k-2}]
  jwt_secrets: [{key: hunter4, algorithm: RS256}]
upstreams:
- {name: pool, targets: [{target: 10.0.0.7}]}
"""

FLAT = """\
_format_version: "3.0"
services: [{name: orders, host: orders, port: 80}]
routes: [{name: orders-api, service: orders, paths: [/orders]}]
plugins: [{name: jwt, service: {name: orders}}, {name: cors}]
consumers: [{username: acme}]
acls: [{consumer: acme, group: sales}]
jwt_secrets: [{consumer: acme, key: hunter2, secret: hunter3}]
"""


def _read(*texts: str) -> OldKong:
    old, findings = read_deck(
        (f"{number}.yaml", text.encode()) for number, text in enumerate(texts)
    )
    assert old is not None, findings
    return old


def _findings(*texts: str) -> Diagnostics:
    return read_deck(
        (f"{number}.yaml", text.encode()) for number, text in enumerate(texts)
    )[1]


def test_nested_entities_belong_to_the_entity_around_them() -> None:
    """A plugin of a route is not limited to the service around the route."""
    old = _read(NESTED)
    service, route = old.services[0], old.routes[0]
    assert (service.protocol, service.host, service.port, service.path) == (
        "https",
        "orders.internal",
        8443,
        "/base",
    )
    assert route.service is service
    assert route.paths == ("/orders", "~/v2/orders$")
    scopes = [
        (plugin.name, plugin.route, plugin.service) for plugin in old.plugins
    ]
    assert sorted(scopes) == [
        ("acl", "", "orders"),
        ("key-auth", "orders-api", ""),
    ]


def test_defaults_count_where_a_field_is_missing() -> None:
    """`_info.defaults` of a kind fills missing fields of its entities."""
    old = _read(NESTED)
    assert old.routes[0].strip_path is False
    assert old.select_tags == ("shop",)


def test_a_target_without_a_port_gets_the_port_of_kong() -> None:
    """Kong uses port 8000."""
    assert _read(NESTED).upstreams[0].targets[0].target == "10.0.0.7:8000"


def test_former_names_of_settings_become_current_names() -> None:
    """`whitelist` of `acl` is `allow` today."""
    acl = next(p for p in _read(NESTED).plugins if p.name == "acl")
    assert acl.config == {"allow": ["sales"]}


def test_flat_lists_refer_by_name() -> None:
    """Routes, plugins, groups and credentials may be in lists of their own."""
    old = _read(FLAT)
    assert old.routes[0].service is old.services[0]
    assert [(p.name, p.service) for p in old.plugins] == [
        ("jwt", "orders"),
        ("cors", ""),
    ]
    assert old.consumers[0].groups == ("sales",)
    assert old.consumers[0].kinds == ("jwt",)


def test_no_credential_is_kept() -> None:
    """Neither values nor findings have a key, a secret or a password, with a broken file too."""
    broken = NESTED.replace("upstreams:", "upstreams: [")
    old, findings = read_deck([("a.yaml", NESTED.encode())])
    _, of_broken = read_deck([("a.yaml", broken.encode())])
    shown = repr(old) + repr(old and old.plugins) + repr(findings)
    shown += "".join(map(str, of_broken)) + repr(of_broken)
    assert "hunter" not in shown
    assert old is not None
    kinds = [(c.kind, c.id, c.algorithm) for c in old.consumers[0].credentials]
    assert kinds == [
        ("key-auth", "", ""),
        ("key-auth", "k-2", ""),
        ("jwt", "", "RS256"),
    ]


def test_a_number_that_is_a_credential_is_not_quoted() -> None:
    """The YAML reader quotes numbers that it rejects; a key may look like a number."""
    text = NESTED.replace("key: hunter2", "key: 001234567012")
    findings = _findings(text)
    assert [finding.code for finding in findings] == ["ADOPT501"]
    assert "001234567012" not in str(findings[0]) + repr(findings[0])


def test_values_of_unread_settings_are_left_out() -> None:
    """Only names of settings are kept that the model does not read: values may be secrets."""
    text = (
        NESTED
        + "plugins:\n- {name: http-log, config: {http_endpoint: 'https://u:hunter9@x', headers: {a: hunter8}}}\n"
    )
    text += "- {name: request-transformer, config: {add: {headers: ['authorization:hunter7']}, replace: {uri: /x}}}\n"
    old = _read(text)
    log, transformer = old.plugins[-2:]
    assert log.config == {}
    assert log.other_config == ("headers", "http_endpoint")
    assert transformer.config == {
        "add": {"headers": ("authorization",)},
        "replace": {"uri": "/x"},
    }
    assert "hunter" not in repr(old)


def test_files_are_one_configuration() -> None:
    """Lists of several files are appended, and a file may refer to another."""
    services = (
        '_format_version: "3.0"\nservices: [{name: orders, host: orders}]\n'
    )
    routes = '_format_version: "3.0"\nroutes: [{name: r, service: orders, paths: [/a]}]\n'
    old = _read(services, routes)
    assert old.routes[0].service is old.services[0]
    assert str(old.routes[0].position) == "1.yaml:2:10"


def test_shared_plugin_settings_are_below_the_own_settings() -> None:
    """`_config` names settings of `_plugin_configs`."""
    text = (
        '_format_version: "3.0"\n'
        "_plugin_configs: {usual: {minute: 5, hour: 9}}\n"
        "plugins: [{name: rate-limiting, _config: usual, config: {minute: 7}}]\n"
    )
    assert _read(text).plugins[0].config == {"minute": 7, "hour": 9}


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        ("/orders/7", "/orders/7"),
        ("/a%2Db//c", "/a-b/c"),
        ("/orders/\\d+", "~/orders/\\d+"),
        ("/a(b)", "~/a(b)"),
        ("/a%2Eb+", "~/a\\.b+"),
    ],
)
@pytest.mark.parametrize("version", ["1.1", '"2.1"'])
def test_old_formats_have_expressions_without_a_sign(
    version: str, declared: str, path: str
) -> None:
    """Before format 3.0, a path with other than plain characters is a regular expression."""
    text = f"_format_version: {version}\nroutes: [{{name: r, paths: ['{declared}']}}]\n"
    route = _read(text).routes[0]
    assert (route.paths, route.declared_paths) == ((path,), (declared,))


def test_placeholders_stay() -> None:
    """Texts keep `${...}` and `${{ env }}` as they are; in a boolean they are unknown."""
    text = (
        '_format_version: "3.0"\n'
        "services:\n"
        "- {name: a, url: 'http://api-${ENV}.internal:${PORT}/x', enabled: '${ON}'}\n"
        "- {name: b, host: '${{ env \"DECK_HOST\" }}', port: '${{ env \"P\" }}'}\n"
    )
    old, findings = read_deck([("a.yaml", text.encode())])
    assert old is not None
    first, second = old.services
    assert (first.host, first.port, first.path) == (
        "api-${ENV}.internal",
        "${PORT}",
        "/x",
    )
    assert first.unknown == ("enabled",)
    assert (second.host, second.port) == (
        '${{ env "DECK_HOST" }}',
        '${{ env "P" }}',
    )
    assert [str(finding) for finding in findings] == [
        "a.yaml:3:67: warning ADOPT508: 'enabled' of a service is a placeholder, so its effect is unknown; substitute it first"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "0.yaml:2:1: error ADOPT501: did not find expected node content"),
        ("{{- if .x }}\n_format_version: '3.0'\n{{- end }}\n", "0.yaml:1:3: error ADOPT501: did not find expected node content; the file has template actions `{{`: render it first"),
        ("", "0.yaml:1:1: error ADOPT501: the file is empty; leave it out"),
        ("- a", "0.yaml:1:1: error ADOPT501: the file is no mapping, as decK files are; check the file's name"),
        ("a: 1\n---\nb: 1\n", "0.yaml:1:1: error ADOPT501: the file has 2 documents; decK reads only the first; split it"),
        ("services: []", "0.yaml:1:1: error ADOPT502: no file has a '_format_version'; write _format_version: \"3.0\", or 1.1 or 2.1"),
        ("_format_version: '0.9'", "0.yaml:1:18: error ADOPT502: format '0.9' is unknown; write _format_version 1.1, 2.1, 3.0"),
        ("apis: []", "0.yaml:1:7: error ADOPT502: 'apis' are of Kong 0.x; convert the file to services and routes (`deck file convert`, or by hand)"),
        ("_format_version: '3.0'\nservices: {}", "0.yaml:2:11: error ADOPT503: 'services' is no list; write a list of entities"),
        ("_format_version: '3.0'\nservices: [a]", "0.yaml:2:12: error ADOPT503: an entry of 'services' is no mapping; write the fields of the service"),
        ("_format_version: '3.0'\nroutes: [{name: r, paths: /a}]", "0.yaml:2:27: error ADOPT503: 'paths' of a route is not a list of texts; write a list of texts"),
        ("_format_version: '3.0'\nservices: [{name: s, url: hunter2}]", "0.yaml:2:27: error ADOPT503: 'url' of a service is no URL; write protocol://host:port/path"),
        ("_format_version: '3.0'\nroutes: [{name: r, service: ordres}]\nservices: [{name: orders, host: o}]", "0.yaml:2:29: error ADOPT504: no service has the name 'ordres'; did you mean 'orders'?"),
        ("_format_version: '3.0'\nplugins: [{name: cors, _config: x}]", "0.yaml:2:33: error ADOPT504: _plugin_configs has no 'x'"),
        ("_format_version: '3.0'\nservices: [{name: a, host: a}, {name: a, host: b}]", "0.yaml:2:32: error ADOPT505: service 'a' is declared twice, first at 0.yaml:2:12; remove or rename one"),
        ("_format_version: '3.0'\nplugins: [{name: cors}, {name: cors}]", "0.yaml:2:25: error ADOPT505: plugin cors of everything (global) is declared twice, first at 0.yaml:2:11; remove or rename one"),
        ("_format_version: '3.0'\nconsumers: [{}]", "0.yaml:2:13: error ADOPT503: a consumer has no name; write a name"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_clear_message(text: str, message: str) -> None:
    """Each mistake has a single message with its place, and no source line."""
    old, findings = read_deck([("0.yaml", text.encode())])
    assert old is None
    assert [str(finding) for finding in findings] == [message]


def test_files_of_two_workspaces_are_rejected() -> None:
    """decK syncs one workspace; two would be two gateways."""
    first = '_format_version: "3.0"\n_workspace: a\n'
    findings = _findings(first, first.replace("_workspace: a", "_workspace: b"))
    assert [str(finding) for finding in findings] == [
        "1.yaml:2:13: error ADOPT507: the files have different workspaces, 'a' and 'b'; read them separately"
    ]


def test_an_unknown_field_is_a_warning_and_is_kept_by_name() -> None:
    """An unknown field may change an answer, so the answer is unknown later."""
    text = "_format_version: '3.0'\nbananas: []\nroutes: [{name: r, paths: [/a], banana: 1}]\n"
    old, findings = read_deck([("0.yaml", text.encode())])
    assert old is not None
    assert old.routes[0].unknown == ("banana",)
    assert [str(finding) for finding in findings] == [
        "0.yaml:2:10: warning ADOPT506: 'bananas' is not understood, and left out; check by hand what it changes",
        "0.yaml:3:41: warning ADOPT506: field 'banana' of a route is not understood; check by hand what it changes",
    ]


def test_an_entity_without_a_name_gets_a_stable_name() -> None:
    """The name says the entity's place, so that the same file gives the same name."""
    text = "_format_version: '3.0'\nservices: [{name: a, host: a, routes: [{paths: [/a]}, {paths: [/b]}]}]\n"
    assert [route.name for route in _read(text).routes] == [
        "a-route-1",
        "a-route-2",
    ]


def test_stream_routes_are_left_alone() -> None:
    """A TCP route takes no HTTP request."""
    text = "_format_version: '3.0'\nroutes: [{name: t, protocols: [tcp], destinations: [{port: 9001}]}, {name: g, protocols: [grpc], paths: [/g]}]\n"
    old = _read(text)
    assert [route.name for route in old.left_alone] == ["t", "g"]
    assert old.routes[0].destinations == (":9001",)


FILES = sorted(
    [*(DATA / "adopt" / "deck").glob("*"), *(DATA / "adopt").glob("sunbird.*")]
)


@pytest.mark.skipif(not FILES, reason=f"no decK files in {DATA / 'adopt'}")
def test_real_files_are_read_or_rejected_with_one_message() -> None:
    """Only a template is rejected."""
    rejected = {}
    for file in FILES:
        old, findings = read_deck([(file.name, file.read_bytes())])
        if old is None:
            rejected[file.name] = len(errors(findings))
    assert [*rejected.values()] == [1]
    assert all("configmap" in name for name in rejected)
