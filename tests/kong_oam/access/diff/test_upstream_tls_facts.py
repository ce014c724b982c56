"""Changes of TLS to workloads in `diff`: less TLS may let another server answer, and a stack
without TLS has no new facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.diff.change import Setting, Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import AccessModel, dump_model, load_model
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from tests.support.diffs import model, settings

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
ORDERS_API, STACK = Subject("orders/api"), Subject()


def over_tls(
    text: str, ca: tuple[str, ...], depth: int = 1, client: str | None = None
) -> AccessModel:
    """Return the model on a stack that trusts CAs of these fingerprints, with or without a client
    certificate."""
    on = settings()
    trusted = UpstreamTlsSettings(ca, depth, client_certificate=client)
    stack = replace(on.stack, upstream_tls="mtls" if client else "tls")
    gateway = replace(on.gateway, upstream_tls=trusted)
    return model(text, on=replace(on, gateway=gateway, stack=stack))


def changes(before: AccessModel, after: AccessModel) -> tuple[object, ...]:
    """Return the changes in `diff` against an exported model."""
    return diff(load_model(dump_model(before)), after)


def test_a_stack_without_it_exports_nothing_of_it() -> None:
    """The exported model stays the same."""
    assert "upstreamTls" not in dump_model(model(ORDERS))


@pytest.mark.parametrize(
    ("more", "less", "subject", "name", "value_of_more", "value_of_less"),
    [
        (over_tls(ORDERS_OVER_TLS, ("a",)), over_tls(ORDERS, ("a",)), ORDERS_API, "edge.upstreamTls.ports", [8080], None),
        (over_tls(ORDERS_OVER_TLS, ("a",)), over_tls(ORDERS_OVER_TLS, ("a", "b")), STACK, "gateway.upstreamTls.ca", ["a"], ["a", "b"]),
        (over_tls(ORDERS_OVER_TLS, ("a",)), over_tls(ORDERS_OVER_TLS, ("a",), depth=2), STACK, "gateway.upstreamTls.depth", 1, 2),
        (
            over_tls(ORDERS_OVER_TLS, ("a",), client="gateway"),
            over_tls(ORDERS_OVER_TLS, ("a",)),
            STACK, "gateway.upstreamTls.clientCertificate", "gateway", None,
        ),
    ],
    ids=["a port", "a CA more", "a longer chain", "a client certificate"],
)  # fmt: skip
def test_less_tls_may_widen_and_more_may_narrow(
    more: AccessModel,
    less: AccessModel,
    subject: Subject,
    name: str,
    value_of_more: object,
    value_of_less: object,
) -> None:
    """No request is a change: the port is the same with any protocol."""
    widened = Setting("may widen", subject, name, value_of_more, value_of_less)
    assert changes(more, less) == (widened,)
    narrowed = Setting(
        "may narrow", subject, name, value_of_less, value_of_more
    )
    assert changes(less, more) == (narrowed,)


def test_a_ca_alone_decides_nothing() -> None:
    """No workload uses TLS yet."""
    assert changes(model(ORDERS), over_tls(ORDERS, ("a",))) == (
        Setting("changed", STACK, "gateway.upstreamTls.ca", None, ["a"]),
        Setting("changed", STACK, "gateway.upstreamTls.depth", None, 1),
    )
