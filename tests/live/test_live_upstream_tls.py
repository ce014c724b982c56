"""TLS to workloads: the gateway's checks, its own certificate, and the workload's view."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gateway_cases import Case
from tests.support.live.engine import engine
from tests.support.live.gateway import LiveGateway, await_true
from tests.support.live.run import RUN, bind_address, stack, upstream_host
from tests.support.live.upstream_tls import tls_gateway, workloads_are_verified
from tests.support.workload_tls import Workload, authority, signed

_TRAIT = "        - {type: upstream-tls, properties: {secretName: api-tls}}\n"


def test_only_a_workload_with_its_own_certificate_is_spoken_to(
    live: LiveGateway,
) -> None:
    target = live.target
    proxy = f"http://{target.proxy[0]}:{target.proxy[1]}"
    domain, host = f"tls.{RUN}.example.com", upstream_host()
    name = stack(f"{RUN}-tls")
    with tls_gateway(
        target.admin_url, target.token, proxy, name, domain, host, bound=60
    ) as gateway:
        workloads_are_verified(
            gateway, "127.0.0.1" if host == "127.0.0.1" else "0.0.0.0"
        )


@pytest.mark.timeout(900)
def test_a_component_goes_over_to_tls_and_back(
    live: LiveGateway, tmp_path: Path
) -> None:
    """With the engine and any plugin: every run settles, and no call mixes old and new entities."""
    bind = bind_address()
    ca = authority(f"ca of {RUN}-tls")
    with (
        live.target.deploying() as entities,
        Workload(signed(ca, "api.orders.svc"), bind=bind) as workload,
        engine(live, tmp_path, "tls") as made,
    ):
        entities.make(
            "/ca_certificates",
            {"cert": ca.certificate, "tags": [f"kong-oam-stack:{RUN}-tls"]},
        )
        made.edit(
            f"[{{port: {made.port}}}]",
            f"[{{port: {made.port}}}, {{port: {workload.port}}}]",
        )
        made.up()
        (tmp_path / "stacks" / "ca.pem").write_text(ca.certificate)
        made.configure("upstreamTls: {ca: ca.pem}")
        made.edit(
            f"http: {{/orders: {made.port}}}",
            f"http: {{/orders: {workload.port}}}",
        )
        made.edit(
            "        - type: access\n", f"{_TRAIT}        - type: access\n"
        )
        made.up()
        health = made.case("GET", "/orders/health")
        await_true(
            lambda: (
                None
                if _by_tls(live, health, workload)
                else "the workload of before answers"
            ),
            made.bound,
        )
        live.await_steady(
            [(health, 200), (made.case("GET", "/orders"), 401)], made.bound
        )
        assert workload.answered
        assert made.changes("up") == {}
        assert made.changes("up", "--refresh") == {}
        made.edit(_TRAIT, "")
        made.edit(
            f"http: {{/orders: {workload.port}}}",
            f"http: {{/orders: {made.port}}}",
        )
        made.up()
        await_true(
            lambda: (
                None
                if live.send(health).arrived
                else "the workload by TLS answers"
            ),
            made.bound,
        )
        live.await_steady([(health, 200)], made.bound)
        assert made.changes("up", "--refresh") == {}
        made.destroy()


def _by_tls(live: LiveGateway, case: Case, workload: Workload) -> bool:
    """Return whether a call reached the workload that speaks TLS. A worker that sees the route
    before the gate answers 503."""
    before = workload.answered
    return live.send(case).status in (200, 503) and workload.answered > before
