"""The plugins that write the records of requests, at each gated service.

A plugin for the whole gateway would also record the calls of other stacks. `lua/record.lua` defines
the content of a record.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.settings.logs import LogSettings, OtlpSink
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.entities import Config

# Records per request of a sink. A record is a second late at most. The queue sends one request
# after the other. A request per record would cost more than all other work of the gateway and fall
# behind.
_BATCH = 200

# A worker has one queue for all services that send to an address. A record may be as long as the
# longest path.
_HTTP: Config = {"queue": {"max_batch_size": _BATCH, "max_bytes": 16 << 20}}

# Kong's own default, which its schema prints only for the whole record.
_PROPAGATION: Config = {"default_format": "w3c"}


def sinks(logs: LogSettings | None) -> Iterator[TraitPlugin]:
    """Yield a plugin for each sink."""
    if logs is None:
        return
    if logs.http:
        config = {
            "http_endpoint": logs.http.url,
            "headers": dict(logs.http.headers) or None,
        }
        yield TraitPlugin("log-http", "http-log", {**config, **_HTTP})
    if logs.tcp:
        yield TraitPlugin(
            "log-tcp",
            "tcp-log",
            {"host": logs.tcp.host, "port": logs.tcp.port, "tls": logs.tcp.tls},
        )
    if logs.file:
        yield TraitPlugin("log-file", "file-log", {"path": logs.file})
    if logs.otlp:
        headers = dict(logs.otlp.headers) or None
        config = {
            "logs_endpoint": logs.otlp.logs,
            "traces_endpoint": logs.otlp.traces,
            "headers": headers,
        }
        yield TraitPlugin(
            "log-otlp",
            "opentelemetry",
            {**config, "queue": _queue(logs.otlp), "propagation": _PROPAGATION},
        )


def _queue(otlp: OtlpSink) -> Config:
    """Return the bounds of a queue of plugin opentelemetry. A worker has a queue for each service.

    Its entries are tables, whose bytes Kong does not count. An entry stays in the queue while it is
    being sent, so a batch is at most half of the queue.
    """
    return {
        "max_batch_size": min(_BATCH, otlp.queue // 2),
        "max_entries": otlp.queue,
    }
