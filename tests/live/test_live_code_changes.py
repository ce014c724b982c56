"""A stack goes over to ports whose code the gateway has once, and back, on a real Kong: no request is answered otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.live.engine import engine
from tests.support.live.gateway import LiveGateway
from tests.support.live.hammer import Hammer


@pytest.mark.timeout(900)
def test_a_stack_goes_over_and_back_and_nobody_notices(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory, report: Callable[[str], None]
) -> None:
    """Callers who ask without pause: who is let in always is, and who is not never is."""
    with engine(live, tmp_path_factory.mktemp("code"), "over") as made:
        made.configure("sharedCode: false")
        made.up()
        made.live.await_steady([(made.case("GET", "/orders", "report"), 200)], made.bound)
        welcome = {"report": [made.case("GET", "/orders", "report")], "health": [made.case("GET", "/orders/health")]}
        refused = {"nobody": [made.case("GET", "/orders")], "import": [made.case("GET", "/orders", "import")]}
        since = time.monotonic()
        with Hammer(live, refused, welcome) as hammer:
            for stage, old, new in (
                ("once", "sharedCode: false", "sharedCode: true"),
                ("again", "sharedCode: true", "sharedCode: true"),
                ("at each port", "sharedCode: true", "sharedCode: false"),
            ):
                hammer.stage(stage)
                made.stack_file.write_text(made.stack_file.read_text("utf-8").replace(old, new), "utf-8")
                changed = made.changes("up")
                admission = f"orders/api-{made.port}-admission"
                assert (
                    changed
                    == {
                        "once": {"gateway-code": "create", admission: "update"},
                        "again": {},
                        "at each port": {admission: "update", "gateway-code": "delete"},
                    }[stage]
                )
                time.sleep(made.settle)
                hammer.await_answers()
            for caller in welcome:
                assert hammer.kept_out(caller, since) == {}, caller
            assert hammer.let_through() == {}
            for line in hammer.lines("once", "again", "at each port"):
                report(f"code of all ports, {line}")
