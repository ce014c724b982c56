"""What `diff` tells of TLS to workloads: less of it may widen who answers for one, and a stack without has nothing new."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import dump_model, load_model
from tests.support import workload_tls
from tests.support.diffs import API, SHOP, model, settings
from tests.support.workload_tls import authority

ONE, OTHER = authority("one"), authority("other")
TRAIT = "        - {type: upstream-tls, properties: {}}\n"
"""Behind API, which ends in the traits of its component."""


def of(
    text: str,
    *authorities: workload_tls.Pair,
    client: str | None = None,
    depth: int = 1,
):  # type: ignore[no-untyped-def]
    on = settings()
    if authorities:
        over_tls = replace(
            workload_tls.settings(*authorities, client=client), depth=depth
        )
        spoken = "mtls" if client else "tls"
        stack = replace(on.stack, upstream_tls=spoken)  # type: ignore[arg-type]
        on = replace(
            on, gateway=replace(on.gateway, upstream_tls=over_tls), stack=stack
        )
    return model(text, SHOP, on=on)


def told(before, after) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    return [
        (change.kind, change.name)
        for change in diff(load_model(dump_model(before)), after)
    ]


def test_a_stack_without_it_exports_what_it_did() -> None:
    assert "upstreamTls" not in dump_model(of(API))


def test_what_a_port_a_ca_and_a_client_certificate_change() -> None:
    """There and back. No request is told of: it is the same port, whatever is spoken at it."""
    clear, over_tls, two_cas = (
        of(API, ONE),
        of(API + TRAIT, ONE),
        of(API + TRAIT, ONE, OTHER),
    )
    deep, mutual = of(API + TRAIT, ONE, depth=2), of(API + TRAIT, ONE, client="gateway")
    for old, new, name in (
        (over_tls, clear, "edge.upstreamTls.ports"),
        (over_tls, two_cas, "gateway.upstreamTls.ca"),
        (over_tls, deep, "gateway.upstreamTls.depth"),
        (mutual, over_tls, "gateway.upstreamTls.clientCertificate"),
    ):
        assert told(old, new) == [("may widen", name)]
        assert told(new, old) == [("may narrow", name)]
    assert {kind for kind, _ in told(of(API), clear)} == {"changed"}, (
        "a CA that is named changes nothing by itself"
    )
