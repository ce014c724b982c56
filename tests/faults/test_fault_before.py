"""A stack of the version before this one goes over: services led to their workloads then, and no gate knew the way."""

from __future__ import annotations

import time

import pytest

from sandbox.kong import Lags
from tests.support.engine.calls import service_token
from tests.support.faults.stacks import Empty
from tests.support.faults.tiny import HOST, PROTECTED, SERVICE, TINY
from tests.support.faults.watch import Caller, Watch

pytestmark = pytest.mark.engine

LAG = 0.5
WORKLOAD = "api.default.svc.cluster.local"
BEFORE = (
    ("components/gateway/service.py", "return self._gateway.nowhere, _NOWHERE", f'return "{WORKLOAD}", 8080'),
    ("kong_oam/kong/script.py", 'assigned += f"local UPSTREAM', 'assigned += f"local OTHER'),
    ("kong_oam/kong/lua/gate.lua", "json_read(UPSTREAM)", "json_read(OTHER)"),
    ("kong_oam/kong/lua/gate.lua", "TABLE, UPSTREAM =", "TABLE, OTHER ="),
    ("kong_oam/kong/lua/gate.lua", "tostring(UPSTREAM)", "tostring(OTHER)"),
)  # fmt: skip


@pytest.mark.parametrize(
    "lags", [Lags(plugins=LAG), pytest.param(Lags(routes=LAG), marks=pytest.mark.deep)], ids=["plugins", "routes"]
)
def test_gates_come_first_and_services_with_the_run_after(empty: Empty, lags: Lags) -> None:
    """Nobody is let in meanwhile, and nobody is refused who was not before: whatever Kong's workers see first."""
    stack = empty(applications=[TINY], copied=("components", "kong_oam"), lags=lags)
    for file, right, wrong in BEFORE:
        stack.edit(file, right, wrong)
    stack.run("up")
    token = service_token(stack.local, "job")
    time.sleep(2 * LAG)
    for file, right, wrong in BEFORE:
        stack.edit(file, wrong, right)
    with Watch(stack, ((HOST, PROTECTED),)) as nobody, Caller(stack, token) as caller:
        first = stack.run("up").stdout
        assert f"1 services of a version before this one lead to their workloads, as {SERVICE}" in first
        assert stack.entity("services", SERVICE)["host"] == WORKLOAD
        assert stack.changes("up") == {"tiny/api-8080-service": "update"}
        assert stack.entity("services", SERVICE)["host"] == "kong-oam.local.nowhere"
    assert nobody.let_in == set() and nobody.asked > 20
    assert caller.answers.keys() == {200} and caller.answers[200] > 20
    assert stack.changes("up") == {}
