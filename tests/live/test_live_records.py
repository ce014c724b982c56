"""Records and problem details on a real Kong: each sink gets them, and they agree with the model
and hold no secret."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import jsonschema_rs
import pytest

from kong_oam.access.model import METHODS
from kong_oam.access.settings.logs import (
    HttpSink,
    LogSettings,
    OtlpSink,
    TcpSink,
)
from kong_oam.access.stack import Records
from kong_oam.kong import names
from kong_oam.metrics.records import values_in
from tests.support import gateway_estates
from tests.support.documentation import page
from tests.support.estates import estate
from tests.support.gateway_cases import Case, landmarks, refusals
from tests.support.gateway_estates import Scene, nested_applications
from tests.support.json_object import JsonObject
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, Target, issuers, upstream_host
from tests.support.receivers import Receiver

NAME = f"{RUN}-records"
DOMAIN = f"records.{RUN}.example.com"
STACK = replace(
    gateway_estates.stack(NAME, "http"), records=Records(("page",), otlp=True)
)
SCENE = Scene(estate(*nested_applications(DOMAIN), stack=STACK), issuers(NAME))
FORM = jsonschema_rs.validator_for(
    json.loads(page("reference/record.schema.json"))
)
SECRETS = (
    b"Cookie: session=hidden-1",
    b"apikey: hidden-2",
    b"X-Api-Key: hidden-3",
    b"Proxy-Authorization: Basic hidden-4",
    b"traceparent: 00-hidden-7",
)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. `id`: of the request, from the answer, or else from its record."""

    status: int
    headers: dict[str, str]
    body: bytes
    recorded: Callable[[], str]

    @property
    def id(self) -> str:
        return self.headers.get("x-kong-request-id") or self.recorded()


@dataclass(frozen=True, slots=True)
class Recording:
    """A gateway that writes records, its sinks (None where the gateway is on another machine), and
    its entities."""

    target: Target
    http: Receiver
    tcp: Receiver
    otlp: Receiver
    file: Path
    entities: Entities

    def ask(self, raw: bytes, method: str = "GET") -> Answered:
        trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
        if self.target.lacks("X-Kong-Request-Id"):
            header = b"\r\ntraceparent: " + trace.encode() + b"\r\n"
            raw = raw.replace(b"\r\n", header, 1)
        with socket.create_connection(
            self.target.proxy, timeout=15
        ) as connection:
            connection.sendall(raw)
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            return Answered(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
                cache(partial(self._recorded, trace)),
            )

    def _recorded(self, trace: str) -> str:
        """Wait for the record with this trace, and return its request's id."""
        until = time.monotonic() + 15
        while time.monotonic() < until:
            lines = self.file.read_bytes() if self.file.exists() else b""
            for payload in (*self.http.payloads, *lines.splitlines()):
                for record in values_in(payload):
                    if record.get("traceparent") == trace:
                        return str(record["requestId"])
            time.sleep(0.02)
        raise AssertionError(f"no record has the trace {trace}")


@pytest.fixture(scope="module")
def recording(live: LiveGateway) -> Iterator[Recording]:
    host, target, upstream = upstream_host(), live.target, live.upstream
    if host != "127.0.0.1":
        pytest.skip("the sinks listen on loopback, and this Kong is elsewhere")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)  # Kong's workers run as another user
    file = folder / "records"
    try:
        with (
            Receiver() as sink,
            Receiver("tcp") as lines,
            Receiver() as collector,
        ):
            otlp = OtlpSink(logs=collector.url) if _has_otlp(live) else None
            logs = LogSettings(
                HttpSink(sink.url),
                TcpSink("127.0.0.1", lines.port),
                str(file),
                otlp,
            )
            with Entities(
                target.admin_url, target.token, logs=logs
            ) as entities:
                entities.estate(SCENE.estate, SCENE.pems, host, upstream.port)
                steady = [
                    (case, case.meant(SCENE).status)
                    for case in (*landmarks(SCENE), *refusals(SCENE))
                ]
                live.await_steady(steady, bound=60)
                yield Recording(target, sink, lines, collector, file, entities)
    finally:
        shutil.rmtree(folder)


def _cases() -> Iterator[Case]:
    for number, case in enumerate(landmarks(SCENE)):
        component = case.meant(SCENE).component
        assert component is not None
        issuer = SCENE.issuers[component.identity.provider]
        desk = issuer.user(
            component.identity.scopes,
            [issuer.provider.group("desk"), "another"],
        )
        tokens = (
            issuer.service(component.identity.scopes),
            issuer.service(()),
            desk,
        )
        yield replace(case, authorization=(f"Bearer {tokens[number % 3]}",))
        yield replace(
            case,
            method=METHODS[number % 7],
            authorization=(f"Bearer {tokens[(number + 1) % 3]}",),
        )
        yield replace(case, method=METHODS[(number + 3) % 7], authorization=())
        yield replace(case, target=case.target + b"/%2e%2e;/x")
        yield replace(case, authorization=("bearer x",))
        faults = issuer.faults(
            component.identity.scopes, SCENE.issuers["other"]
        )
        yield replace(case, authorization=(f"Bearer {faults['expired']}",))


def test_records_agree_with_the_model(recording: Recording) -> None:
    """Each sink has the same record of a call, whichever script denied it."""
    codes = set()
    for case in _cases():
        meant = case.meant(SCENE)
        answer = recording.ask(case.raw(b"Connection: close"), case.method)
        record = recording.http.record(answer.id)
        codes.add(record["code"])
        FORM.validate(record)
        assert (record["status"], record["code"]) == (
            answer.status,
            meant.code,
        ), (
            case,
            meant,
            record,
        )
        assert record["decision"] == ("allowed" if meant.allowed else "refused")
        assert record["requestId"] == answer.id
        if meant.rule and meant.allowed:
            assert (
                record["rule"].split(":")[0]
                == str(meant.rule.position).split(":")[0]
            )
        if answer.status >= 400 and case.method != "HEAD":
            load = json.loads(answer.body)
            assert answer.headers["content-type"] == "application/problem+json"
            assert (load["status"], load["requestId"]) == (
                answer.status,
                answer.id,
            )
        same = {"latencies": None}
        assert recording.tcp.record(answer.id) | same == record | same
        assert next(
            line
            for line in recording.file.read_text().splitlines()
            if answer.id in line
        )
    assert {
        "allowed",
        "public",
        "scope-missing",
        "ambiguous-path",
        "token-needed",
        "token-not-verified",
    } <= codes


def test_no_record_has_a_secret(recording: Recording) -> None:
    """Records have neither Kong's own fields nor the request's: only the listed query parameters."""
    case = next(case for case in landmarks(SCENE) if case.authorization)
    raw = replace(
        case, target=case.target + b"/x%23hidden-6?apikey=hidden-5&page=%ff"
    ).raw(*SECRETS, b"Connection: close")
    answer = recording.ask(raw)
    record = recording.http.record(answer.id)
    assert set(record) <= {
        *(
            "version",
            "time",
            "requestId",
            "stack",
            "component",
            "port",
            "method",
            "host",
            "path",
            "query",
            "client",
        ),
        *(
            "caller",
            "user",
            "subject",
            "scopes",
            "decision",
            "status",
            "code",
            "rule",
            "rulePath",
            "revision",
            "address",
            "node",
            "worker",
            "sequence",
        ),
        # Without the header of the answer, the test finds the record by its trace.
        *("traceparent",) * bool(recording.target.lacks("X-Kong-Request-Id")),
        "latencies",
        *("service", "route", "response", "workspace_name"),
    }
    assert record["query"] == {"page": "%FF"}
    line = next(
        line
        for line in recording.file.read_text().splitlines()
        if answer.id in line
    )
    logs = recording.entities.settings.gateway.logs
    if logs and logs.otlp:
        while answer.id.encode() not in b"".join(recording.otlp.payloads):
            time.sleep(0.1)
        sent = b"".join(recording.otlp.payloads)
        assert (
            record["code"].encode() in sent
            and b"local TABLE" not in sent
            and b"hidden" not in sent
        )
    assert (
        "hidden" not in line and case.authorization[0].split(".")[2] not in line
    )


def _told(answer: Answered, code: str) -> None:
    load: JsonObject = json.loads(answer.body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert load.pop("title")
    assert load == {
        "type": f"urn:kong-oam:problem:{code}",
        "status": answer.status,
        "requestId": answer.id,
    }


def _on_service(
    recording: Recording, case: Case, kind: str, config: JsonObject
) -> str:
    """Add a foreign plugin to the case's service; yield its path."""
    component = case.meant(SCENE).component
    assert component is not None
    service = names.service(
        STACK.name, component, next(iter(component.backends))
    )
    (path,) = recording.entities.paths("/services", name=service)
    scope = {"service": {"id": path.rpartition("/")[2]}}
    return f"/plugins/{recording.entities.make('/plugins', {'name': kind, 'config': config, **scope})['id']}"


@pytest.mark.parametrize(
    ("kind", "config", "status", "code"),
    [
        (
            "rate-limiting",
            {"day": 1, "policy": "local"},
            429,
            "too-many-requests",
        ),
        (
            "request-size-limiting",
            {"allowed_payload_size": 1, "size_unit": "bytes"},
            413,
            "too-large",
        ),
        ("request-termination", {"status_code": 503}, 503, "unavailable"),
        (
            "request-termination",
            {"status_code": 503, "body": "<p>", "content_type": "text/html"},
            503,
            "refused",
        ),
        (
            "request-termination",
            {"status_code": 203, "body": "<p>", "content_type": "text/html"},
            203,
            "answered",
        ),
    ],
)
def test_answers_of_plugins_are_recorded_and_denials_are_problems(
    recording: Recording,
    kind: str,
    config: JsonObject,
    status: int,
    code: str,
) -> None:
    """Kong's own text is replaced; a custom page stays."""
    case = next(case for case in landmarks(SCENE) if case.authorization)
    wanted = (
        "text/html"
        if code in ("refused", "answered")
        else "application/problem+json"
    )
    path = _on_service(recording, case, kind, config)
    try:
        until = time.monotonic() + 30
        seen = 0
        while seen < 10 and time.monotonic() < until:  # of any worker
            answer = recording.ask(
                replace(case, method="POST").raw(
                    b"Content-Length: 5", b"Connection: close", b"\r\nabcde"
                )
            )
            kind_of_answer = answer.headers.get("content-type", "").split(";")[
                0
            ]
            seen = (
                seen + 1
                if (answer.status, kind_of_answer) == (status, wanted)
                else 0
            )
        assert (answer.status, kind_of_answer) == (status, wanted)
    finally:
        recording.entities.remove([path])
    if wanted == "text/html":
        assert answer.body == b"<p>"
    else:
        _told(answer, code)
    record = recording.http.record(answer.id)
    assert (record["decision"], record["status"], record["code"]) == (
        "answered" if code == "answered" else "refused",
        status,
        code,
    )


@contextmanager
def _another(
    live: LiveGateway,
    name: str,
    logs: LogSettings,
    records: Records,
    port: int | None = None,
) -> Iterator[tuple[Scene, Entities]]:
    """Yield a further stack with its own records; its gates lead to `port`."""
    stack = replace(
        gateway_estates.stack(f"{RUN}-{name}", "http"), records=records
    )
    texts = nested_applications(f"{name}.{RUN}.example.com")
    scene = Scene(estate(*texts, stack=stack), issuers(stack.name))
    with Entities(
        live.target.admin_url, live.target.token, logs=logs
    ) as entities:
        entities.estate(
            scene.estate,
            scene.pems,
            upstream_host(),
            port or live.upstream.port,
        )
        status = 502 if port else 200
        steady = [
            (
                case,
                status
                if case.meant(scene).allowed
                else case.meant(scene).status,
            )
            for case in landmarks(scene)
        ]
        live.await_steady(steady, bound=60)
        yield scene, entities


def test_missing_workloads_and_sinks_are_reported(
    recording: Recording, live: LiveGateway
) -> None:
    """The caller gets a problem at once, and each sink that runs gets its record."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        away = taken.getsockname()[1]
        logs = LogSettings(
            HttpSink(f"http://127.0.0.1:{away}/"),
            TcpSink("127.0.0.1", away),
            str(recording.file),
        )
        with _another(live, "away", logs, Records(), away) as (scene, _):
            case = next(case for case in landmarks(scene) if case.authorization)
            begun = time.monotonic()
            answer = recording.ask(case.raw(b"Connection: close"))
            assert time.monotonic() - begun < 1
    assert answer.status == 502
    _told(answer, "upstream-failed")
    line = json.loads(
        next(
            line
            for line in recording.file.read_text().splitlines()
            if answer.id in line
        )
    )
    assert (line["decision"], line["status"], line["code"]) == (
        "allowed",
        502,
        "upstream-failed",
    )


def test_subjects_are_hashed_with_a_key_of_the_gateways(
    recording: Recording, live: LiveGateway
) -> None:
    """The key is in Kong's environment, as PATH is: the record has neither the key nor the subject."""
    logs = LogSettings(HttpSink(recording.http.url))
    with _another(live, "hashed", logs, Records((), "{vault://env/path}")) as (
        scene,
        _,
    ):
        case = next(case for case in landmarks(scene) if case.authorization)
        hashes = set()
        for _ in range(3):
            answer = recording.ask(case.raw(b"Connection: close"))
            record = recording.http.record(answer.id)
            assert "subject" not in record
            hashes.add(record["subjectHash"])
    assert len(hashes) == 1
    assert re.fullmatch("[0-9a-f]{40}", hashes.pop())


def test_traces_have_no_query_string(
    recording: Recording, live: LiveGateway
) -> None:
    """A Kong with tracing (tracing_instrumentations, tracing_sampling_rate) sends traces without
    query strings; another Kong sends none."""
    if not _has_otlp(live):
        pytest.skip(live.target.lacks("opentelemetry.logs_endpoint"))
    logs = LogSettings(
        file=str(recording.file), otlp=OtlpSink(traces=recording.otlp.url)
    )
    with _another(live, "traced", logs, Records()) as (scene, _):
        before = len(recording.otlp.payloads)
        case = next(case for case in landmarks(scene) if case.authorization)
        trace = b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        answer = recording.ask(
            replace(case, target=case.target + b"?apikey=hidden-6").raw(
                trace, b"Connection: close"
            )
        )
        assert answer.status == 200
        assert (
            b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-"
            in answer.body.lower()
        )
        assert f"x-kong-request-id: {answer.id}".encode() in answer.body.lower()
        until = time.monotonic() + (10 if _traces(live) else 0)
        while time.monotonic() < until and not any(
            case.host.encode() in payload
            for payload in recording.otlp.payloads[before:]
        ):
            time.sleep(0.1)
    sent = b"".join(recording.otlp.payloads[before:])
    assert (case.host.encode() in sent) == _traces(live)
    assert b"hidden" not in sent


@pytest.mark.parametrize(
    "change", ["deleted", "disabled", "without its record"]
)
def test_no_sink_gets_kongs_own_record_when_admission_is_gone(
    recording: Recording, live: LiveGateway, change: str
) -> None:
    """Each plugin that writes records clears Kong's own record, and the gate cuts queries from
    traces."""
    if lacking := live.target.lacks("X-Kong-Request-Id"):
        pytest.skip(f"{lacking}, and such a record has no trace")
    traces = (
        OtlpSink(logs=recording.otlp.url, traces=recording.otlp.url)
        if _has_otlp(live)
        else None
    )
    logs = LogSettings(
        HttpSink(recording.http.url),
        TcpSink("127.0.0.1", recording.tcp.port),
        str(recording.file),
        traces,
    )
    spoilt = {
        "disabled": {"enabled": False},
        "without its record": {"config": {"log": []}},
    }
    with _another(
        live, f"gone-{change.replace(' ', '-')}", logs, Records()
    ) as (
        scene,
        entities,
    ):
        for path in entities.paths("/plugins", name="pre-function"):
            if change == "deleted":
                entities.remove([path])
            else:
                entities.change(path, spoilt[change])
        ids = [answer.id for answer in _after_the_change(recording, scene)]
        for sink in (recording.http, recording.tcp):
            assert {sink.record(request_id)["code"] for request_id in ids} <= {
                "not-admitted",
                "record-failed",
            }
        sent = {
            "file": recording.file.read_bytes(),
            "http": b"".join(recording.http.payloads),
            "tcp": b"".join(recording.tcp.payloads),
        }
        if _traces(live) and traces:
            recording.otlp.await_text(ids[-1].encode())
        sent["otlp"] = b"".join(recording.otlp.payloads)
    assert all(request_id.encode() in sent["file"] for request_id in ids)
    assert [sink for sink, text in sent.items() if b"hidden" in text] == []


def _after_the_change(recording: Recording, scene: Scene) -> list[Answered]:
    """Return the answers to calls with secrets, once no worker replaces the record any more."""
    answers: list[Answered] = []
    bare, until = 0, time.monotonic() + 60
    while bare < 20 and time.monotonic() < until:
        for case in landmarks(scene)[:4]:
            for authorization in ((), case.authorization):
                sent_case = replace(
                    case,
                    target=case.target + b"?apikey=hidden-5",
                    authorization=authorization,
                )
                answers.append(
                    recording.ask(sent_case.raw(*SECRETS, b"Connection: close"))
                )
                is_whole = "time" in recording.tcp.record(answers[-1].id)
                bare = 0 if is_whole else bare + 1
    assert bare >= 20
    return answers[-bare:]


def _has_otlp(live: LiveGateway) -> bool:
    """Return whether this Kong sends logs of requests to OpenTelemetry."""
    return live.target.lacks("opentelemetry.logs_endpoint") is None


def _traces(live: LiveGateway) -> bool:
    configuration = live.target.get("/").json()["configuration"]
    return (
        configuration["tracing_instrumentations"] != ["off"]
        and configuration["tracing_sampling_rate"] > 0
    )
