"""The plugins that write the records of requests, at each gated service: what is in a record,
`lua/record.lua` says.

At each service, not once for the gateway: a plugin of everybody's would take the calls of other
stacks, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.settings.logs import LogSettings, OtlpSink
from kong_oam.kong.at_kong import Extra
from kong_oam.kong.entities import Config

# Records in a request, a second late at most: the queue sends one request after the
# other, and one for each record would cost more than all else that is asked of the
# gateway, and fall behind.
_BATCH = 200

# A worker has one queue for all services that send to an address. Callers can make
# records as long as paths may be.
_HTTP: Config = {"queue": {"max_batch_size": _BATCH, "max_bytes": 16 << 20}}

# Kong's own default, which its schema prints of the record as a whole.
_PROPAGATION: Config = {"default_format": "w3c"}


def sinks(logs: LogSettings | None) -> Iterator[Extra]:
    """Yields a plugin for each sink."""
    if logs is None:
        return
    if logs.http:
        config = {
            "http_endpoint": logs.http.url,
            "headers": dict(logs.http.headers) or None,
        }
        yield Extra("log-http", "http-log", {**config, **_HTTP})
    if logs.tcp:
        yield Extra(
            "log-tcp",
            "tcp-log",
            {"host": logs.tcp.host, "port": logs.tcp.port, "tls": logs.tcp.tls},
        )
    if logs.file:
        yield Extra("log-file", "file-log", {"path": logs.file})
    if logs.otlp:
        headers = dict(logs.otlp.headers) or None
        config = {
            "logs_endpoint": logs.otlp.logs,
            "traces_endpoint": logs.otlp.traces,
            "headers": headers,
        }
        yield Extra(
            "log-otlp",
            "opentelemetry",
            {**config, "queue": _queue(logs.otlp), "propagation": _PROPAGATION},
        )


def _queue(otlp: OtlpSink) -> Config:
    """The bounds of a queue of plugin opentelemetry, of which a worker has one for each service.

    Its entries are tables, whose bytes Kong does not count. An entry that is being sent stays in
    the queue, so a batch takes half of it at the most.
    """
    return {
        "max_batch_size": min(_BATCH, otlp.queue // 2),
        "max_entries": otlp.queue,
    }
