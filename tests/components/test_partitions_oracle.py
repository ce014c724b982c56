"""Where a command leaves a stack out, a run of it would make the very same: over generated estates and their edits.

The program is run on every stack of both estates of a pair, under Pulumi's mocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.fingerprint_fields import (
    Field,
    Pair,
    Pairs,
    registered_by,
    without_field,
)
from tests.support.generated_estates import Choice, ChosenEstate, first, full
from tests.support.partition_worlds import (
    Deployed,
    InvalidEstateError,
    Project,
    project_at,
)
from tests.support.tiers import deep_after

FEW: dict[Choice, set[str | None]] = {
    ("orders/api", "image"): {"apis"},
    ("orders/api", "owner"): {"apis"},
    ("orders/api", "rules"): {"apis"},
    ("orders/api", "cors"): {"apis"},
    ("shop/job", "image"): {"shops"},
    ("shop/job", "rotation"): {"shops"},
    ("shop/web", "redirect"): {"shops"},
    ("mail", "labels"): {"rest"},
    ("orders/api < shop/job", "grant"): {"apis", "shops"},
}
"""The stacks to run, by the changed choice. Gates do not depend on the version of a caller's image.
"""
MORE: tuple[Choice, ...] = (
    ("orders/api", "scopes"),
    ("orders/api", "gateway"),
    ("shop/web", "refresh"),
    ("stock/api", "groups"),
    ("", "strip"),
)
CAUGHT: list[Field] = [
    ("FingerprintInputs", "foreign"),
    ("Exposure", "rules"),
    ("Component", "workload"),
    ("Identity", "scopes"),
    ("Component", "traits"),
    ("Client", "calls"),
    ("Client", "redirect_uris"),
    ("Client", "refresh"),
    ("Client", "rotate_every"),
    ("Endpoint", "host"),
    ("Role", "groups"),
]
"""Fields of which the few pairs above say already that the fingerprint needs them."""


@pytest.fixture(scope="module", params=deep_after(1, ["okta", "entra"]))
def pairs_of_few(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Pair]]:
    """Pairs that differ in one of these."""
    with project_at(
        request.param, tmp_path_factory.mktemp("project")
    ) as project:
        yield [
            *Pairs.around(project, first(request.param, Random(1))).of_each(
                [*FEW, *MORE]
            )
        ]


@pytest.mark.deep
def test_a_change_runs_few_of_the_stacks(pairs_of_few: list[Pair]) -> None:
    """Else the oracle would say nothing."""
    ran = {
        choice: {pair.partition for pair in pairs_of_few if pair.edit == choice}
        for choice in FEW
    }
    grant = ran.pop(("orders/api < shop/job", "grant"))
    # At Entra any token means one for any API that somebody calls.
    assert grant - {"rest"} == FEW["orders/api < shop/job", "grant"]
    assert ran == {choice: FEW[choice] for choice in ran}


@pytest.mark.deep
@pytest.mark.parametrize("field", CAUGHT, ids=".".join)
def test_what_is_left_out_of_the_fingerprint_is_found(
    pairs_of_few: list[Pair], field: Field
) -> None:
    """Some stack is then left out whose run would make something else."""
    deciding = [pair for pair in pairs_of_few if field in pair.decisive()]
    with without_field(field):
        assert any(pair.is_missed() for pair in deciding)


def _step(
    chosen: ChosenEstate, random: Random, project: Project
) -> ChosenEstate:
    """One to three edits, after which the estate compiles."""
    while True:
        choice = chosen
        for _ in range(random.randrange(1, 4)):
            edits = [*choice.edits()]
            choice = choice.edited(
                *random.choice(
                    [edit for edit in edits if edit[0][0]]
                    if random.random() < 0.8
                    else edits
                )
            )
        if project.estates(choice):
            return choice


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kind", "number", "steps"),
    deep_after(
        1,
        [
            ("okta", 1, 3),
            ("okta", 2, 25),
            ("entra", 3, 20),
            ("keycloak", 4, 20),
            ("two", 5, 15),
        ],
    ),
)
def test_running_what_is_chosen_leaves_what_running_all_leaves(
    kind: str, number: int, steps: int, tmp_path: Path
) -> None:
    """After each of several changes: every resource and output of every stack, except the base's
    generation."""
    random, ran, refused = Random(number), [0, 0], 0
    with project_at(kind, tmp_path) as project:
        chosen = first(kind, random)
        estates = project.estates(chosen)
        assert estates
        all_run = Deployed({})
        project.up(estates, all_run, everything=True)
        few_run = all_run.copy()
        for _ in range(steps):
            now = _step(chosen, random, project)
            estates = project.estates(now)
            assert estates
            run_all, run_few = all_run.copy(), few_run.copy()
            try:
                project.up(estates, run_all, everything=True)
            except InvalidEstateError:  # as where Kong has no such plugin
                refused += 1
                continue
            project.up(estates, run_few, everything=False)
            for stack in run_all.made:
                assert registered_by(run_few, stack) == registered_by(
                    run_all, stack
                ), (
                    now.differing_choices(chosen),
                    stack,
                )
            ran = [ran[0] + len(run_all.ran), ran[1] + len(run_few.ran)]
            chosen, all_run, few_run = now, run_all, run_few
    assert refused <= steps // 4
    assert ran[1] < ran[0]


PARTS = [
    *(("okta", part, 16) for part in range(16)),
    *((kind, 0, 1) for kind in ("entra", "keycloak", "two")),
]


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "part", "parts"), PARTS)
def test_no_pair_is_missed_and_each_field_that_decides_is_needed(
    kind: str, part: int, parts: int, tmp_path: Path
) -> None:
    """One part of all pairs that differ in one choice."""
    with project_at(kind, tmp_path) as project:
        for pair in Pairs.around(project, full(kind)).of(kind, part, parts):
            assert not pair.is_missed(), pair.edit
            for field in pair.decisive() if pair.differs else ():
                with without_field(field):
                    assert pair.is_missed(), (pair.edit, field)
