"""Records of requests (`gateway.logs`) in the sandbox's Kong, a stand-in: they agree with `decide`
and contain no secrets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import jsonschema_rs
import pytest

from kong_oam.access.model import METHODS
from kong_oam.access.settings.logs import LogSettings
from kong_oam.access.stack import Records
from kong_oam.kong.table import revision
from kong_oam.metrics.counters import Counters
from sandbox.kong import Answer, Kong
from tests.support import kong_deployment
from tests.support.documentation import page
from tests.support.estates import api, estate
from tests.support.gateway_cases import Case, landmarks
from tests.support.gateway_estates import (
    Scene,
    issuers,
    nested_applications,
    stack,
)
from tests.support.json_object import JsonObject
from tests.support.old_credentials import LAST_SECOND, add_consumers, texts
from tests.support.scenes import gateway_of

STACK = replace(stack("tests"), records=Records(("page",)))
SCENE = Scene(
    estate(*nested_applications("example.com"), stack=STACK),
    issuers(STACK, time.time()),
)
MAIN = SCENE.issuers["main"]
FORM = jsonschema_rs.validator_for(
    json.loads(page("reference/record.schema.json"))
)


class Recorded:
    """The sandbox's Kong with records in a file; `ask` gives an answer and its record."""

    def __init__(self, kong: Kong, file: Path) -> None:
        self._kong, self._file = kong, file

    def ask(self, raw: bytes) -> tuple[Answer, JsonObject]:
        self._file.write_bytes(b"")
        answer = self._kong.handle(raw, scheme=STACK.scheme)
        return answer, json.loads(self._file.read_bytes())


@pytest.fixture(scope="module")
def kong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    file = tmp_path_factory.mktemp("records") / "records"
    with gateway_of(SCENE, logs=LogSettings(file=str(file))) as gateway:
        yield Recorded(gateway, file)


def _cases() -> Iterator[Case]:
    """Each place with every method, by nobody, by services and users who hold all, some or nothing, and with bad tokens."""
    for number, case in enumerate(landmarks(SCENE)):
        component = case.meant(SCENE).component
        assert component is not None
        issuer = SCENE.issuers[component.identity.provider]
        users = [
            issuer.user(
                component.identity.scopes, map(issuer.provider.group, groups)
            )
            for groups in (("sales",), ("desk", "x"), ())
        ]
        tokens = [
            issuer.service(component.identity.scopes),
            issuer.service(()),
            issuer.service(component.identity.scopes, "d"),
            *users,
        ]
        for method in METHODS:
            yield replace(case, method=method, authorization=())
            yield replace(
                case,
                method=method,
                authorization=(f"Bearer {tokens[number % len(tokens)]}",),
            )
        for token in tokens:
            yield replace(case, authorization=(f"Bearer {token}",))
        if number % 5 == 0:
            faults = issuer.faults(
                component.identity.scopes, SCENE.issuers["other"]
            )
            for fault in (
                "expired",
                "another issuer",
                "not yet valid",
                "unsigned",
            ):
                if fault in faults:
                    yield replace(
                        case,
                        authorization=(f"Bearer {faults[fault]}",),
                        fault=fault,
                    )
        yield replace(case, target=case.target + b"/%2e%2e;/x")
        yield replace(case, authorization=("bearer x",))


def test_a_record_says_what_decide_says(kong: Recorded) -> None:
    """The code of why, the rule by file and line, and who called: of everything that is allowed or refused."""
    codes = set()
    for case in _cases():
        decision = case.meant(SCENE)
        answer, record = kong.ask(case.raw())
        codes.add(record["code"])
        FORM.validate(record)
        assert (record["status"], record["code"]) == (
            answer.status,
            decision.code,
        ), (
            case,
            decision,
            record,
        )
        assert record["decision"] == (
            "allowed" if decision.allowed else "refused"
        )
        assert decision.component is None or (
            record["component"],
            record["stack"],
        ) == (
            decision.component.key,
            "tests",
        )
        upstream_headers = (
            {name.lower(): value for name, value in answer.upstream.headers}
            if answer.upstream
            else {}
        )
        if upstream_headers.get("x-auth-client"):
            assert (record["client"], record["subject"]) == (
                upstream_headers["x-auth-client"],
                upstream_headers["x-auth-subject"],
            )
            assert " ".join(record.get("scopes", ())) == upstream_headers.get(
                "x-auth-scopes", ""
            )
        if decision.allowed and decision.rule:
            assert decision.component is not None
            lets_in = [
                rule
                for rule in decision.component.owned[decision.rule.path]
                if rule.lists(case.method)
                and (
                    rule.public
                    or set(rule.scopes) <= set(record.get("scopes", ()))
                )
            ]
            assert record["rule"] in {
                str(rule.position).rpartition(":")[0] for rule in lets_in
            }
        marks = {name.lower(): value for name, value in answer.headers}
        assert record["requestId"] == marks["x-kong-request-id"]
        if record["status"] >= 400:
            assert json.loads(answer.body)["requestId"] == record["requestId"]
    assert {
        "allowed",
        "public",
        "scope-missing",
        "method-not-listed",
        "ambiguous-path",
        "token-needed",
    } <= codes
    assert {"malformed-authorization", "token-not-verified"} <= codes


SECRETS = (
    b"Cookie: session=hidden-1",
    b"apikey: hidden-2",
    b"X-Api-Key: hidden-3",
    b"Proxy-Authorization: Basic hidden-4",
)


def request(target: bytes, *headers: bytes) -> bytes:
    """A GET at `orders.example.com`, where `/orders` needs the scope `read`."""
    lines = [
        b"GET " + target + b" HTTP/1.1",
        b"Host: orders.example.com",
        *headers,
    ]
    return b"\r\n".join([*lines, b"", b""])


def test_of_kongs_own_record_only_what_is_counted_by_is_left(
    kong: Recorded,
) -> None:
    """Kong's has cookies, keys and the query string in it; of that, only the parameters that the stack lists are here."""
    token = MAIN.service(())
    raw = request(
        b"/orders?apikey=hidden-5&page=2&page=%FF",
        *SECRETS,
        f"Authorization: Bearer {token}".encode(),
    )
    _, record = kong.ask(raw)
    of_the_moment = (
        "requestId",
        "time",
        "latencies",
        "revision",
        "node",
        "worker",
        "sequence",
    )
    assert set(of_the_moment) <= set(record)
    assert {
        name: value
        for name, value in record.items()
        if name not in of_the_moment
    } == {
        "version": 1,
        "stack": "tests",
        "component": "orders/api",
        "port": "8080",
        "method": "GET",
        "host": "orders.example.com",
        "path": "/orders",
        "query": {"page": "%FF"},
        "client": "c",
        "caller": "callers/all",
        "user": False,
        "subject": "c",
        "decision": "refused",
        "status": 403,
        "code": "scope-missing",
        "rule": "app1.yaml:17",
        "rulePath": "/orders",
        "address": "127.0.0.1",
        # The fields that Kong's counting plugins need:
        "service": {"name": "kong-oam.tests.orders.api.8080"},
        "route": {"name": "kong-oam.tests.orders.api.8080.protected-1"},
        "response": {"status": 403},
        "workspace_name": "default",
    }
    record_text = json.dumps(record)
    assert (
        "hidden" not in record_text
        and token not in record_text
        and token.split(".")[2] not in record_text
    )


_LIKE_MARKS = ("\uff1f", "\uff1b", "\uff03", "\u037e", "\ufe56", "\u00bf")
MARKS = (
    *(mark.encode() for mark in _LIKE_MARKS),
    *(
        "".join(f"%{byte:{form}}" for byte in mark.encode()).encode()
        for mark in _LIKE_MARKS
        for form in ("02X", "02x")
    ),
    b"\xef%bC\x9f",
)
"""What other servers may read as ? ; or #."""


@pytest.mark.parametrize(
    "target",
    [
        "/\u00e9/%2e%2e;".encode(),
        *(
            b"/a#token=hidden",
            b"/a;jsessionid=hidden",
            b"/a%3Ftoken=hidden",
            b"/a%3btoken=hidden",
            b"/a%253Ftoken=hidden",
        ),
        *(b"/a" + mark + b"token=hidden" for mark in MARKS),
        b"/%2e%2e;?a=\xff",
    ],
)
def test_no_spelling_loses_a_record(kong: Recorded, target: bytes) -> None:
    """Bytes that are not UTF-8 are percent-encoded. Text after a # or ; is not part of the path and
    may be a token. Text after an encoded ? was a query for its author."""
    raw = request(
        b"/orders" + target,
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    answer, record = kong.ask(raw)
    assert (answer.status, record["code"]) == (400, "ambiguous-path")
    assert record["path"].isascii() and "hidden" not in record["path"]
    assert (
        record["traceparent"]
        == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )


@pytest.mark.parametrize(
    "traceparent",
    ["00-" + "a" * 5000 + "-b7ad6b7169203331-01", "hidden", "00-0af7-b7ad-01"],
)
def test_what_is_let_through_is_recorded_without_a_fragment(
    kong: Recorded, traceparent: str
) -> None:
    """An encoded # passes as a letter of a name, but the text after it may be a token. A record has
    only valid trace contexts."""
    raw = request(
        b"/orders/a%23token=hidden/b", f"traceparent: {traceparent}".encode()
    )
    answer, record = kong.ask(raw)
    assert (
        answer.status != 400
        and record["path"].endswith("/a%23")
        and "traceparent" not in record
    )


@pytest.mark.parametrize(
    "spelled", ["gr\u00f6\u00dfe".encode(), b"gr%c3%b6%C3%9Fe"]
)
def test_letters_of_other_alphabets_stay_in_a_record(
    kong: Recorded, spelled: bytes
) -> None:
    """`explain` decides by the path that was recorded."""
    answer, record = kong.ask(request(b"/orders/" + spelled + b"/more"))
    assert answer.status != 400 and record["path"].endswith(
        "/gr%C3%B6%C3%9Fe/more"
    )


def test_a_record_names_the_table_that_decided(kong: Recorded) -> None:
    """By the digest that anybody can make of Applications and settings."""
    _, record = kong.ask(request(b"/orders"))
    assert record["revision"] == revision(
        SCENE.estate,
        SCENE.estate.components["orders/api"],
        "8080",
        "kong-oam.tests.ring.main",
    )


@pytest.mark.parametrize(
    ("status", "note"), [(200, "answered"), (302, "answered"), (418, "refused")]
)
def test_what_a_plugin_answers_in_its_place_is_no_refusal(
    tmp_path: Path, status: int, note: str
) -> None:
    """A cache, say, that stands there by a waiver: callers got what they asked for."""
    file = tmp_path / "records"
    with Kong(now=lambda: SCENE.now) as gateway:
        kong_deployment.deploy(
            gateway.admin_url,
            SCENE.estate,
            SCENE.pems,
            logs=LogSettings(file=str(file)),
        )
        body = {
            "name": "request-termination",
            "config": {"status_code": status, "body": "from a cache"},
        }
        httpx.post(
            f"{gateway.admin_url}/services/kong-oam.tests.orders.api.8080/plugins",
            json=body,
        ).raise_for_status()
        answer = gateway.handle(request(b"/orders/health"), STACK.scheme)
    record = json.loads(file.read_bytes())
    FORM.validate(record)
    assert (
        answer.status,
        record["status"],
        record["decision"],
        record["code"],
    ) == (
        status,
        status,
        note,
        note,
    )


def test_a_preflight_is_answered_and_recorded(tmp_path: Path) -> None:
    """Neither allowed nor refused: nobody asked the workload for anything."""
    file = tmp_path / "records"
    orders = api(
        access="{owner: o, rules: [{methods: [GET], public: {reason: r}}]}"
    )
    cors = "        - {type: cors, properties: {origins: [https://partner.example]}}\n"
    with Kong() as gateway:
        kong_deployment.deploy(
            gateway.admin_url,
            estate(orders + cors, stack=STACK),
            {"main": {}},
            logs=LogSettings(file=str(file)),
        )
        answer = gateway.handle(
            b"OPTIONS /orders HTTP/1.1\r\nHost: orders.example.com\r\n"
            b"Origin: https://partner.example\r\n"
            b"Access-Control-Request-Method: GET\r\n\r\n",
            "https",
        )
    record = json.loads(file.read_text())
    FORM.validate(record)
    assert (
        answer.status,
        record["decision"],
        record["code"],
        record["status"],
    ) == (
        204,
        "answered",
        "preflight",
        204,
    )


def test_without_the_code_of_ports_a_record_says_so(tmp_path: Path) -> None:
    """Nothing else of the request; the alert on failures counts it, and so does Kong, by service."""
    file, counters = tmp_path / "records", Counters()
    with Kong(now=lambda: SCENE.now) as gateway:
        logs = LogSettings(file=str(file))
        kong_deployment.deploy(
            gateway.admin_url, SCENE.estate, SCENE.pems, logs=logs, metrics=True
        )
        for entity in gateway.entities("plugins"):
            if entity["name"] == "pre-function":
                httpx.delete(
                    f"{gateway.admin_url}/plugins/{entity['id']}"
                ).raise_for_status()
        answer = gateway.handle(
            request(b"/orders?apikey=hidden"), scheme=STACK.scheme
        )
        counted = httpx.get(f"{gateway.admin_url}/metrics").text
    record = json.loads(file.read_bytes())
    FORM.validate(record)
    assert (answer.status, record["status"], record["code"]) == (
        503,
        503,
        "not-admitted",
    )
    assert set(record) == {
        "version",
        "requestId",
        "code",
        "decision",
        "status",
        "service",
        "route",
        "response",
        "workspace_name",
    }
    counters.add(file.read_bytes())
    assert {"kong_oam_failures_total 1", "kong_oam_unread_lines_total 0"} <= {
        *counters.lines()
    }
    assert re.search(
        rf'kong_http_requests_total{{service="{record["service"]["name"]}".*code="503"',
        counted,
    )


def test_a_record_says_by_key(tmp_path: Path) -> None:
    """The caller is the client's component, and `metrics` counts who still has a key."""
    scene = Scene(
        estate(*texts(), stack=STACK), issuers(STACK, LAST_SECOND, 1e8)
    )
    file = tmp_path / "records"
    counters = Counters()
    with gateway_of(scene, logs=LogSettings(file=str(file))) as gateway:
        add_consumers(gateway.admin_url)
        asker = Recorded(gateway, file)
        lines = "GET /orders HTTP/1.1\r\nHost: orders.example.com\r\n"
        answer, record = asker.ask(f"{lines}apikey: acme-key\r\n\r\n".encode())
        counters.add(file.read_bytes())
        _, denied = asker.ask(f"{lines}apikey: other-key\r\n\r\n".encode())
        counters.add(file.read_bytes())
    assert answer.status == 200
    FORM.validate(record)
    FORM.validate(denied)
    assert (record["by"], record["caller"]) == ("key-auth", "acme/partner")
    assert (record["scopes"], record["user"]) == (["read"], False)
    assert (denied["code"], "by" in denied) == (
        "credential-not-accepted",
        False,
    )
    assert "acme-key" not in json.dumps([record, denied])
    assert (
        'kong_oam_old_credentials_total{stack="tests",component="orders/api",'
        'caller="acme/partner",by="key-auth",decision="allowed"} 1'
    ) in [*counters.lines()]
