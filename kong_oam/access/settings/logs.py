"""Read `gateway.logs`: where records of requests go, and their fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypedDict

from kong_oam.access.data import TextList, Texts, YamlObject
from kong_oam.access.stack import Records

STDOUT = "/dev/stdout"

# Headers that Kong sets.
_MADE = frozenset({"host", "content-length", "content-type"})

# Names of headers that authenticate the sender.
_SECRET = re.compile(
    r"(?i)(^|-)(authorization|cookie|(api-?)?key|secret|token|password)$"
)

# A reference to Kong's vault: the whole value, with no other text around it.
_REFERENCE = re.compile(r"\{vault://[^{}/\s]+/[^{}\s]+\}")


class LogsYaml(TypedDict, total=False):
    """The setting `gateway.logs`. Sinks have the fields of their dataclasses."""

    http: YamlObject
    tcp: YamlObject
    otlp: YamlObject
    file: str
    stdout: bool
    query: TextList
    subjectKey: str


@dataclass(frozen=True, slots=True)
class HttpSink:
    """A server that gets each record as a POST to `url`."""

    url: str
    headers: Texts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TcpSink:
    """A server that gets records as lines."""

    host: str
    port: int
    tls: bool = False


@dataclass(frozen=True, slots=True)
class OtlpSink:
    """A collector's endpoints (OTLP over HTTP) for logs and for traces; None: not sent.

    `queue`: the most logs, and the most traces, that each of the gateway's workers keeps for a
    service before it sends them.
    """

    logs: str | None = None
    traces: str | None = None
    headers: Texts = field(default_factory=dict)
    queue: int = 500


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The sinks of a stack. `file`: a path on the gateway's nodes, or STDOUT."""

    http: HttpSink | None = None
    tcp: TcpSink | None = None
    file: str | None = None
    otlp: OtlpSink | None = None


def log_settings(logs: LogsYaml | None) -> LogSettings | None:
    """Return the sinks in checked settings; None without records."""
    if logs is None:
        return None
    return LogSettings(
        http=HttpSink(**logs["http"]) if "http" in logs else None,
        tcp=TcpSink(**logs["tcp"]) if "tcp" in logs else None,
        file=STDOUT if logs.get("stdout") else logs.get("file"),
        otlp=OtlpSink(**logs["otlp"]) if "otlp" in logs else None,
    )


def records(logs: LogsYaml | None) -> Records | None:
    """Return the optional fields of records; None without records."""
    if logs is None:
        return None
    return Records(
        tuple(sorted(logs.get("query", ()))),
        logs.get("subjectKey"),
        "logs" in logs.get("otlp", {}),
    )


def log_problems(logs: LogsYaml | None) -> Iterator[str]:
    """Yield sinks that are not possible, starting with the setting's name."""
    if logs is None:
        return
    where = "gateway.logs"
    if not logs.get("stdout") and logs.keys().isdisjoint(
        {"http", "tcp", "file", "otlp"}
    ):
        yield f"{where}: no destination for records; set http, tcp, file, stdout or otlp"
    if logs.get("stdout") and "file" in logs:
        yield (
            f"{where}: file and stdout use one plugin, which Kong allows once per service; remove "
            "one of them"
        )
    if "otlp" in logs and logs["otlp"].keys().isdisjoint({"logs", "traces"}):
        yield f"{where}.otlp: no destination; set logs or traces"
    headers = logs.get("http", {}).get("headers", {})
    yield from _wrong_headers(f"{where}.http.headers", headers)
    headers = logs.get("otlp", {}).get("headers", {})
    yield from _wrong_headers(f"{where}.otlp.headers", headers)


def _wrong_headers(where: str, headers: Texts) -> Iterator[str]:
    for name, value in headers.items():
        if name.lower() in _MADE:
            yield f"{where}.{name}: Kong sets this header; remove it"
        if _SECRET.search(name) and not _REFERENCE.fullmatch(value):
            yield (
                f"{where}.{name}: is a secret; write a reference to Kong's vault, such as "
                "{vault://env/log-token}"
            )
