"""The plugin that counts and times the calls of a gated service, for a Prometheus that reads them
at the gateway.

What it counts has Kong's names (`kong_http_requests_total`, `kong_request_latency_ms`), with the
service's as a label. Why a call was refused it does not know: that is counted from records
(kong_oam.metrics).
"""

from __future__ import annotations

from kong_oam.kong.entities import Config

CONFIG: Config = {
    "latency_metrics": True,
    "status_code_metrics": True,
}
"""Beside Kong's defaults. Not by consumer: those are rings of keys, which say nothing of who
called."""
