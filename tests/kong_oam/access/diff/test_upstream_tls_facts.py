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


def of(text: str, *authorities: workload_tls.Pair, client: str | None = None, depth: int = 1):  # type: ignore[no-untyped-def]
    on = settings()
    if authorities:
        over_tls = replace(workload_tls.settings(*authorities, client=client), depth=depth)
        spoken = "mtls" if client else "tls"
        stack = replace(on.stack, upstream_tls=spoken)  # type: ignore[arg-type]
        on = replace(on, gateway=replace(on.gateway, upstream_tls=over_tls), stack=stack)
    return model(text, SHOP, on=on)


def told(before, after) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    return [(change.kind, change.name) for change in diff(load_model(dump_model(before)), after)]


def test_a_stack_without_it_exports_what_it_did() -> None:
    assert "upstreamTls" not in dump_model(of(API))


def test_a_port_that_goes_over_narrows_and_one_that_goes_back_may_widen() -> None:
    """No request is told of: it is the same port, whatever is spoken at it."""
    clear, over_tls = of(API, ONE), of(API + TRAIT, ONE)
    assert told(clear, over_tls) == [("may narrow", "edge.upstreamTls.ports")]
    assert told(over_tls, clear) == [("may widen", "edge.upstreamTls.ports")]


def test_one_more_ca_may_widen() -> None:
    assert told(of(API + TRAIT, ONE), of(API + TRAIT, ONE, OTHER)) == [("may widen", "gateway.upstreamTls.ca")]
    assert told(of(API + TRAIT, ONE, OTHER), of(API + TRAIT, ONE)) == [("may narrow", "gateway.upstreamTls.ca")]
    assert told(of(API + TRAIT, ONE), of(API + TRAIT, ONE, depth=2)) == [("may widen", "gateway.upstreamTls.depth")]


def test_a_client_certificate_that_goes_may_widen() -> None:
    """Workloads may have refused whoever had none."""
    without, mutual = of(API + TRAIT, ONE), of(API + TRAIT, ONE, client="gateway")
    assert told(without, mutual) == [("may narrow", "gateway.upstreamTls.clientCertificate")]
    assert told(mutual, without) == [("may widen", "gateway.upstreamTls.clientCertificate")]


def test_naming_a_ca_changes_nothing_by_itself() -> None:
    assert {kind for kind, _ in told(of(API), of(API, ONE))} == {"changed"}
