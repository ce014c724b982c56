"""The plugin that counts and times the calls of a gated service for Prometheus.

Its metrics have Kong's names (`kong_http_requests_total`, `kong_request_latency_ms`), with the
service as a label. It does not know why a call was denied; records do (kong_oam.metrics).
"""

from __future__ import annotations

from kong_oam.kong.entities import Config

# Differences from Kong's defaults. Counts by consumer would be useless: consumers are key rings,
# not callers.
CONFIG: Config = {
    "latency_metrics": True,
    "status_code_metrics": True,
}
