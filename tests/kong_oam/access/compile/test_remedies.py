"""Remedies in messages: applied literally, none grants more than the Applications ask for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random

import pytest
import yaml

from kong_oam.access.diff.change import opens
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, errors
from tests.support.diffs import settings
from tests.support.repository import ROOT
from tests.support.single_mistakes import (
    Applications,
    Mistake,
    compiled,
    generated,
    held,
    mistakes,
    remedied,
)
from tests.support.tiers import examples

_STEPS = 6
"""The most remedies that one mistake needs: a misspelt scope is in the rules, roles and calls."""


def _settings() -> Settings:
    made = settings()
    groups = frozenset({"sales", "order-desk", "auditors"})
    return replace(made, stack=replace(made.stack, known_groups=groups))


SETTINGS = _settings()


def _sample() -> Applications:
    files = sorted((ROOT / "applications").glob("*.yaml"))
    return {file.name: yaml.safe_load(file.read_text()) for file in files}


def _model(applications: Applications) -> AccessModel | None:
    estate = compiled(applications, SETTINGS.stack).estate
    return model_of(estate, SETTINGS) if estate else None


def _found(applications: Applications) -> tuple[Diagnostic, ...]:
    return errors(compiled(applications, SETTINGS.stack).diagnostics)


def _paths(mistake: Mistake) -> list[Applications]:
    """Return the estates that remedies lead to: each remedy first, then the first remedy of each
    further error."""
    reached = []
    for error in _found(mistake.applications):
        now = remedied(mistake.applications, error)
        for _ in range(_STEPS):
            following = None
            for left in _found(now) if now else ():
                following = following or (now and remedied(now, left))
            now = following or now
            if following is None:
                break
        if now:
            reached.append(now)
    return reached


def _excess(before: Applications, mistake: Mistake) -> list[str]:
    """Return the access and the roles that remedies of a mistake add to the estate without the
    mistake."""
    was = _model(before)
    assert was
    excess = []
    for reached in _paths(mistake):
        after = _with_right_names(reached, mistake)
        now = _model(after)
        if now is None:
            continue
        added = held(after) - held(before)
        excess += [f"{mistake.label}: {entry}" for entry in sorted(added)]
        for change in filter(opens, diff(was, now)):
            excess.append(f"{mistake.label}: {change}")
    return excess


def _with_right_names(
    applications: Applications, mistake: Mistake
) -> Applications:
    """Return the Applications with the right name in place of the wrong name."""
    if mistake.renamed is None:
        return applications
    wrong, right = mistake.renamed
    text = json.dumps(dict(applications))
    # A whole text, or a part of `application/component`.
    whole = rf'(?<=["/]){re.escape(wrong)}(?=["/])'
    restored: Applications = json.loads(re.sub(whole, right, text))
    return restored


def test_no_remedy_in_the_sample_estate_grants_more() -> None:
    """Each single mistake, each remedy: nothing opens that the estate without the mistake keeps
    closed, and no role holds more for a client."""
    sample = _sample()
    cases = [*mistakes(sample)]
    chosen = Random(44).sample(cases, min(len(cases), examples(len(cases))))
    excess = []
    for mistake in chosen:
        excess += _excess(sample, mistake)
    assert excess == []


@pytest.mark.parametrize("seed", range(4))
def test_no_remedy_in_generated_estates_grants_more(seed: int) -> None:
    """The same for roles of any scopes, and clients that ask for a part of them."""
    random = Random(seed)
    remedies = 0
    excess = []
    for _ in range(max(1, examples(10))):
        applications = generated(random)
        cases = random.sample([*mistakes(applications)], 25)
        for mistake in cases:
            remedies += len(_paths(mistake))
            excess += _excess(applications, mistake)
    assert excess == []
    assert remedies


def test_a_misspelt_scope_of_a_role_is_one_error() -> None:
    """The client of the role gets no advice to join a role that grants more."""
    sample = _sample()
    (wrong,) = (
        mistake.applications
        for mistake in mistakes(sample)
        if mistake.label.endswith("roles.viewer.scopes.0: orders.red")
    )
    (error,) = _found(wrong)
    assert error.code == "ACC207"
    assert remedied(wrong, error) == sample
