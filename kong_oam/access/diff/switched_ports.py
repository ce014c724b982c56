"""Ports that change between a route and `internal` in one run.

During a run, old and new pods and the NetworkPolicy meet in any order. So a caller inside the
cluster could reach pods that trust the gate's X-Auth-* headers at this port.
"""

from __future__ import annotations

import re

from kong_oam.access.diff.change import INTERNAL, Subject
from kong_oam.access.diff.model import AccessModel
from kong_oam.diagnostics import Diagnostic, Findings

# A port in a text of access.pods: `own pods in shop at 80 and 81 (Deployment web)`.
_PORT = re.compile(r" (?:at|and) (\d+)")


def switched_ports(old: AccessModel, new: AccessModel) -> Findings:
    """Find the ports of pods that only a route leads to in one model, and that `internal` lists in
    the other model."""
    for key, component in new.estate.own.items():
        for now, before, added, removed in (
            (_internal(new, key), _routed(old, key), "`internal`", "the route"),
            (_routed(new, key), _internal(old, key), "the route", "`internal`"),
        ):
            for port in sorted(now & before):
                message = (
                    f"port {port} of '{key}' changes from {removed} to {added} in one run; "
                    "meanwhile callers could forge the gate's X-Auth-* headers. First remove it "
                    f"from {removed} and run `pulumi up`; then add {added}"
                )
                yield Diagnostic("ACC256", message, component.position)


def _internal(model: AccessModel, key: str) -> set[str]:
    connections = model.facts.get(Subject(key), {}).get(INTERNAL, {})
    return {re.split("[ /]", name)[0] for name in connections}


def _routed(model: AccessModel, key: str) -> set[str]:
    return {*_PORT.findall(" ".join(model.pods.get(key, {}).values()))}
