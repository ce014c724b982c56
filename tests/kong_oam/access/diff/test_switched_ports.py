"""Ports that change between a route and `internal` in one run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pulumi import RunError

from components.announcement import announcement
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.diff.switched_ports import switched_ports
from tests.support.diffs import edited, model

ROUTED = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - {name: web, type: worker, properties: {image: web}}
    - name: api
      type: webservice
      properties: {image: api, ports: [{port: 8080}, {port: 9090}, {port: 8080, protocol: UDP}]}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: team-shop
            rules: [{public: {reason: pages}}]
"""
INTERNAL = edited(
    ROUTED,
    ("        - type: gateway\n", ""),
    ("          properties: {domain: shop.example.com, http: {/: 8080}}\n", ""),
    (
        "rules: [{public: {reason: pages}}]",
        "internal: [{port: 8080, components: [shop/web]}]",
    ),
)
NEITHER = edited(INTERNAL, ("port: 8080, components", "port: 9090, components"))
UDP = edited(INTERNAL, ("8080, components", "8080, protocol: UDP, components"))


def found(old: str, new: str) -> list[str]:
    """Return the findings about an exported model and a new model."""
    before = load_model(dump_model(model(old)))
    return [finding.message for finding in switched_ports(before, model(new))]


TO_INTERNAL = (
    "port 8080 of 'shop/api' changes from the route to `internal` in one run; "
    "meanwhile callers could forge the gate's X-Auth-* headers. First remove it from the route and "
    "run `pulumi up`; then add `internal`"
)
TO_THE_ROUTE = (
    "port 8080 of 'shop/api' changes from `internal` to the route in one run; "
    "meanwhile callers could forge the gate's X-Auth-* headers. First remove it from `internal` "
    "and run `pulumi up`; then add the route"
)


@pytest.mark.parametrize(
    ("old", "new", "findings"),
    [
        (ROUTED, INTERNAL, [TO_INTERNAL]),
        (INTERNAL, ROUTED, [TO_THE_ROUTE]),
        (ROUTED, NEITHER, []),
        (NEITHER, INTERNAL, []),
        (UDP, ROUTED, [TO_THE_ROUTE]),
    ],
)
def test_a_port_changes_in_two_runs(
    old: str, new: str, findings: list[str]
) -> None:
    """The number counts, as in one model: HTTP/3 uses UDP."""
    assert found(old, new) == findings


def test_the_pods_port_counts() -> None:
    """The port of the route and of the Service is another number."""
    text = "pods app=api in west/shop at 7070 and 8080 (Deployment api-9)"
    old = replace(model(ROUTED), pods={"shop/api": {"80": text}})
    assert [*switched_ports(old, model(INTERNAL))]
    assert not [*switched_ports(old, model(edited(INTERNAL, ("8080", "80"))))]


def test_a_run_stops_before_it_makes_anything() -> None:
    """So does a preview."""
    deployed = dump_model(model(ROUTED))
    stopped = "nothing was provisioned\napp0.yaml:8:7: error ACC256: port 8080 "
    with pytest.raises(RunError, match=stopped):
        announcement(model(INTERNAL), deployed, ())
