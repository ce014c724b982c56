"""Settings of records (`gateway.logs`): their destinations and fields."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.access.settings.logs import (
    HttpSink,
    LogSettings,
    OtlpSink,
    TcpSink,
)
from kong_oam.access.settings.values import Settings, StackError
from kong_oam.access.stack import Records
from tests.support.diffs import settings
from tests.support.json_object import JsonObject

GATEWAY = {"namespace": "kong", "podLabels": {"app": "kong"}}


def settings_with(**logs: Any) -> Settings:
    return settings(gateway={**GATEWAY, "logs": logs})


def test_several_sinks_at_once() -> None:
    configured = settings_with(
        http={
            "url": "https://logs.example.com/in",
            "headers": {"Authorization": "{vault://env/log-token}"},
        },
        tcp={"host": "logs.example.com", "port": 5140, "tls": True},
        stdout=True,
        otlp={
            "logs": "http://otel:4318/v1/logs",
            "traces": "http://otel:4318/v1/traces",
            "queue": 200,
        },
        query=["page", "limit"],
        subjectKey="{vault://env/record-key}",
    )
    assert configured.gateway.logs == LogSettings(
        HttpSink(
            "https://logs.example.com/in",
            {"Authorization": "{vault://env/log-token}"},
        ),
        TcpSink("logs.example.com", 5140, tls=True),
        "/dev/stdout",
        OtlpSink(
            "http://otel:4318/v1/logs", "http://otel:4318/v1/traces", queue=200
        ),
    )
    assert configured.stack.records == Records(
        ("limit", "page"), "{vault://env/record-key}", otlp=True
    )


def test_a_stack_that_says_nothing_keeps_no_records() -> None:
    assert (settings().gateway.logs, settings().stack.records) == (None, None)
    traces = settings_with(otlp={"traces": "http://otel:4318/v1/traces"})
    assert traces.stack.records == Records()


@pytest.mark.parametrize(
    ("logs", "message"),
    [
        (
            {},
            "gateway.logs: no destination for records; set http, tcp, file, stdout or otlp",
        ),
        (
            {"query": ["a"], "stdout": False},
            "gateway.logs: no destination for records",
        ),
        (
            {"stdout": True, "file": "/var/log/a"},
            "gateway.logs: file and stdout use one plugin",
        ),
        ({"otlp": {}}, "gateway.logs.otlp: no destination; set logs or traces"),
        (
            {"http": {"url": "ftp://logs"}},
            "gateway.logs.http.url does not match",
        ),
        (
            {"http": {"url": "https://a:secret@logs"}},
            "credentials belong in headers",
        ),
        (
            {"htp": {"url": "https://logs"}},
            "has no setting 'htp'; did you mean 'http'?",
        ),
        ({"stdout": True, "subjectKey": "secret"}, "gateway.logs.subjectKey"),
        (
            {"stdout": True, "subjectKey": "{vault://aws/key}"},
            "gateway.logs.subjectKey",
        ),
        (
            {
                "http": {
                    "url": "https://logs",
                    "headers": {"authorization": "Bearer x"},
                }
            },
            "gateway.logs.http.headers.authorization: is a secret; write a reference to Kong's vault, such as {vault://env/log-token}",
        ),
        *(
            (
                {"otlp": {"logs": "https://logs", "headers": {name: value}}},
                f"gateway.logs.otlp.headers.{name}: is a secret",
            )
            for name, value in (
                ("api-key", "x"),
                ("X-Api-Key", "x"),
                ("Cookie", "a=x"),
                ("X-Auth-Token", "x"),
                ("Authorization", "{vault://env/log-token} x"),
                ("Authorization", "{vault://"),
            )
        ),
        (
            {
                "http": {
                    "url": "https://logs",
                    "headers": {"X-A": "a\r\nX-B: b"},
                }
            },
            "gateway.logs.http.headers.X-A",
        ),
        (
            {"http": {"url": "https://logs", "headers": {"Host": "x"}}},
            "gateway.logs.http.headers.Host: Kong sets this header; remove it",
        ),
    ],
)
def test_a_sink_that_cannot_be_is_named(logs: JsonObject, message: str) -> None:
    with pytest.raises(StackError) as refused:
        settings_with(**logs)
    assert message in str(refused.value)
    assert "a:secret" not in str(refused.value)
