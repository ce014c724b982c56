"""Where records go (`gateway.logs`): each sink gets them, and one that is away costs no call (a stand-in for Kong)."""

from __future__ import annotations

import socket
import time
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
from kong_oam.kong.at_kong import Extra
from kong_oam.kong.logs import sinks
from sandbox.kong import Kong
from tests.support import kong_deployment
from tests.support.estates import estate
from tests.support.gateway_cases import landmarks
from tests.support.gateway_estates import (
    Scene,
    issuers,
    nested_applications,
    stack,
)
from tests.support.receivers import Receiver

STACK = replace(stack("tests"), records=Records())
SCENE = Scene(
    estate(*nested_applications("example.com"), stack=STACK),
    issuers(STACK, time.time()),
)
CASE = landmarks(SCENE)[0]


@contextmanager
def recording(logs: LogSettings) -> Iterator[Kong]:
    with Kong(now=lambda: SCENE.now) as kong:
        kong_deployment.deploy(
            kong.admin_url, SCENE.estate, SCENE.pems, logs=logs
        )
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
            answer = kong.handle(CASE.raw(), STACK.scheme)
        request = dict(answer.headers)["X-Kong-Request-Id"]
        record = http.record(request)
        assert record["code"] in ("allowed", "public")
        assert tcp.record(request) == record
    assert request in file.read_text()


def test_a_sink_that_is_away_costs_no_call(tmp_path: Path) -> None:
    """The others get their records all the same."""
    file = tmp_path / "records"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        with recording(
            LogSettings(
                HttpSink(f"http://127.0.0.1:{port}/"),
                TcpSink("127.0.0.1", port),
                str(file),
            )
        ) as kong:
            assert kong.handle(CASE.raw(), STACK.scheme).status == 200
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
    assert found["http-log"] == Extra(
        "log-http",
        "http-log",
        {
            "http_endpoint": "https://logs.example.com/x",
            "headers": {"X-Tenant": "a"},
            "queue": {"max_batch_size": 200, "max_bytes": 16_777_216},
        },
    )
    assert found["tcp-log"] == Extra(
        "log-tcp",
        "tcp-log",
        {"host": "logs", "port": 5140, "tls": True},
    )
    assert found["file-log"] == Extra(
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
    """A batch that is being sent leaves as much room again for what comes meanwhile."""
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
