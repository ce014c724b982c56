"""Prometheus counters of a gateway's decisions by reason, from its records.

`counters` turns records into Prometheus' text format, and `follow` yields the lines of a growing
log. `alerts.yaml` has rules for Prometheus, and `dashboard.json` is a dashboard for Grafana.
"""
