"""Faulty commands and programs over several stacks that the checker must find: a checker without
findings proves nothing.

Each fault is a patch of the command or the program, and the estates that show it. Without it the
same estates pass.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from components import grants
from components.grants import Grants
from components.partition import _foreign_ids
from kong_oam.identity.okta.names import client_id
from kong_oam.stacks import run
from kong_oam.stacks.order import Estates
from kong_oam.stacks.plan import NO_CHANGES, plan_down
from kong_oam.stacks.records import Known
from kong_oam.stacks.run import Runs
from sandbox.local import STACK
from tests.support.checker import stacks
from tests.support.checker.check import Report
from tests.support.checker.commands import Commands, commands
from tests.support.checker.estates import Client, Part, Shape
from tests.support.checker.partitioned_estates import Layout, PartitionedEstate
from tests.support.checker.stacks import Trouble
from tests.support.tiers import deep_after

LAYOUT = {"one": ("of-a", "by-cron"), "two": ("*",)}
"""The clients of each partition call the other."""


def _part(uid: str, needed: str, scopes: Sequence[str]) -> Part:
    rules = (("/x", "GET", (needed,)), ("/x", "POST", (scopes[-1],)))
    return Part(
        uid,
        uid,
        ((f"{uid}.example.com", "/x", 8080),),
        rules,
        scopes=tuple(scopes),
    )


def _estate(
    a: str,
    b: str,
    job: Sequence[str],
    cron: Sequence[str],
    scopes: Sequence[str] = ("a.read", "a.write"),
) -> PartitionedEstate:
    """Return an estate. `a` and `b` are the scopes that GET requires there; `job` and `cron` are
    the grants of these clients at a and at b."""
    parts = _part("a", a, scopes), _part("b", b, ("b.read", "b.write"))
    clients = (
        Client("job", tuple(("a", scope) for scope in job)),
        Client("cron", tuple(("b", scope) for scope in cron)),
    )
    return PartitionedEstate(Shape(parts, clients), LAYOUT)


READS = _estate("a.read", "b.read", ["a.read"], ["b.read"])
WRITES = _estate("a.write", "b.read", ["a.write"], ["b.read"])
BOTH_WRITE = _estate("a.write", "b.write", ["a.write"], ["b.write"])
MORE = _estate("a.write", "b.read", ["a.read", "a.write"], ["b.read"])
ELSEWHERE = _estate("a.read", "b.write", ["a.read"], ["b.write"])
RENAMED = _estate(
    "a.view", "b.read", ["a.view"], ["b.read"], ("a.view", "a.write")
)


def _base_removes_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "components.partition.with_used_offers", lambda estate, *_: (estate, [])
    )


def _partition_is_skipped(patch: pytest.MonkeyPatch) -> None:
    outdated = Estates.outdated
    patch.setattr(
        Estates,
        "outdated",
        lambda *arguments: (
            stack for stack in outdated(*arguments) if stack != "one"
        ),
    )


def _partitions_have_no_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run, "grant_changes", lambda *_: NO_CHANGES)


def _command_forgets_what_failed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Runs, "_may_run", lambda *_: True)


def _granted_by(
    patch: pytest.MonkeyPatch, grant: Callable[..., Grants]
) -> None:
    for provider in ("keycloak", "okta"):
        patch.setattr(f"components.identity.{provider}.grant", grant)


def _pods_ask_beside_the_grant(patch: pytest.MonkeyPatch) -> None:
    """Let pods ask for scopes before their grant exists."""
    _granted_by(
        patch, lambda *arguments: replace(grants.grant(*arguments), made=())
    )


def _a_grant_goes_beside_the_pods(patch: pytest.MonkeyPatch) -> None:
    """Remove the grant beside the pods, with no later step."""
    _granted_by(patch, lambda client, scopes, before, make: Grants([make(())]))


def _base_is_older(patch: pytest.MonkeyPatch) -> None:
    """Let the command run the base after the partitions, without the partitions' check of the base."""
    patch.setattr("components.base.missing_offers", lambda *_: [])
    patch.setattr(
        "kong_oam.stacks.plan.plan_up", lambda chosen, *_: plan_down(chosen)
    )


def _callers_from_elsewhere_have_all(patch: pytest.MonkeyPatch) -> None:
    def every(clients: Any, own: Any, any_token: Any) -> Iterator[Any]:
        for client in clients:
            calls = tuple(
                replace(call, scopes=("a.read", "a.write"))
                for call in client.calls
                if call.component in own or client.provider in any_token
            )
            if calls:
                yield replace(client, calls=calls)

    patch.setattr("kong_oam.access.partitions._partition_callers", every)


@dataclass(frozen=True, slots=True)
class Fault:
    """A patch, and the estates between which the checker must find it: as a denial, unless it
    `opens`. `trouble` is a failure of the command, which alone does no harm."""

    seed: Callable[[pytest.MonkeyPatch], None]
    before: PartitionedEstate
    after: PartitionedEstate
    opens: bool = False
    trouble: Trouble | None = None


FAILS = Trouble(0, kills=False, share=0.0)
"""The first of the two partitions."""
FAULTS = {
    "the base removes first": Fault(_base_removes_first, READS, RENAMED),
    "a partition is skipped": Fault(_partition_is_skipped, READS, WRITES),
    "a grant comes beside the gate's change": Fault(
        _partitions_have_no_order, READS, MORE
    ),
    "a grant goes beside the gate's change": Fault(
        _partitions_have_no_order, MORE, READS
    ),
    "one scope comes in the place of another": Fault(
        _partitions_have_no_order, READS, WRITES
    ),
    "pods ask for more before it is granted": Fault(
        _pods_ask_beside_the_grant, READS, MORE
    ),
    "less is granted than pods ask for": Fault(
        _a_grant_goes_beside_the_pods, MORE, READS
    ),
    "a gate changes though the client's partition failed": Fault(
        _command_forgets_what_failed, READS, MORE, trouble=FAILS
    ),
    "a partition runs with what an older base has": Fault(
        _base_is_older, READS, RENAMED
    ),
    "callers from other partitions have all scopes": Fault(
        _callers_from_elsewhere_have_all, READS, ELSEWHERE, opens=True
    ),
}

TRIES = 8
"""How often a command runs with a fault at most: sometimes stacks run in a harmless order."""

SITE = Client("site", (("a", "a.read"),), users=True)
SALES = replace(
    READS, shape=replace(READS.shape, clients=(*READS.shape.clients, SITE))
)
DESK = replace(SALES, shape=SALES.shape.changed("a", groups=("order-desk",)))
ALL_DONE = {nth: Trouble(nth, kills=True, share=1.0) for nth in range(4)}
"""The command is killed after all steps of a run, before the run's end is recorded."""
CUT_OFF = {
    "as gates changed before grants, and back": (MORE, READS, ALL_DONE[1]),
    "as gates changed, and back": (SALES, DESK, ALL_DONE[1]),
}

SOUND: dict[str, tuple[PartitionedEstate, Trouble | None]] = {
    "both": (BOTH_WRITE, None),
    "renamed": (RENAMED, None),
    "one": (WRITES, None),
    "more": (MORE, None),
    "elsewhere": (ELSEWHERE, None),
    "more, and its client's partition fails": (MORE, FAILS),
}


@pytest.fixture(scope="module")
def there(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Commands, Callable[[], None]]]:
    """Yield a project whose stacks have the first estate, and a function that restores them."""
    with commands(
        tmp_path_factory.mktemp("stacks") / "project", random.Random(1)
    ) as made:
        assert made.up(READS) == 0, made.backend.output
        made.begin()
        yield made, made.kept()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name",
    deep_after(
        3, FAULTS, wanted=["callers from other partitions have all scopes"]
    ),
)
def test_a_command_with_a_fault_is_found_out(
    there: tuple[Commands, Callable[[], None]],
    name: str,
    report: Callable[[str], None],
) -> None:
    fault, (made, back) = FAULTS[name], there
    for _ in range(TRIES):
        back()
        if fault.before != READS:
            assert made.up(fault.before) == 0, made.backend.output
            made.begin()
        with pytest.MonkeyPatch.context() as patch:
            fault.seed(patch)
            made.up(
                fault.after,
                *(["--all"] if fault.opens else []),
                trouble=fault.trouble,
            )
        found = made.report()
        if findings := found.opened if fault.opens else found.closed:
            break
    assert findings, f"not found: {made.backend.ran}"
    report(f"seeded fault, {name}: {len(findings)} calls, as {findings[0]}")


TAKEN = _estate("a.read", "b.read", [], ["b.read"])
"""Revoke the call of `a` from the client in the other partition."""


def _callers_have_the_id_of_another(patch: pytest.MonkeyPatch) -> None:
    of_another = client_id(STACK, "by-cron/cron")

    def ids(*arguments: Any) -> Any:
        return {
            provider: dict.fromkeys(found, of_another)
            for provider, found in _foreign_ids(*arguments).items()
        }

    patch.setattr("components.partition._foreign_ids", ids)


def _applications_count_in_no_fingerprint(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("kong_oam.stacks.order.estate_digest", lambda *_: "the same")
    patch.setattr(Estates, "_callers", lambda *_: set())


def _a_run_that_failed_is_recorded(patch: pytest.MonkeyPatch) -> None:
    stream = run.stream
    patch.setattr(
        run, "stream", lambda *words, **more: stream(*words, **more) or True
    )


def _what_is_recorded_is_never_outdated(patch: pytest.MonkeyPatch) -> None:
    def outdated(
        estates: Estates, known: Known, _: date
    ) -> Iterator[str | None]:
        return (
            name for name in estates.partitions if name not in known.records
        )

    patch.setattr(Estates, "outdated", outdated)


OPENING = {
    "what is recorded is never outdated": Fault(
        _what_is_recorded_is_never_outdated, READS, TAKEN
    ),
    "a partition whose callers lose a grant is skipped": Fault(
        _partition_is_skipped, READS, TAKEN
    ),
    "callers have the id of another": Fault(
        _callers_have_the_id_of_another, READS, ELSEWHERE
    ),
    "Applications count in no fingerprint": Fault(
        _applications_count_in_no_fingerprint, READS, TAKEN
    ),
    "a run that failed is recorded": Fault(
        _a_run_that_failed_is_recorded,
        READS,
        TAKEN,
        trouble=Trouble(0, kills=False, share=0.0),
    ),
}
"""Faults after which a command completes, and a gate is open that the estate closes."""


def _left_open(made: Commands, fault: Fault, *, seeded: bool) -> Report:
    """Return the findings about gates that are open after a command between the estates of a fault."""
    with pytest.MonkeyPatch.context() as patch:
        if seeded:
            fault.seed(patch)
        made.up(fault.before, "--all")
        made.begin()
        made.up(fault.after, trouble=fault.trouble)
        assert made.up(fault.after) == 0, made.backend.output
    made.begin()
    rules = fault.after.shape.parts[0].rules
    asking_more = tuple(
        (path, method, ("a.read", "a.write")) for path, method, _ in rules
    )
    changed = replace(
        fault.after, shape=fault.after.shape.changed("a", rules=asking_more)
    )
    assert made.up(changed) == 0
    return made.report(closed=False)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "seeded"),
    deep_after(
        1,
        [
            *((name, True) for name in OPENING),
            *((name, False) for name in list(OPENING)[-2:]),
        ],
    ),
)
def test_a_gate_that_a_command_leaves_open_is_found_out(
    there: tuple[Commands, Callable[[], None]],
    name: str,
    seeded: bool,
    report: Callable[[str], None],
) -> None:
    """The next change of the component's dependencies closes it."""
    fault, (made, back) = OPENING[name], there
    # Either of two parallel runs may fail.
    for _ in range(TRIES if seeded else 1):
        back()
        found = _left_open(made, fault, seeded=seeded)
        if found.opened:
            break
    assert bool(found.opened) == seeded, found
    assert found.asked
    if seeded:
        report(
            f"seeded fault, {name}: {len(found.opened)} calls, as {found.opened[0]}"
        )


TOGETHER = {"one": ("of-a",), "two": ("by-job", "by-cron"), "rest": ("*",)}
MOVED = {
    "to another partition": {**TOGETHER, "two": ("by-cron",)},
    "to that of what they call": {
        "one": ("of-a", "by-job", "by-cron"),
        "rest": ("*",),
    },
    "to one of another name": {
        "one": ("of-a",),
        "three": ("by-job", "by-cron"),
        "rest": ("*",),
    },
}
"""The partition of the callers of `a` after the change that gives them another scope."""


def _called_by_both(scope: str, layout: Layout) -> PartitionedEstate:
    clients = tuple(Client(name, (("a", scope),)) for name in ("job", "cron"))
    return PartitionedEstate(
        Shape((_part("a", scope, ("a.read", "a.write")),), clients), layout
    )


@pytest.mark.deep
@pytest.mark.timeout(300)
@pytest.mark.parametrize("where", MOVED)
def test_clients_that_move_as_their_grant_changes_are_not_refused(
    tmp_path: Path, where: str
) -> None:
    """The stack that they leave runs first, and does not know them afterwards."""
    with (
        commands(tmp_path / "project", random.Random(1)) as made,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(stacks, "_APART", 1.0)
        patch.setattr(
            made.backend.draw, "shuffle", lambda queue: queue.sort(reverse=True)
        )
        assert made.up(_called_by_both("a.read", TOGETHER)) == 0, (
            made.backend.output
        )
        made.begin()
        assert made.up(_called_by_both("a.write", MOVED[where])) == 0, (
            made.backend.output
        )
        found = made.report()
    assert not found.opened and not found.closed, found
    assert found.reached


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", deep_after(1, SOUND))
def test_without_a_fault_the_same_estates_pass(
    there: tuple[Commands, Callable[[], None]], name: str
) -> None:
    made, back = there
    back()
    after, trouble = SOUND[name]
    assert made.up(after, trouble=trouble) == (2 if trouble else 0), (
        made.backend.output
    )
    found = made.report()
    assert not found.opened and not found.closed, found
    assert found.reached


@pytest.mark.deep
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CUT_OFF)
def test_a_command_that_was_cut_off_is_taken_back(
    there: tuple[Commands, Callable[[], None]], name: str
) -> None:
    """The next command returns to the estate before."""
    made, back = there
    back()
    before, after, trouble = CUT_OFF[name]
    assert made.up(before) == 0, made.backend.output
    made.begin()
    assert made.up(after, trouble=trouble) == 2
    first = made.backend.ran
    assert made.up(before) == 0, made.backend.output
    found = made.report()
    assert not found.opened and not found.closed, (
        f"{first}, {made.backend.ran}: {found}"
    )
    assert found.reached
