"""Plugins that are not ours: the policy pack and `verify` judge a kind alike."""

from __future__ import annotations

import ast
import typing
from pathlib import Path

import pytest
from tests.support.sound import beside, plugin

from kong_oam.kong.plugin_kinds import PLUGIN_KINDS, Doing
from kong_oam.verify.effects import Effect, effect_of
from policies.catalogue import RULES
from policies.gateway import SCRIPTS, STRICT

POLICIES = Path(__file__).resolve().parents[2] / "policies"
(UNDISTURBED,) = (rule for rule in RULES if rule.id == "gate-undisturbed")


@pytest.mark.parametrize("kind", [*PLUGIN_KINDS, "somebodys-own"])
def test_both_judge_a_kind_alike(kind: str) -> None:
    """What the pack lets stand only looks, or refuses some calls; nothing else does, whatever an organisation allows."""
    effect = effect_of({"name": kind, "config": {}})
    one = beside(plugin("one", kind, {}))
    assert bool(UNDISTURBED.findings(one, {})) == (effect in (Effect.CLOSES, Effect.UNKNOWN))
    assert (effect is Effect.NONE) == (PLUGIN_KINDS.get(kind) == "harmless")
    may_be_allowed = PLUGIN_KINDS.get(kind, "depends") in ("harmless", "limits", "depends")
    assert bool(UNDISTURBED.findings(one, {"allow": [kind]})) != may_be_allowed


def test_both_know_every_word_of_the_file() -> None:
    """And our own kinds are not in it: where they stand is what counts."""
    assert {*PLUGIN_KINDS.values()} == {*typing.get_args(Doing)}
    assert not PLUGIN_KINDS.keys() & {*SCRIPTS, *STRICT}


@pytest.mark.parametrize(
    ("kind", "doing"),
    [("kafka-log", "harmless"), ("response-transformer-advanced", "depends"), ("request-transformer", "rewrites")],
)
def test_what_only_logs_is_harmless_and_what_may_run_code_is_not(kind: str, doing: str) -> None:
    """Of which two lists said two things."""
    assert PLUGIN_KINDS[kind] == doing


def test_the_pack_runs_nothing_of_what_the_program_knows_kong_by() -> None:
    """It guards the program: what that takes for harmless, for its table or its script, the pack reads for itself."""
    for file in POLICIES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.startswith(("kong_oam.kong", "kong_oam.verify"))], file
