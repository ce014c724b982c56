"""The plugin prometheus: it counts requests, and `/metrics` prints the counters.

It reads the record of a request as scripts have left it. It skips a request without a route, and
counts no status or latency that is missing. It prints only `kong_datastore_reachable` of the node's
own metrics. Source: kong/plugins/prometheus of Kong 3.10, and output of a real Kong
(tests/sandbox/kong/metrics-3.10.txt).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kong_rules.entities import Entity
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Response
from sandbox.kong.records import record

_OWN = (
    1,
    2,
    5,
    7,
    10,
    15,
    20,
    30,
    50,
    75,
    100,
    200,
    500,
    750,
    1000,
    3000,
    6000,
)
_OTHERS = (
    25,
    50,
    80,
    100,
    250,
    400,
    700,
    1000,
    2000,
    5000,
    10000,
    30000,
    60000,
)
_HISTOGRAMS = {  # name: (help text, field of the record's latencies, bounds in milliseconds)
    "kong_kong_latency_ms": (
        "Latency added by Kong and enabled plugins for each service/route in Kong",
        "kong",
        _OWN,
    ),
    "kong_request_latency_ms": (
        "Total latency incurred during requests for each service/route in Kong",
        "request",
        _OTHERS,
    ),
    "kong_upstream_latency_ms": (
        "Latency added by upstream response for each service/route in Kong",
        "proxy",
        _OTHERS,
    ),
}

Labels = tuple[tuple[str, str], ...]


class Prometheus:
    """One node's counters."""

    priority = 13

    def __init__(self) -> None:
        self._requests: Counter[Labels] = Counter()
        self._latencies: dict[tuple[str, Labels], list[float]] = {}

    def access(self, _exchange: Exchange, _plugin: Entity) -> Response | None:
        return None

    def header_filter(self, _exchange: Exchange, _plugin: Entity) -> None:
        return None

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        entry = record(exchange)
        config = plugin["config"]
        if exchange.record_lost or not entry.get("route"):
            return
        service = entry.get("service") or {}
        route = entry["route"]
        place = (
            ("service", service.get("name") or service.get("host", "")),
            ("route", route.get("name") or route["id"]),
        )
        workspace = ("workspace", entry.get("workspace_name", ""))
        status = (entry.get("response") or {}).get("status")
        if config["status_code_metrics"] and status is not None:
            source = "service" if exchange.source == "service" else "kong"
            self._requests[
                (
                    *place,
                    ("code", str(status)),
                    ("source", source),
                    workspace,
                    ("consumer", ""),
                )
            ] += 1
        latencies = (
            entry.get("latencies") if config["latency_metrics"] else None
        )
        for name, (_, field, _) in _HISTOGRAMS.items():
            if latencies and latencies.get(field, -1) >= 0:
                self._latencies.setdefault(
                    (name, (*place, workspace)), []
                ).append(latencies[field])

    def exposition(self) -> str:
        """Return the answer to `GET /metrics`."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _head(
            "kong_datastore_reachable",
            "gauge",
            "Datastore reachable from Kong, 0 is unreachable",
        )
        yield "kong_datastore_reachable 1"
        if self._requests:
            name = "kong_http_requests_total"
            yield from _head(
                name,
                "counter",
                "HTTP status codes per consumer/service/route in Kong",
            )
            yield from (
                f"{name}{_written(labels)} {count}"
                for labels, count in sorted(self._requests.items())
            )
        for name, (about, _, bounds) in _HISTOGRAMS.items():
            metrics = {
                labels: values
                for (own, labels), values in sorted(self._latencies.items())
                if own == name
            }
            if metrics:
                yield from _head(name, "histogram", about)
            for labels, values in metrics.items():
                for bound in (*bounds, float("inf")):
                    le = ("le", "+Inf" if bound == float("inf") else str(bound))
                    yield (
                        f"{name}_bucket{_written((*labels, le))} "
                        f"{sum(value <= bound for value in values)}"
                    )
            yield from (
                f"{name}_count{_written(labels)} {len(values)}"
                for labels, values in metrics.items()
            )
            yield from (
                f"{name}_sum{_written(labels)} {sum(values):g}"
                for labels, values in metrics.items()
            )


def _head(name: str, kind: str, about: str) -> tuple[str, str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}"


def _written(labels: Labels) -> str:
    quoted = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return "{" + ",".join(quoted) + "}"


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
