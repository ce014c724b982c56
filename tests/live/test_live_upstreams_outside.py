"""A component outside the cluster: three targets by https, without the loopback addresses that no
upstream may have."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.gateway_cases import Case
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway, await_true
from tests.support.live.run import RUN, bind_address, upstream_host
from tests.support.workload_tls import Pair, Workload, authority, signed

_APPLICATION = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: legacy}
spec:
  components:
    - name: crm
      type: external
      traits:
        - type: gateway
          properties: {domain: %s, http: {/: 443}}
        - type: access
          properties: {owner: sales, rules: [{methods: [GET], public: {reason: test}}]}
"""
_NAME = "crm.example.net"


@pytest.fixture
def ca(live: LiveGateway) -> Iterator[Pair]:
    """The CA of the component's certificates, known to Kong."""
    if upstream_host() == "127.0.0.1":
        pytest.skip("LIVE_UPSTREAM_HOST must be an address beside loopback")
    made = authority(f"ca of {RUN}-outside")
    with live.target.deploying() as entities:
        tags = [f"kong-oam-stack:{RUN}-outside"]
        entities.make(
            "/ca_certificates", {"cert": made.certificate, "tags": tags}
        )
        yield made


def _address(workload: Workload) -> str:
    return f"host: {upstream_host()}, port: {workload.port}"


def _lead_to(made: Engine, *workloads: Workload, more: str = "") -> None:
    """Deploy these targets of the component."""
    targets = ", ".join(f"{{{_address(workload)}}}" for workload in workloads)
    _deploy(made, f"targets: [{targets}]{more}")


def _deploy(made: Engine, entry: str) -> None:
    """Deploy these settings of the component."""
    text = made.stack_file.read_text("utf-8")
    begin = text.index("    upstreams:")
    end = text.index("\n", begin)
    setting = f"    upstreams: {{legacy/crm: {{{entry}, serverName: {_NAME}}}}}"
    made.stack_file.write_text(text[:begin] + setting + text[end:], "utf-8")
    made.up()


def _await(live: LiveGateway, case: Case, *statuses: int, bound: float) -> None:
    """Wait until forty calls in a row have one of the statuses."""
    until, right = time.monotonic() + bound, 0
    while right < 40:
        got = live.send(case).status
        right = right + 1 if got in statuses else 0
        assert time.monotonic() < until, f"{got} and not {statuses}"


def _statuses_during(
    live: LiveGateway, case: Case, act: Callable[[], None]
) -> Counter[int]:
    """Return how often calls got each status while `act` ran."""
    found: Counter[int] = Counter()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            found[live.send(case).status] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        act()
    finally:
        ended.set()
        thread.join()
    return found


@pytest.mark.timeout(900)
def test_a_target_dies_another_changes_and_all_die(
    live: LiveGateway,
    ca: Pair,
    tmp_path: Path,
    report: Callable[[str], None],
) -> None:
    with ExitStack() as running, engine(live, tmp_path, "outside") as made:
        servers = [
            running.enter_context(
                Workload(signed(ca, _NAME), bind=bind_address())
            )
            for _ in range(3)
        ]
        wrong = running.enter_context(
            Workload(signed(ca, "other.example.net"), bind=bind_address())
        )
        host = f"crm.{made.stack}.example.com"
        (tmp_path / "applications" / "orders.yaml").unlink()
        made.add("legacy", _APPLICATION % host)
        (tmp_path / "stacks" / "ca.pem").write_text(ca.certificate)
        made.configure("upstreamTls: {ca: ca.pem}")
        made.configure("upstreams: {}")
        case = Case("GET", host, b"/")
        _deploy(made, _address(servers[0]))
        _await(live, case, 200, bound=made.bound)
        assert made.changes("up", "--refresh") == {}

        _lead_to(made, *servers)
        time.sleep(made.settle)
        _await(live, case, 200, bound=made.bound)
        assert all(server.answered for server in servers)
        assert made.changes("up", "--refresh") == {}

        with Workload(signed(ca, _NAME), bind=bind_address()) as dying:
            _lead_to(made, dying, servers[1])
            _await(live, case, 200, bound=made.bound)
            time.sleep(made.settle)
            assert dying.answered
        _await(live, case, 200, bound=made.bound)

        def change() -> None:
            _lead_to(made, servers[2])
            time.sleep(made.settle)

        seen = _statuses_during(live, case, change)
        report(f"while targets changed: {dict(seen)}")
        assert seen.keys() == {200}
        former = servers[0].answered, servers[1].answered
        _await(live, case, 200, bound=made.bound)
        assert former == (servers[0].answered, servers[1].answered)

        _lead_to(made, wrong)
        time.sleep(made.settle)
        _await(live, case, 502, 503, bound=made.bound)
        assert wrong.answered == 0

        with Workload(signed(ca, _NAME), bind=bind_address()) as last:
            _lead_to(made, last, more=", health: /up")
            _await(live, case, 200, bound=made.bound)
            before = last.answered
            await_true(
                lambda: None if last.answered > before else "no health check",
                made.bound,
            )
        _await(live, case, 503, bound=made.bound)
        made.destroy()
