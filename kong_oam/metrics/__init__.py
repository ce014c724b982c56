"""Counts by reason of what a gateway decided, from its records, as Prometheus reads them.

counters   records in, Prometheus' text out;  follow: the lines of a file as it grows, and of what takes its place
alerts.yaml, dashboard.json   rules for Prometheus, and a dashboard for Grafana, of these counts and of Kong's own
"""
