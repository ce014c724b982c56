"""Records of requests whose admission is gone, in the sandbox's Kong, a stand-in: nothing of Kong's own is in one."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from lupa.luajit21 import LuaRuntime

from kong_oam.access.settings.logs import HttpSink, LogSettings, TcpSink
from kong_oam.access.stack import Records
from kong_oam.kong import plugins
from kong_oam.metrics.counters import Counters
from sandbox.kong import Kong, records
from tests.support import kong_deployment
from tests.support.documentation import page
from tests.support.estates import api, estate
from tests.support.gateway_estates import Scene, issuers, stack
from tests.support.receivers import Receiver

STACK = replace(stack("tests"), records=Records(("page",)))
ORDERS = api(
    access="""
            owner: team
            scopes: {read: Read}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles: {viewer: {scopes: [read], groups: [sales]}}
"""
)
CLOSED = api("closed", domain="closed.example.com", http="{/: 80}")
"""Without rules, so that each call needs a token."""
SCENE = Scene(estate(ORDERS, CLOSED, stack=STACK), issuers(STACK, time.time()))
FORM = jsonschema_rs.validator_for(
    json.loads(page("reference/record.schema.json"))
)
SECRETS = (
    b"Cookie: session=hidden-1",
    b"apikey: hidden-2",
    b"X-Api-Key: hidden-3",
    b"Proxy-Authorization: Basic hidden-4",
)
BARE = {
    "version",
    "requestId",
    "code",
    "status",
    "service",
    "route",
    "response",
    "workspace_name",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """A gateway that records, and its sinks."""

    kong: Kong
    file: Path
    http: Receiver
    tcp: Receiver

    def sent(self, request_ids: list[str]) -> dict[str, bytes]:
        """The bytes that came at each sink, once there is a record of each of these requests."""
        for sink in (self.http, self.tcp):
            for request_id in request_ids:
                sink.record(request_id)
        return {
            "file": self.file.read_bytes(),
            "http": b"".join(self.http.payloads),
            "tcp": b"".join(self.tcp.payloads),
        }


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    file = tmp_path / "records"
    with (
        Receiver() as http,
        Receiver("tcp") as tcp,
        Kong(now=lambda: SCENE.now) as kong,
    ):
        logs = LogSettings(
            HttpSink(http.url), TcpSink("127.0.0.1", tcp.port), str(file)
        )
        kong_deployment.deploy(
            kong.admin_url, SCENE.estate, SCENE.pems, logs=logs
        )
        yield Recording(kong, file, http, tcp)


def _deleted(url: str) -> None:
    httpx.delete(url).raise_for_status()


def _disabled(url: str) -> None:
    httpx.patch(url, json={"enabled": False}).raise_for_status()


def _without_its_record(url: str) -> None:
    httpx.patch(url, json={"config": {"log": []}}).raise_for_status()


def _failing(url: str) -> None:
    script = "return function() kong.log.set_serialize_value('version', 1) error('x') end"
    httpx.patch(url, json={"config": {"log": [script]}}).raise_for_status()


MAIN = SCENE.issuers["main"]
TOKENS = {
    "a service with its scope": MAIN.service(["read"]),
    "a service without scopes": MAIN.service([]),
    "a user": MAIN.user(["read"], ["sales"]),
    "nobody that is verified": "x.y.hidden-7",
}
PLACES = [
    (b"orders.example.com", b"/orders", "a service with its scope"),
    (b"orders.example.com", b"/orders/health", "a service without scopes"),
    (b"orders.example.com", b"/orders/7", "a user"),
    (b"closed.example.com", b"/", "nobody that is verified"),
]


def _calls() -> Iterator[bytes]:
    """Each place without a token, and with one."""
    for host, path, caller in PLACES:
        bearer = f"Authorization: Bearer {TOKENS[caller]}".encode()
        for authorization in ((), (bearer,)):
            lines = [
                b"GET " + path + b"?apikey=hidden-5&page=hidden-6 HTTP/1.1",
                b"Host: " + host,
                *authorization,
                *SECRETS,
            ]
            yield b"\r\n".join([*lines, b"", b""])


def _answers_without(
    recording: Recording, spoil: Callable[[str], None]
) -> list[Any]:
    """Spoils the admission of each port; the answers to all calls."""
    for plugin in recording.kong.entities("plugins"):
        if plugin["name"] == "pre-function" and plugin["service"]:
            spoil(f"{recording.kong.admin_url}/plugins/{plugin['id']}")
    return [recording.kong.handle(raw, STACK.scheme) for raw in _calls()]


@pytest.mark.parametrize("spoil", [_deleted, _disabled, _without_its_record])
def test_no_sink_gets_kongs_own_record(
    recording: Recording,
    spoil: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each sink clears it by itself, and clears a field that Kong may add one day."""
    kongs = records._kongs
    monkeypatch.setattr(
        records,
        "_kongs",
        lambda exchange: {**kongs(exchange), "tomorrow": "hidden-8"},
    )
    answers = _answers_without(recording, spoil)
    ids = [dict(answer.headers)["X-Kong-Request-Id"] for answer in answers]
    for sink, sent in recording.sent(ids).items():
        assert b"hidden" not in sent, sink
        for caller, token in TOKENS.items():
            signature = token.rpartition(".")[2].encode()
            assert signature not in sent, (sink, caller)
    for answer, line in zip(
        answers, recording.file.read_bytes().splitlines(), strict=True
    ):
        record = json.loads(line)
        FORM.validate(record)
        assert set(record) - {"decision"} == BARE
        assert record["status"] == answer.status
        assert set(record["service"]) | set(record["route"]) == {
            "name"
        } and set(record["response"]) == {"status"}


def test_a_script_that_fails_ends_all_logs_of_a_call(
    recording: Recording,
) -> None:
    """Kong 3.9.1 was seen to run no further plugin then. So no sink gets Kong's own record."""
    answers = _answers_without(recording, _failing)
    assert {answer.status for answer in answers} == {200, 401}
    assert not recording.file.exists()
    assert [*recording.http.payloads, *recording.tcp.payloads] == []


@pytest.mark.parametrize("spoil", [_deleted, _disabled])
def test_a_record_says_that_nothing_was_admitted(
    recording: Recording, spoil: Callable[[str], None]
) -> None:
    """Each call is refused."""
    answers = _answers_without(recording, spoil)
    assert {answer.status for answer in answers} <= {401, 503}
    recorded = [
        json.loads(line) for line in recording.file.read_bytes().splitlines()
    ]
    assert {(record["code"], record["decision"]) for record in recorded} == {
        ("not-admitted", "refused")
    }


def test_calls_in_the_outage_are_counted_for_their_components(
    recording: Recording,
) -> None:
    """Each refused call has a record of its stack, so none of the calls counts as lost."""
    answers = _answers_without(recording, _deleted)
    counters = Counters()
    for line in recording.file.read_bytes().splitlines():
        counters.add(line)
    lines = [
        line
        for line in counters.lines()
        if line.startswith("kong_oam_decisions_total{")
    ]
    counted = Counter[str]()
    for line in lines:
        labels, _, count = line.rpartition(" ")
        assert 'stack="tests"' in labels and 'code="not-admitted"' in labels
        counted[labels.partition('component="')[2].partition('"')[0]] += int(
            count
        )
    assert counted == {"orders/api": 6, "closed/api": 2}
    assert len(answers) == 8


def test_a_record_of_an_admitted_request_says_that_it_failed(
    recording: Recording,
) -> None:
    """It does not say that the request was refused: some were not."""
    answers = _answers_without(recording, _without_its_record)
    recorded = [
        json.loads(line) for line in recording.file.read_bytes().splitlines()
    ]
    of_allowed = [
        record
        for answer, record in zip(answers, recorded, strict=True)
        if answer.status == 200
    ]
    assert of_allowed
    assert {
        (record["code"], "decision" in record) for record in of_allowed
    } == {("record-failed", False)}


@pytest.mark.parametrize(
    ("url", "cut"),
    [
        (
            "http://orders.example.com/orders",
            "http://orders.example.com/orders",
        ),
        (
            "http://orders.example.com/orders?apikey=hidden",
            "http://orders.example.com/orders",
        ),
        (
            "http://orders.example.com/orders%3Fapikey=hidden",
            "http://orders.example.com/orders%3F",
        ),
        (
            "http://orders.example.com/orders;token=hidden",
            "http://orders.example.com/orders;",
        ),
        (
            "http://orders.example.com/orders%EF%BC%9Ftoken=hidden",
            "http://orders.example.com/orders%EF%BC%9F",
        ),
        (
            "http://orders.example.com/\u00e9/hidden",
            "http://orders.example.com/%C3%A9",
        ),
    ],
)
def test_the_gate_cuts_queries_from_traces(url: str, cut: str) -> None:
    """It does so on every answer, also of denied requests: plugin opentelemetry has no script for
    this. Without admission, every non-ASCII character counts as a separator."""
    (script,) = plugins.gate('{"log":{}}', "{}")["header_filter"]
    lua = LuaRuntime()
    lua.globals().ngx = lua.table_from({"ctx": lua.table_from({})})
    lua.globals().kong = lua.table_from(
        {"ctx": lua.table_from({"shared": lua.table_from({})})}
    )
    lua.execute(script)()
    span = lua.table_from({"attributes": lua.table_from({"http.url": url})})
    lua.globals().ngx.ctx.KONG_SPANS = lua.table_from(
        [lua.table_from({}), span]
    )
    lua.execute(script)()
    assert span.attributes["http.url"] == cut
