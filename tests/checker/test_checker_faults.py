"""A checker that finds nothing proves nothing: programs with a fault in them, run by the real engine, are found out.

Each fault is an edit of the program's own sources, and the estates between which it matters. Without the edit the same
estates pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checker.check import Report
from tests.checker.estates import Part, application
from tests.checker.runs import Recorder, Run, sandbox
from tests.checker.test_checker_runs import held
from tests.tiers import deep_after

pytestmark = pytest.mark.engine

Edit = tuple[str, str, str]
SERVICE = "components/gateway/service.py"


def _part(uid: str, host: str, *needed: str, name: str = "", public: bool = False) -> Part:
    """A component at /x of the host: GET needs the scopes, and POST its write scope; maybe a public path below."""
    rules = [("/x", "GET", needed), ("/x", "POST", (f"{uid}.write",))]
    if public:
        rules.append(("/x/health", "GET", ()))
    return Part(uid, name or uid, ((f"{host}.example.com", "/x", 8080),), tuple(rules))


A, B = _part("a", "one", "a.read", public=True), _part("b", "two", "b.read")
PLAIN = _part("a", "one", "a.read")
RENAMED = _part("a", "one", "a.read", name="renamed")

NO_SETTLE: Edit = (
    "__main__.py",
    "[settled, *certificates]",
    "[plugin for service in services for plugin in service.plugins]",
)
NO_TRIGGERS: Edit = (SERVICE, "triggers={guard._name: guard.id for guard in guards},", "triggers={},")
TOO_SHORT: Edit = (SERVICE, "create_duration=length", 'create_duration="1ms"')
NO_PAUSE_AT_THE_END: Edit = (SERVICE, "destroy_duration=length", 'destroy_duration="1ms"')
NO_DEPENDS_ON: Edit = (SERVICE, "depends_on=list(ready)", "depends_on=[]")
RETARGETED: Edit = (SERVICE, 'f"{name}-{role}", gateway, component', 'f"{plan.hosts[0]}-{role}", gateway, component')
GATE_DELETED_FIRST: Edit = (
    SERVICE,
    "options = pulumi.ResourceOptions(parent=self)",
    'options = pulumi.ResourceOptions(parent=self, delete_before_replace=True, replace_on_changes=["configJson"])',
)
ANY_HOST: Edit = (
    "components/gateway/lua/gate.lua",
    "if mine ~= nil then return mine end",
    "if mine or rest then return true end",
)
DROPPED_AT_ONCE: Edit = (
    "components/gateway/keys.py",
    "over = today - retired - datetime.timedelta(days=1) >= lifetime",
    "over = True",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Edits of the program, the estates that it then goes through, and whether the issuer's key is rotated before the
    last of them. It must be found in the last run, and be an opening unless `outage`."""

    edits: tuple[Edit, ...]
    estates: tuple[tuple[Part, ...], ...]
    rotates: bool = False
    outage: bool = False


FAULTS = {
    "the settle step is removed": Fault((NO_SETTLE,), ((A,),)),
    "the settle step is too short": Fault((TOO_SHORT,), ((A,),)),
    "the settle step has no triggers, and a component comes": Fault((NO_TRIGGERS,), ((A,), (A, B))),
    "routes do not depend on it": Fault((NO_DEPENDS_ON,), ((A,),)),
    "plugins go before it is seen that their route has gone": Fault((NO_PAUSE_AT_THE_END,), ((A, B), (B,))),
    "a route is retargeted to another service": Fault((RETARGETED, NO_TRIGGERS), ((PLAIN,), (RENAMED,))),
    "a component is renamed": Fault((NO_TRIGGERS,), ((A,), (RENAMED,))),
    "a gate is deleted before its replacement": Fault(
        (GATE_DELETED_FIRST,), ((PLAIN,), (_part("a", "one", "a.read", "a.write"),))
    ),
    "a host moves between components, and gates do not look at it": Fault(
        (ANY_HOST,), ((PLAIN, B), (_part("a", "two", "a.write"), _part("b", "one", "b.write")))
    ),
    "a key is dropped early": Fault((DROPPED_AT_ONCE,), ((PLAIN,), (PLAIN,)), rotates=True, outage=True),
}


def _runs(fault: Fault, folder: Path, *edits: Edit) -> Iterator[Run]:
    with sandbox() as local:
        recorder = Recorder.on(local, folder, *edits)
        for number, parts in enumerate(fault.estates):
            if fault.rotates and number == len(fault.estates) - 1:
                recorder.rotate()
            yield recorder.up(f"estate {number}", application(parts))


def _last(reports: Sequence[Report]) -> Report:
    *_, last = reports
    return last


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name", deep_after(0, FAULTS, wanted=["a host moves between components, and gates do not look at it"])
)
def test_a_program_with_a_fault_is_found_out(tmp_path: Path, name: str, report: Callable[[str], None]) -> None:
    """By its last run, for what the fault is about; and the same estates without the fault pass."""
    fault = FAULTS[name]
    found = _last([held(run) for run in _runs(fault, tmp_path / "faulty", *fault.edits)])
    findings = found.closed if fault.outage else found.opened
    assert findings, "not found"
    report(f"seeded fault, {name}: {len(findings)} calls, as {findings[0]}")
    for run in _runs(fault, tmp_path / "sound"):
        sound = held(run)
        assert not sound.opened and not sound.closed, f"{run.name}:\n{sound}"


@pytest.mark.deep
@pytest.mark.timeout(300)
def test_a_route_that_is_retargeted_after_the_pause_is_no_fault(tmp_path: Path) -> None:
    """What is found is the opening, not the way of the program: with the pause, the same retargeting passes."""
    fault = FAULTS["a route is retargeted to another service"]
    runs = list(_runs(fault, tmp_path / "project", RETARGETED))
    assert any(
        write.before and write.after and write.before["service"] != write.after["service"]
        for operation in runs[-1].replay.operations
        for write in operation.writes
        if write.kind == "routes"
    )
    assert [held(run).opened for run in runs] == [[], []]
