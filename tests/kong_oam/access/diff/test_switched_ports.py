"""Ports that change between a route and `internal` in one run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pulumi import RunError

from components.announcement import announcement
from kong_oam.access.diff.model import AccessModel
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
BESIDE = (
    f"{ROUTED}            internal: [{{port: 9090, components: [shop/web]}}]"
)
UDP = edited(INTERNAL, ("8080, components", "8080, protocol: UDP, components"))


def found(old: str, new: str) -> list[str]:
    """Return the findings about an exported model and a new model."""
    before = load_model(dump_model(model(old)))
    return [
        f"{finding.position} {finding.message}"
        for finding in switched_ports(before, model(new))
    ]


TO_INTERNAL = (
    "app0.yaml:8:7 port 8080 of 'shop/api' changes from the route to `internal` in one run; "
    "meanwhile callers could forge the gate's X-Auth-* headers. First remove it from the route and "
    "run `pulumi up`; then add `internal`"
)
TO_THE_ROUTE = (
    "app0.yaml:8:7 port 8080 of 'shop/api' changes from `internal` to the route in one run; "
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
        (INTERNAL, NEITHER, []),
        (NEITHER, ROUTED, []),
        (ROUTED, BESIDE, []),
        (BESIDE, INTERNAL, [TO_INTERNAL]),
        (INTERNAL, BESIDE, [TO_THE_ROUTE]),
        (UDP, ROUTED, [TO_THE_ROUTE]),
    ],
)
def test_a_port_changes_in_two_runs(
    old: str, new: str, findings: list[str]
) -> None:
    """The number counts, as in one model: HTTP/3 uses UDP."""
    assert found(old, new) == findings


def pods(text: str) -> AccessModel:
    """Return a deployed model with this text of the pods behind a port."""
    deployed = load_model(dump_model(model(ROUTED)))
    return replace(deployed, pods={"shop/api": {"80": text}})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("own pods in shop at 8080", 1),
        ("pods app=api in west/shop at 7070 and 8080 (Deployment api-9)", 1),
        ("own pods in shop at 80 and 808 (Deployment api-8080)", 0),
        ("own pods in shop at ", 0),
        ("", 0),
    ],
)
def test_the_pods_port_counts(text: str, count: int) -> None:
    """The port of the route and of the Service is another number."""
    findings = [*switched_ports(pods(text), model(INTERNAL))]
    assert len(findings) == count


def test_a_run_stops_before_it_makes_anything() -> None:
    """So does a preview."""
    deployed = dump_model(model(ROUTED))
    with pytest.raises(RunError) as raised:
        announcement(model(INTERNAL), deployed, ())
    assert str(raised.value).splitlines()[:2] == [
        "Kong-OAM: 1 error(s) against the deployed stack; nothing was provisioned",
        TO_INTERNAL.replace(" port", ": error ACC256: port", 1),
    ]
