"""What `diff` finds of TLS to workloads: less of it may widen who answers for one, and a stack without has nothing new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import AccessModel, dump_model, load_model
from tests.support import workload_tls
from tests.support.diffs import model, settings
from tests.support.workload_tls import Pair, authority

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
"""
ORDERS_OVER_TLS = ORDERS + "        - {type: upstream-tls, properties: {}}\n"
ONE = authority("one")
OTHER = authority("other")


def over_tls(
    text: str, *authorities: Pair, client: str | None = None, depth: int = 1
) -> AccessModel:
    """The model on a stack that trusts these CAs with workloads, with a client certificate or without."""
    on = settings()
    trusted = replace(
        workload_tls.settings(*authorities, client=client), depth=depth
    )
    stack = replace(on.stack, upstream_tls="mtls" if client else "tls")
    gateway = replace(on.gateway, upstream_tls=trusted)
    return model(text, on=replace(on, gateway=gateway, stack=stack))


def settings_changed(
    before: AccessModel, after: AccessModel
) -> list[tuple[str, str]]:
    changes = diff(load_model(dump_model(before)), after)
    return [(change.kind, change.name) for change in changes]


def test_a_stack_without_it_exports_nothing_of_it() -> None:
    """What it exported before stays the same."""
    assert "upstreamTls" not in dump_model(model(ORDERS))


@pytest.mark.parametrize(
    ("more", "less", "name"),
    [
        (
            over_tls(ORDERS_OVER_TLS, ONE),
            over_tls(ORDERS, ONE),
            "edge.upstreamTls.ports",
        ),
        (
            over_tls(ORDERS_OVER_TLS, ONE),
            over_tls(ORDERS_OVER_TLS, ONE, OTHER),
            "gateway.upstreamTls.ca",
        ),
        (
            over_tls(ORDERS_OVER_TLS, ONE),
            over_tls(ORDERS_OVER_TLS, ONE, depth=2),
            "gateway.upstreamTls.depth",
        ),
        (
            over_tls(ORDERS_OVER_TLS, ONE, client="gateway"),
            over_tls(ORDERS_OVER_TLS, ONE),
            "gateway.upstreamTls.clientCertificate",
        ),
    ],
    ids=["a port", "a CA more", "a longer chain", "a client certificate"],
)
def test_less_tls_may_widen_and_more_may_narrow(
    more: AccessModel, less: AccessModel, name: str
) -> None:
    """No request is a change: it is the same port, whatever is spoken at it."""
    assert settings_changed(more, less) == [("may widen", name)]
    assert settings_changed(less, more) == [("may narrow", name)]


def test_a_ca_alone_decides_nothing() -> None:
    """Nothing is spoken over TLS yet."""
    kinds = {
        kind
        for kind, _ in settings_changed(model(ORDERS), over_tls(ORDERS, ONE))
    }
    assert kinds == {"changed"}
