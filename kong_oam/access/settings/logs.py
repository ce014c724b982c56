"""The records of requests that a stack asks for (`gateway.logs`): where they go, and what of a
request is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kong_oam.access.data import Texts, YamlObject
from kong_oam.access.stack import Records

STDOUT = "/dev/stdout"

# Headers that Kong makes itself.
_MADE = frozenset({"host", "content-length", "content-type"})

# Names of headers by which whoever sends is known.
_SECRET = re.compile(
    r"(?i)(^|-)(authorization|cookie|(api-?)?key|secret|token|password)$"
)

# What Kong reads from a vault: a reference alone, and not one among other words.
_REFERENCE = re.compile(r"\{vault://[^{}/\s]+/[^{}\s]+\}")


@dataclass(frozen=True, slots=True)
class HttpSink:
    """Records are POSTed to `url`, one at a time."""

    url: str
    headers: Texts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TcpSink:
    """Records are sent as lines."""

    host: str
    port: int
    tls: bool = False


@dataclass(frozen=True, slots=True)
class OtlpSink:
    """The endpoints of a collector (OTLP over HTTP) for logs and for traces; None: these are not
    sent.

    `queue`: how many of each a service keeps at each of the gateway's workers until they are sent.
    """

    logs: str | None = None
    traces: str | None = None
    headers: Texts = field(default_factory=dict)
    queue: int = 500


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The sinks of a stack. `file`: a path on the gateway's nodes, STDOUT for their standard
    output."""

    http: HttpSink | None = None
    tcp: TcpSink | None = None
    file: str | None = None
    otlp: OtlpSink | None = None


def log_settings(gateway: YamlObject) -> LogSettings | None:
    """The sinks in the settings of a gateway that were checked; None where it keeps no records."""
    logs = gateway.get("logs")
    if logs is None:
        return None
    return LogSettings(
        http=HttpSink(**logs["http"]) if "http" in logs else None,
        tcp=TcpSink(**logs["tcp"]) if "tcp" in logs else None,
        file=STDOUT if logs.get("stdout") else logs.get("file"),
        otlp=OtlpSink(**logs["otlp"]) if "otlp" in logs else None,
    )


def records(gateway: YamlObject) -> Records | None:
    """What is in the records; None where none are kept."""
    logs = gateway.get("logs")
    if logs is None:
        return None
    return Records(
        tuple(sorted(logs.get("query", ()))),
        logs.get("subjectKey"),
        "logs" in logs.get("otlp", {}),
    )


def log_problems(gateway: YamlObject) -> Iterator[str]:
    """Yield sinks that cannot be, in words that begin with the setting."""
    logs: YamlObject | None = gateway.get("logs")
    if logs is None:
        return
    where = "gateway.logs"
    if not logs.get("stdout") and logs.keys().isdisjoint(
        {"http", "tcp", "file", "otlp"}
    ):
        yield f"{where}: say where records go: http, tcp, file, stdout or otlp"
    if logs.get("stdout") and "file" in logs:
        yield (
            f"{where}: file and stdout are one plugin of Kong's, which a service has once; leave "
            "out one of them"
        )
    if "otlp" in logs and logs["otlp"].keys().isdisjoint({"logs", "traces"}):
        yield f"{where}.otlp: say where logs or traces go"
    for sink in ("http", "otlp"):
        headers = logs.get(sink, {}).get("headers", {})
        yield from _wrong_headers(f"{where}.{sink}.headers", headers)


def _wrong_headers(where: str, headers: Texts) -> Iterator[str]:
    for name, value in headers.items():
        if name.lower() in _MADE:
            yield f"{where}.{name}: Kong makes this header itself"
        if _SECRET.search(name) and not _REFERENCE.fullmatch(value):
            yield (
                f"{where}.{name}: is a secret; write where Kong finds it, such as "
                "{vault://env/log-token}"
            )
