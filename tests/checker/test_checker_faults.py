"""Faulty programs that the checker must find, on the real engine: a checker without findings proves
nothing.

Each fault is an edit of the program's own sources, and the estates that show it. Without the edit
the same estates pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.checker.estates import OUTSIDE, Client, Part, Shape
from tests.support.checker.runs import Edit, Recorder, Run, sandbox
from tests.support.repository import ROOT
from tests.support.tiers import deep_after

pytestmark = pytest.mark.engine

SERVICE, GATEWAY = (
    "components/gateway/service.py",
    "components/gateway/gateway.py",
)
GATE = "kong_oam/kong/lua/gate.lua"


def _part(uid: str, host: str, *needed: str, public: bool = False) -> Part:
    """Return a component at /x of the host: GET needs the scopes, and POST its write scope; maybe
    with a public path below."""
    scopes = (f"{uid}.read", f"{uid}.write")
    rules = [("/x", "GET", needed), ("/x", "POST", scopes[1:])]
    if public:
        rules.append(("/x/health", "GET", ()))
    places = ((f"{host}.example.com", "/x", 8080),)
    return Part(uid, uid, places, tuple(rules), scopes=scopes)


JOB, SITE = (
    Client("job", (("a", "a.read"), ("b", "b.read"))),
    Client("site", (("a", "a.write"),), users=True),
)
PLAIN, PUBLIC = (
    _part("a", "one", "a.read"),
    _part("a", "one", "a.read", public=True),
)
B = _part("b", "two", "b.read")
GIVEN = Part(
    "b",
    "b",
    B.places,
    (("/x", "GET", ("a.write",)),),
    scopes=("b.read", "b.write", "a.write"),
)
"""A component with a scope of the other, which no rule requires yet."""
GIVING = Part(
    "a", "a", PLAIN.places, (("/x", "GET", ("a.read",)),), scopes=("a.read",)
)

LEADS: Edit = (
    SERVICE,
    '        host=args.workspace.nowhere,\n        port=fields["port"],\n',
    '        host=f"{args.component.name}-g0.default.svc.cluster.local",\n        port=8080,\n',
)
TARGET: Edit = (
    GATEWAY,
    "    issuers = {}\n",
    "    issuers = {}\n"
    '    host = "a-g0.default.svc.cluster.local:8080"\n'
    '    kong.Target(f"{name}-t", upstream_id=nowhere.id, target=host, weight=100, opts=options)\n',
)
NO_MARK: tuple[Edit, ...] = (
    (
        "kong_oam/kong/code.py",
        'deployed_script("answer", "addresses", "gate")',
        'deployed_script("json", "path", "token", "answer", "addresses", "rules", "contains", "gate")',
    ),
    (
        GATE,
        "local json_read, json_null, json_is_array, json_is_object, token_parts, unreadable\n",
        "",
    ),
    (GATE, "local owners_of, owned, rule_of, tree_of, refuses, contains\n", ""),
    (
        GATE,
        "if type(admitted) ~= 'string' or type(new_readers) ~= 'table' then return 503, 'not-admitted' end\n  take(new_readers)\n",
        "admitted = admitted or TABLE\n",
    ),
)
ONE_TABLE: Edit = (
    GATE,
    "if admitted == TABLE or status ~= 200 then",
    "if true then",
)
NO_WAIT: tuple[Edit, ...] = (
    (
        SERVICE,
        "Output.all(inputs, args.rolled_out)",
        "Output.all(inputs, True)",
    ),
    (SERVICE, "_after(opts, args.workload)", "opts"),
)
NOT_ROLLED_OUT: Edit = (
    "components/workload/objects.py",
    "if is_dry_run():",
    "if True:",
)
ADMITTED_LATE: Edit = (
    "components/application.py",
    "closing = [service.admission for service in services.values()]",
    "closing: list[Resource] = []",
)
UNCUT: Edit = (
    GATE,
    "if not groups then return granted_scopes(scopes, { client }, gate.services) end",
    "if not groups then return scopes end",
)
UNCUT_FOR_USERS: Edit = (
    GATE,
    "granted_scopes(granted_scopes(scopes, { client }, gate.on_behalf), groups, gate.groups)",
    "granted_scopes(scopes, groups, gate.groups)",
)
GATE_DELETED_FIRST: Edit = (
    SERVICE,
    "more = ResourceOptions(depends_on=list(earlier))",
    "more = ResourceOptions(\n"
    '        depends_on=list(earlier), delete_before_replace=True, replace_on_changes=["configJson"]\n'
    "    )",
)
ANY_HOST: Edit = (
    "kong_oam/kong/lua/rules.lua",
    "if mine ~= nil then return mine end",
    "if mine or rest then return true end",
)
ANY_ADDRESS: Edit = (
    GATE,
    "if networks and not is_in_one_of",
    "if networks and false and not is_in_one_of",
)
IN_CLEAR: tuple[Edit, ...] = (
    (SERVICE, "**asked_for, **over_tls}", "**asked_for}"),
    (
        GATE,
        "if not service or service.protocol ~= 'https' or service.tls_verify ~= true then",
        "if not service then",
    ),
)
DROPPED_AT_ONCE: Edit = (
    "kong_oam/kong/key_slots.py",
    "over = today - retired - timedelta(days=1) >= lifetime",
    "over = True",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: edits of the program, the estates that it then deploys, and the flags of an
    additional last run. `rotate`: the issuer's key is rotated before the last estate. The
    checker must find the fault, as an opening unless `outage`."""

    edits: tuple[Edit, ...]
    estates: tuple[tuple[Part, ...], ...]
    clients: tuple[Client, ...] = (JOB,)
    unpullable: str = ""
    flags: tuple[str, ...] = ()
    rotates: bool = False
    outage: bool = False


OPENED = replace(PUBLIC, version=2)
FAULTS = {
    "the service leads to the workload itself": Fault((LEADS,), ((PLAIN,),)),
    "a gate is deleted while the service leads to the workload": Fault(
        (LEADS, GATE_DELETED_FIRST),
        ((PLAIN,), (_part("a", "one", "a.read", "a.write"),)),
    ),
    "the upstream has a target": Fault((TARGET,), ((PLAIN,),)),
    "the gate does not ask for admission's mark": Fault(NO_MARK, ((PUBLIC,),)),
    "the gate does not judge by admission's table": Fault(
        (ONE_TABLE,), ((PUBLIC,), (replace(PLAIN, version=2),))
    ),
    "the gate does not wait for the Deployment": Fault(
        NO_WAIT, ((PLAIN,), (OPENED,))
    ),
    "the gate does not look at the rollout": Fault(
        (NOT_ROLLED_OUT,),
        ((PLAIN,), (OPENED,)),
        unpullable=OPENED.image,
        flags=(
            "--target",
            "**::app/a-8080-gate",
            "--target",
            "**::app/a-8080-admission",
        ),
    ),
    "admission is not updated before the Deployment": Fault(
        (ADMITTED_LATE,), ((PUBLIC,), (replace(PLAIN, version=2),))
    ),
    "tokens of services are not cut": Fault((UNCUT,), ((PLAIN, B),)),
    "a scope moves, and tokens of users are not cut": Fault(
        (UNCUT_FOR_USERS,), ((PLAIN, B), (GIVING, GIVEN)), clients=(SITE,)
    ),
    "a host moves between components, and gates do not look at it": Fault(
        (ANY_HOST,),
        (
            (PLAIN, B),
            (_part("a", "two", "a.write"), _part("b", "one", "b.write")),
        ),
    ),
    "networks are not looked at": Fault(
        (ANY_ADDRESS,), ((replace(PLAIN, allow=OUTSIDE),),)
    ),
    "a workload is called in clear text, and the gate does not look at it": Fault(
        IN_CLEAR, ((replace(PLAIN, tls=True),),)
    ),
    "a key is dropped early": Fault(
        (DROPPED_AT_ONCE,), ((PLAIN,), (PLAIN,)), rotates=True, outage=True
    ),
}


def _runs(fault: Fault, folder: Path, *edits: Edit) -> Iterator[Run]:
    with sandbox() as local:
        recorder = Recorder.on(local, folder, *edits)
        for number, parts in enumerate(fault.estates):
            last = number == len(fault.estates) - 1
            if fault.rotates and last:
                recorder.rotate()
            broken = frozenset(
                {fault.unpullable} if fault.unpullable and last else ()
            )
            yield recorder.up(
                f"estate {number}", Shape(parts, fault.clients, broken)
            )
        if fault.flags:
            yield recorder.up("with flags", recorder.shape, *fault.flags)


@pytest.mark.parametrize("name", FAULTS)
def test_each_edit_of_a_fault_applies(name: str) -> None:
    """Each edit finds its text once in the present sources. The deep runs below would find this
    late."""
    counts = {
        old: (ROOT / file).read_text("utf-8").count(old)
        for file, old, _ in FAULTS[name].edits
    }
    assert set(counts.values()) == {1}, counts


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    deep_after(
        0,
        FAULTS,
        wanted=["a host moves between components, and gates do not look at it"],
    ),
)
def test_a_program_with_a_fault_is_found_out(
    tmp_path: Path, name: str, report: Callable[[str], None]
) -> None:
    """The last run shows the fault in its own feature; the same estates pass without the fault."""
    fault = FAULTS[name]
    *_, last = (
        run.report() for run in _runs(fault, tmp_path / "faulty", *fault.edits)
    )
    findings = last.closed if fault.outage else last.opened
    assert findings, "not found"
    report(f"seeded fault, {name}: {len(findings)} calls, as {findings[0]}")
    for run in _runs(fault, tmp_path / "sound"):
        sound = run.report()
        assert not sound.opened and not sound.closed, f"{run.name}:\n{sound}"
