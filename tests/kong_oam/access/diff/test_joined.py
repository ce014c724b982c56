"""The models that the stacks of an estate export, as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import (
    ModelError,
    dump_model,
    joined,
    load_model,
)
from kong_oam.access.model import Estate
from kong_oam.access.partitions import deployed_by
from kong_oam.access.report import access_table, grants
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from tests.support.estates import estate
from tests.support.partitioned import ANY, MAIL, ORDERS, SHOP

SETTINGS = parse(
    "tests",
    {
        "cloud": "local",
        "asOf": "2026-11-25",
        "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}},
        "identityProviders": [{"name": "main", "type": "oidc"}],
    },
)
TEXTS = (ORDERS, SHOP, MAIL, ANY)
WHOLE = estate(*TEXTS)
NAMESPACES = sorted(
    {application.namespace for application in WHOLE.applications}
)


def in_partitions() -> tuple[Estate, Settings]:
    """The same estate with a partition for each namespace."""
    stack = replace(
        WHOLE.stack, partitions={f"p-{name}": (name,) for name in NAMESPACES}
    )
    made = estate(*TEXTS, stack=stack)
    return made, replace(SETTINGS, stack=stack)


def dumped(partition: str | None) -> str:
    made, settings = in_partitions()
    return dump_model(model_of(deployed_by(made, partition), settings))


def test_all_stacks_together_are_the_whole() -> None:
    """Base first or last."""
    meant = load_model(dump_model(model_of(WHOLE, SETTINGS)))
    texts = [dumped(None), *(dumped(f"p-{name}") for name in NAMESPACES)]
    for order in (texts, texts[::-1]):
        model = load_model(joined(order))
        assert model.estate.components == meant.estate.components
        assert model.workloads == meant.workloads


def test_what_its_own_stack_has_not_made_is_not_there() -> None:
    """Of a partition that was never run the base and those whom it calls only know."""
    assert load_model(joined([dumped(None)])).estate.components == {}
    some = load_model(joined([dumped(None), dumped(f"p-{NAMESPACES[0]}")]))
    assert {component.key for component in some.estate.components.values()} == {
        component.key
        for component in WHOLE.components.values()
        if component.workload.namespace == NAMESPACES[0]
        and (component.exposure.endpoints or component.identity.clients)
    }


def test_a_stack_states_facts_of_what_it_deploys_alone() -> None:
    """It is given less of others: once such a one is moved there, all of it would look new."""
    made, _ = in_partitions()
    others = set()
    for name in made.stack.partitions:
        given, model = deployed_by(made, name), load_model(dumped(name))
        stated = {subject.component for subject in model.facts} - {""}
        assert stated == {
            key
            for key, one in given.own.items()
            if one.exposure.endpoints or one.identity.clients
        }
        others |= model.estate.components.keys() - stated
    assert others


def test_what_a_stack_exported_before_it_was_a_base_stays_until_a_partition_has_run() -> (
    None
):
    """States were moved, and no stack was run since: all is there, by what the one stack exported."""
    meant = load_model(dump_model(model_of(WHOLE, SETTINGS))).estate.components
    before = dump_model(model_of(WHOLE, SETTINGS))
    assert load_model(joined([before])).estate.components == meant
    assert (
        load_model(
            joined([before, dumped(f"p-{NAMESPACES[0]}")])
        ).estate.components
        == meant
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1\nstack {",
        "1\na/b [1]",
        '1\na/b {"foreign": 1}',
        7,
        None,
        {"a": 1},
        "2",
    ],
)
def test_what_is_no_model_is_refused_in_words(text: Any) -> None:
    """Alone, and behind one that is."""
    for texts in ([text], [dumped(None), text] if text != "" else [text]):
        with pytest.raises(ModelError):
            load_model(joined(texts))


def test_the_tables_of_partitions_are_lines_of_the_wholes() -> None:
    """Who may call what, and what clients are granted: each line is in one stack's, and the base has none."""
    made, _ = in_partitions()
    stacks = [
        deployed_by(made, name) for name in (None, *made.stack.partitions)
    ]
    for table in (access_table, grants):
        head, *lines = table(WHOLE).splitlines()
        of_stacks = [table(one).splitlines() for one in stacks]
        assert of_stacks[0] == [head]
        assert sorted(
            line for of_stack in of_stacks for line in of_stack[1:]
        ) == sorted(lines)
        assert lines
