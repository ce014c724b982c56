"""The plugins that write the records of requests, at each gated service: what is in a record, `lua/record.lua` says.

At each service, not once for the gateway: a plugin of everybody's would take the calls of other stacks, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kong_oam.access.settings.logs import LogSettings

_HTTP: Mapping[str, Any] = {"queue": {"max_batch_size": 200}}
"""A list of records in a request, a second late at most: the queue sends one request after the other, and one for each
record would cost more than all else that is asked of the gateway, and fall behind."""

_OTLP: Mapping[str, Any] = {"queue": {"max_batch_size": 200}, "propagation": {"default_format": "w3c"}}
"""Kong's own defaults, which its schema prints of the records as a whole."""


def sinks(logs: LogSettings | None) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yields role, kind and configuration of a plugin for each sink."""
    if logs is None:
        return
    if logs.http:
        config = {"http_endpoint": logs.http.url, "headers": dict(logs.http.headers) or None}
        yield "log-http", "http-log", {**config, **_HTTP}
    if logs.tcp:
        yield "log-tcp", "tcp-log", {"host": logs.tcp.host, "port": logs.tcp.port, "tls": logs.tcp.tls}
    if logs.file:
        yield "log-file", "file-log", {"path": logs.file}
    if logs.otlp:
        headers = dict(logs.otlp.headers) or None
        config = {"logs_endpoint": logs.otlp.logs, "traces_endpoint": logs.otlp.traces, "headers": headers}
        yield "log-otlp", "opentelemetry", {**config, **_OTLP}
