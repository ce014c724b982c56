"""Answers of an old Kong: authentication, groups, answers of plugins, and unknown parts."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from kong_oam.access.data import NamesByName
from kong_oam.adopt.answers import Answers, OldAnswer, answer
from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.requests import NOBODY, UNKNOWN_TOKEN, OldCaller, OldRequest
from tests.support.old_kongs import answered, old_kong
from tests.support.recordings import recorded

ACME = OldCaller("acme", "key-auth")
BOTH = OldCaller("acme", "key-auth", ("basic-auth",))
OTHER = OldCaller("other", "key-auth")
BASIC = OldCaller("acme", "basic-auth")

KONG = """\
services: [{name: s, url: "http://s.internal:8080/base", routes: [{name: r, paths: [/t]}]}]
consumers:
- {username: acme, custom_id: c-1, acls: [{group: sales}], keyauth_credentials: [{key: a}], basicauth_credentials: [{username: a, password: b}]}
- {username: other, keyauth_credentials: [{key: b}]}
- {username: nobody}
"""


def _answers(plugins: str, method: str = "GET") -> dict[str, str]:
    """Return the answer to each caller: `passes`, `unknown`, or a status."""
    old = old_kong(f"{KONG}plugins:\n{plugins}")
    answers = {}
    for name, caller in {
        "nobody": NOBODY,
        "token": UNKNOWN_TOKEN,
        "acme": ACME,
        "other": OTHER,
        "basic": BASIC,
        "both": BOTH,
    }.items():
        found = answered(old, "/t", method, caller)
        answers[name] = (
            found.outcome if found.outcome != "denied" else str(found.status)
        )
    return answers


def test_a_route_without_plugins_is_open() -> None:
    """Everybody passes; the path and the Host are those that Kong sends."""
    found = answered(old_kong(KONG), "/t/x%20y")
    assert found.outcome == "passes"
    sent = found.destination
    assert sent is not None
    assert (sent.protocol, sent.host, sent.port, sent.upstream) == (
        "http",
        "s.internal",
        8080,
        False,
    )
    assert (sent.path, sent.host_header) == ("/base/x%20y", "s.internal:8080")


def test_key_auth_needs_a_key() -> None:
    """Other credentials and tokens of strangers get 401."""
    assert _answers("- {name: key-auth}") == {
        "nobody": "401", "token": "401", "acme": "passes", "other": "passes", "basic": "401", "both": "passes",
    }  # fmt: skip


def test_all_of_several_authentications_are_required() -> None:
    """Without an anonymous consumer, each plugin needs its own credential."""
    assert _answers("- {name: key-auth}\n- {name: basic-auth}") == {
        "nobody": "401", "token": "401", "acme": "401", "other": "401", "basic": "401", "both": "passes",
    }  # fmt: skip


def test_any_of_several_authentications_is_enough_with_an_anonymous_consumer() -> (
    None
):
    """Callers without a credential are the anonymous consumer, and pass."""
    plugins = "- {name: key-auth, config: {anonymous: nobody}}\n- {name: basic-auth, config: {anonymous: nobody}}"
    assert set(_answers(plugins).values()) == {"passes"}


def test_a_terminated_anonymous_consumer_is_denied() -> None:
    """The usual way to require any credential of several."""
    plugins = (
        "- {name: key-auth, config: {anonymous: nobody}}\n- {name: basic-auth, config: {anonymous: nobody}}\n"
        "- {name: request-termination, consumer: nobody, config: {status_code: 403}}"
    )
    assert _answers(plugins) == {
        "nobody": "403", "token": "403", "acme": "passes", "other": "passes", "basic": "passes", "both": "passes",
    }  # fmt: skip


def test_a_missing_anonymous_consumer_is_an_error_of_kong() -> None:
    """Kong answers 500, and does not pass the request on."""
    assert (
        _answers("- {name: key-auth, config: {anonymous: ghost}}")["nobody"]
        == "500"
    )


def test_groups_decide_after_authentication() -> None:
    """Without any group the answer is 403 with a credential, and 401 without."""
    plugins = "- {name: key-auth, config: {anonymous: nobody}}\n- {name: acl, config: {allow: [sales]}}"
    assert _answers(plugins) == {
        "nobody": "401", "token": "401", "acme": "passes", "other": "403", "basic": "401", "both": "passes",
    }  # fmt: skip
    denied = "- {name: key-auth}\n- {name: acl, config: {deny: [sales]}}"
    assert (_answers(denied)["acme"], _answers(denied)["other"]) == (
        "403",
        "passes",
    )


def test_groups_without_authentication_deny_everybody() -> None:
    """There is no consumer whose groups could match."""
    assert set(
        _answers("- {name: acl, config: {allow: [sales]}}").values()
    ) == {"401"}


def test_preflights_may_skip_authentication() -> None:
    """`run_on_preflight: false` lets every OPTIONS request pass."""
    plugins = "- {name: key-auth, config: {run_on_preflight: false}}"
    assert set(_answers(plugins, "OPTIONS").values()) == {"passes"}
    assert _answers("- {name: key-auth}", "OPTIONS")["nobody"] == "401"


def test_a_disabled_plugin_does_not_act() -> None:
    """`enabled: false` leaves a route open."""
    assert _answers("- {name: key-auth, enabled: false}")["nobody"] == "passes"


def test_the_most_specific_instance_acts() -> None:
    """The route's instance takes the place of the global instance."""
    plugins = "- {name: request-termination}\n- {name: request-termination, route: r, config: {status_code: 418}}"
    assert _answers(plugins)["nobody"] == "418"


def test_identity_headers_follow_the_consumer() -> None:
    """The workload learns the consumer, the credential and the groups, unless the route hides
    them."""
    old = old_kong(
        f"{KONG}plugins:\n- {{name: key-auth}}\n- {{name: acl, config: {{allow: [sales]}}}}"
    )
    found = answered(old, "/t", caller=ACME)
    assert found.identity == (
        "X-Consumer-Custom-ID", "X-Consumer-Groups", "X-Consumer-ID", "X-Consumer-Username", "X-Credential-Identifier",
    )  # fmt: skip
    assert found.sends_credential
    hidden = old_kong(
        f"{KONG}plugins: [{{name: key-auth, config: {{hide_credentials: true}}}}]"
    )
    assert not answered(hidden, "/t", caller=ACME).sends_credential


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        ("{name: opa-checks}", "plugin opa-checks of everything (global) may answer the request"),
        ("{name: openid-connect, service: s}", "plugin openid-connect of service 's' may answer the request"),
        ("{name: pre-function, config: {access: [return]}}", "plugin pre-function of everything (global) runs code"),
        ("{name: acl, config: {allow: [a], include_consumer_groups: true}}", "plugin acl of everything (global) asks consumer groups"),
        ("{name: key-auth, banana: 1}", "plugin key-auth of everything (global) has the field 'banana'"),
    ],
)  # fmt: skip
def test_a_part_that_is_not_understood_makes_the_answer_unknown(
    plugin: str, reason: str
) -> None:
    """The reason names the plugin, and its place."""
    found = answered(old_kong(f"{KONG}plugins:\n- {plugin}"), "/t")
    assert found.outcome == "unknown"
    assert [(r.text, str(r.position)) for r in found.reasons] == [
        (reason, "kong.yaml:8:3")
    ]


def test_the_known_parts_of_an_unknown_answer_are_answered() -> None:
    """A custom plugin may answer, but without it the request gets 401 or passes."""
    plugins = "plugins: [{name: opa-checks}, {name: key-auth}]"
    denied = answered(old_kong(KONG + plugins), "/t")
    passing = answered(old_kong(KONG + plugins), "/t", caller=ACME)
    assert (denied.outcome, denied.status) == ("unknown", 401)
    assert (
        passing.outcome,
        passing.status,
        passing.destination is not None,
    ) == ("unknown", 0, True)


def test_functions_after_the_answer_decide_nothing() -> None:
    """Code in the log phase does not change an answer."""
    plugins = "- {name: post-function, config: {log: [return]}}"
    assert _answers(plugins)["nobody"] == "passes"


def test_conditions_are_kept_beside_the_answer() -> None:
    """Addresses and user agents are not part of the request."""
    found = answered(old_kong(f"{KONG}plugins: [{{name: ip-restriction, config: {{allow: [10.0.0.0/8]}}}}, {{name: bot-detection}}, {{name: cors}}]"), "/t")  # fmt: skip
    assert found.outcome == "passes"
    assert found.networks is not None and found.networks.config == {
        "allow": ["10.0.0.0/8"]
    }
    assert [plugin.name for plugin in found.conditions] == ["bot-detection"]
    assert [plugin.name for plugin in found.also] == ["cors"]


def test_a_directory_decides_about_its_users() -> None:
    """Users of LDAP are no consumers: only the directory knows them."""
    old = old_kong(f"{KONG}plugins: [{{name: ldap-auth}}]")
    user = answered(old, "/t", caller=OldCaller(by="ldap-auth"))
    assert (user.outcome, user.status, user.identity) == (
        "unknown",
        0,
        ("X-Credential-Identifier",),
    )
    assert answered(old, "/t", caller=ACME).status == 401


@pytest.mark.parametrize(
    ("upstream", "host"),
    [
        ("targets: [{target: 'a:80'}]", "a"),
        ("targets: [{target: 'a:8080'}]", "a:8080"),
        ("targets: [{target: 'a:80'}, {target: 'b:80', weight: 0}]", "a"),
        ("targets: [{target: 'a:80'}, {target: 'b:80'}]", None),
        ("host_header: x.net, targets: [{target: 'a:80'}, {target: 'b:80'}]", "x.net"),
        ("host_header: x.net, targets: [{target: 'a:81'}, {target: 'b:82'}]", None),
        ("targets: []", None),
        ("use_srv_name: true, targets: [{target: 'a:80'}]", None),
    ],
)  # fmt: skip
def test_the_host_of_an_upstream_is_the_host_of_its_targets(
    upstream: str, host: str | None
) -> None:
    """It is unknown if targets get different headers."""
    old = old_kong(
        f"services: [{{name: s, host: pool, port: 99, routes: [{{name: r, paths: [/t]}}]}}]\nupstreams: [{{name: pool, {upstream}}}]"
    )
    sent = answered(old, "/t").destination
    assert sent is not None
    assert (sent.upstream, sent.host_header) == (True, host)


def test_a_route_without_a_service_answers_itself() -> None:
    """Kong answers 503 if no plugin answers."""
    found = answered(old_kong("routes: [{name: r, paths: [/t]}]"), "/t")
    assert (found.outcome, found.status) == ("denied", 503)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/t/%zz", 400), ("/../t", 400), ("/t/%00", 400), ("/t/*", 0), ("/t/..", 404), ("/t" + "/a" * 300, 0)],
)  # fmt: skip
def test_odd_paths_are_read_as_nginx_and_kong_read_them(
    path: str, status: int
) -> None:
    """nginx answers 400 to some; Kong resolves dot segments before it looks for a route."""
    assert answered(old_kong(KONG), path).status == status


# Statuses of plugins that decide by properties that a request here does not have.
BY_CONDITION = {
    403: "ip-restriction",
    413: "request-size-limiting",
    429: "rate-limiting",
}


def _may(found: OldAnswer, status: int) -> bool:
    """Return whether a plugin that the answer lists may have answered with the status."""
    plugins = [*found.also, *found.conditions, *filter(None, [found.networks])]
    names = {plugin.name for plugin in plugins}
    statuses = {plugin.config.get("status") for plugin in plugins}
    return BY_CONDITION.get(status) in names or status in statuses


def test_recorded_answers_of_plugins_are_equal(
    report: Callable[[str], None],
) -> None:
    """A request that reached the upstream passes, and another request is denied with the recorded
    status, or by a listed condition."""
    first, *cases = recorded("kong-3.10/recorded-plugins.jsonl")
    counts: Counter[str] = Counter()
    for case in cases:
        old = _recorded_kong(case, first["consumers_of_every_case"])
        if old is None:
            continue
        answers = Answers(old)
        for sent in case["requests"]:
            if not _is_judged(sent):
                continue
            request, caller = _sent(sent)
            found = answers.answer(request, caller)
            where = (
                case["case"],
                sent["method"],
                sent["status"],
                found.outcome,
                found.status,
            )
            counts[found.outcome] += 1
            if found.outcome == "unknown":
                continue
            if sent["reached_upstream"]:
                assert found.outcome == "passes", where
            elif found.outcome == "passes" or found.status != sent["status"]:
                is_expired = "expired" in case["case"]
                assert is_expired or _may(found, sent["status"]), where
    report(f"plugins of the old side, recorded: {dict(counts)}")
    assert counts["denied"] > 150 and counts["passes"] > 80


def _recorded_kong(
    case: dict[str, Any], everybody: list[Any]
) -> OldKong | None:
    """Return the Kong of a case, or None if Kong refused its configuration."""
    config = case.get("config")
    if not isinstance(config, dict) or "requests" not in case:
        return None
    own = config.get("consumers", [])
    names = {consumer["username"] for consumer in own}
    others = [
        consumer for consumer in everybody if consumer["username"] not in names
    ]
    whole = {
        **config,
        "_format_version": "3.0",
        "consumers": [*own, *others],
    }
    old, findings = read_deck([("kong.yaml", json.dumps(whole).encode())])
    assert old is not None, findings
    return old


def _is_judged(sent: dict[str, Any]) -> bool:
    """Return whether the answer depends only on properties that a request here has."""
    by_others = sent.get("status") in (502, 405, 414)
    return "method" in sent and not by_others and "?jwt=" not in sent["path"]


def _sent(sent: dict[str, Any]) -> tuple[OldRequest, OldCaller]:
    headers: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, value in sent.get("headers") or ():
        headers[name.lower()] += (value,)
    by_name: NamesByName = headers
    host = sent.get("host") or headers.get("host", ("api.example.com",))[0]
    request = OldRequest(
        sent["method"], host, sent["path"].partition("?")[0], "http", 0, by_name
    )
    kinds: list[Any] = []
    if "alice-key" in str(by_name.get("apikey")) + sent["path"]:
        kinds.append("key-auth")
    if "".join(by_name.get("authorization", ())).startswith("Bearer"):
        kinds.append("jwt")
    if not kinds or sent["status"] == 401:
        return request, NOBODY
    return request, OldCaller("alice", kinds[0], tuple(kinds[1:]))


def test_a_single_answer_is_the_answer_of_the_kong() -> None:
    """`answer` is a short form."""
    old = old_kong(KONG)
    request = OldRequest("GET", "x", "/t")
    assert answer(old, request, NOBODY) == Answers(old).answer(request, NOBODY)
