"""The sinks of records (`gateway.logs`): each sink gets them, and an absent sink delays no call (a
stand-in for Kong)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kong_oam.access.settings.logs import (
    STDOUT,
    HttpSink,
    LogSettings,
    OtlpSink,
    TcpSink,
)
from kong_oam.access.stack import Records
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.logs import sinks
from sandbox.kong import Kong
from tests.support import kong_deployment
from tests.support.estates import STACK, estate
from tests.support.receivers import Receiver

ESTATE = estate(
    """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - {type: gateway, properties: {domain: orders.example.com, http: {/: 80}}}
        - {type: access, properties: {owner: team, rules: [{public: {reason: docs}}]}}
""",
    stack=replace(STACK, records=Records()),
)
CALL = b"GET /docs HTTP/1.1\r\nHost: orders.example.com\r\n\r\n"


@contextmanager
def recording(logs: LogSettings) -> Iterator[Kong]:
    with Kong() as kong:
        kong_deployment.deploy(kong.admin_url, ESTATE, {"main": {}}, logs=logs)
        yield kong


def test_each_sink_gets_the_same_record(tmp_path: Path) -> None:
    """Several at once."""
    file = tmp_path / "records"
    with Receiver() as http, Receiver("tcp") as tcp:
        with recording(
            LogSettings(
                HttpSink(http.url), TcpSink("127.0.0.1", tcp.port), str(file)
            )
        ) as kong:
            answer = kong.handle(CALL, "https")
        request = dict(answer.headers)["X-Kong-Request-Id"]
        record = http.record(request)
        assert (record["component"], record["path"], record["code"]) == (
            "orders/api",
            "/docs",
            "public",
        )
        assert tcp.record(request) == record
    assert request in file.read_text()


def test_a_sink_that_is_away_costs_no_call(tmp_path: Path) -> None:
    """The others get their records all the same."""
    file = tmp_path / "records"
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen
        port = silent.getsockname()[1]
        with recording(
            LogSettings(
                HttpSink(f"http://127.0.0.1:{port}/"),
                TcpSink("127.0.0.1", port),
                str(file),
            )
        ) as kong:
            assert kong.handle(CALL, "https").status == 200
    assert len(file.read_text().splitlines()) == 1


def test_each_sink_is_a_plugin_of_kongs() -> None:
    """Standard output is a file to Kong; no credentials of a sink are in an address."""
    logs = LogSettings(
        HttpSink("https://logs.example.com/x", {"X-Tenant": "a"}),
        TcpSink("logs", 5140, tls=True),
        STDOUT,
        OtlpSink("http://otel:4318/v1/logs"),
    )
    found = {sink.kind: sink for sink in sinks(logs)}
    assert found["http-log"] == TraitPlugin(
        "log-http",
        "http-log",
        {
            "http_endpoint": "https://logs.example.com/x",
            "headers": {"X-Tenant": "a"},
            "queue": {"max_batch_size": 200, "max_bytes": 16_777_216},
        },
    )
    assert found["tcp-log"] == TraitPlugin(
        "log-tcp",
        "tcp-log",
        {"host": "logs", "port": 5140, "tls": True},
    )
    assert found["file-log"] == TraitPlugin(
        "log-file", "file-log", {"path": "/dev/stdout"}
    )
    assert (
        found["opentelemetry"].config["logs_endpoint"]
        == "http://otel:4318/v1/logs"
    )
    assert [*sinks(None)] == []


@pytest.mark.parametrize(
    ("entries", "batch"), [(100, 50), (500, 200), (10_000, 200)]
)
def test_a_queue_of_opentelemetry_keeps_as_many_as_the_stack_says(
    entries: int, batch: int
) -> None:
    """While a batch is being sent, the queue has room for as many new records."""
    (sink,) = sinks(
        LogSettings(otlp=OtlpSink("http://otel:4318/v1/logs", queue=entries))
    )
    assert sink.config["queue"] == {
        "max_batch_size": batch,
        "max_entries": entries,
    }


def test_a_queue_of_opentelemetry_is_small_by_default() -> None:
    """Each service has one at each worker: of fifty services, fifty."""
    assert OtlpSink().queue == 500


def test_a_kong_without_telemetry_keeps_the_other_sinks(tmp_path: Path) -> None:
    """The script of records asks for `kong.telemetry`, which Kong has since 3.8 and this stand-in
    lacks."""
    file = tmp_path / "records"
    stack = replace(STACK, records=Records(otlp=True))
    with Kong() as kong:
        kong_deployment.deploy(
            kong.admin_url,
            replace(ESTATE, stack=stack),
            {"main": {}},
            logs=LogSettings(file=str(file)),
        )
        answer = kong.handle(CALL, "https")
    request = dict(answer.headers)["X-Kong-Request-Id"]
    assert request in file.read_text()
