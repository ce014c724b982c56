"""Stack files of an estate with partitions: their settings, and errors with remedies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.project import stack_file
from kong_oam.access.settings.stack import parse, read_file
from kong_oam.access.settings.values import Settings, StackError
from tests.support.json_object import JsonObject

SETTINGS: JsonObject = {
    "cloud": "local",
    "asOf": "2026-11-25",
    "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}},
    "identityProviders": [{"name": "main", "type": "oidc"}],
}
PARTITIONS = {"sales": ["shop", "orders"], "rest": ["*"]}


def written(folder: Path, stack: str, **values: Any) -> None:
    text = yaml.safe_dump(
        {
            "config": {
                f"kong-oam:{name}": value for name, value in values.items()
            }
        }
    )
    stack_file(stack, folder / "stacks").write_text(text, "utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project with the estate `prod` in partitions, and `dev` in one stack."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(
        "name: kong-oam\nstackConfigDir: stacks\n", "utf-8"
    )
    written(tmp_path, "prod", **SETTINGS, partitions=PARTITIONS)
    written(tmp_path, "dev", **SETTINGS)
    return tmp_path


def read(project: Path, stack: str) -> Settings:
    return read_file(stack_file(stack, project / "stacks"))


def refusal(project: Path, stack: str) -> str:
    with pytest.raises(StackError) as refused:
        read(project, stack)
    return str(refused.value)


def test_a_partition_has_the_settings_of_its_estate(project: Path) -> None:
    """It has the estate's name, too: names and audiences are the estate's."""
    written(project, "prod-sales", estate="prod")
    of_estate, partition = read(project, "prod"), read(project, "prod-sales")
    assert (of_estate.partition, of_estate.engine_stack) == (None, "prod")
    assert (partition.partition, partition.engine_stack) == (
        "sales",
        "prod-sales",
    )
    assert partition.stack == of_estate.stack
    assert partition.providers[0].audience == "api://kong-oam/prod"
    assert read(project, "dev").stack.partitions == {}


def test_namespaces_are_in_the_partition_that_names_them(project: Path) -> None:
    """Other namespaces are in the partition with `*`, in any order."""
    for listed in (PARTITIONS, dict(reversed(PARTITIONS.items()))):
        written(project, "prod", **SETTINGS, partitions=listed)
        stack = read(project, "prod").stack
        assert [*map(stack.partition_of, ("shop", "orders", "anything"))] == [
            "sales",
            "sales",
            "rest",
        ]
    written(project, "prod", **SETTINGS, partitions={"sales": ["shop"]})
    assert read(project, "prod").stack.partition_of("anything") is None


def test_only_what_the_engine_and_its_plugins_ask_for_may_stand_beside_the_estate(
    project: Path,
) -> None:
    """No command would read a setting there."""
    text = "config: {kong-oam:estate: prod, kong:kongAdminUri: https://kong}\n"
    stack_file("prod-sales", project / "stacks").write_text(text, "utf-8")
    assert read(project, "prod-sales").partition == "sales"
    written(project, "prod-sales", estate="prod", cloud="aws", gateway={})
    assert refusal(project, "prod-sales") == (
        "stack 'prod-sales': kong-oam:estate: a partition's settings are in its estate's file; move kong-oam:cloud, "
        "kong-oam:gateway to stacks/Pulumi.prod.yaml"
    )


@pytest.mark.parametrize("name", ["sales", "prodsales", "dev-sales", "prod"])
def test_a_partitions_stack_is_called_after_its_estate(
    project: Path, name: str
) -> None:
    written(project, name, estate="prod")
    message = refusal(project, name)
    assert (
        f"stack '{name}': kong-oam:estate: '{name}' is not a partition of 'prod': a partition's stack is named "
        "'<estate>-<partition>'; name the estate of this stack" in message
    )


@pytest.mark.parametrize(
    "value", [1, True, None, ["prod"], {"name": "prod"}, ""], ids=json.dumps
)
def test_an_estate_is_named_by_a_text(project: Path, value: Any) -> None:
    """Other values give an error, never a traceback."""
    for name in ("prod-sales", "1-sales"):
        written(project, name, estate=value)
        assert "a partition's stack is named '<estate>-<partition>'" in refusal(
            project, name
        )


def test_an_estate_that_is_not_here_is_said(project: Path) -> None:
    """The error has the nearest name."""
    written(project, "pord-sales", estate="pord")
    assert "no stack 'pord'" in refusal(project, "pord-sales")
    assert "did you mean 'prod'?" in refusal(project, "pord-sales")


def test_a_partition_is_no_estate(project: Path) -> None:
    written(project, "prod-sales", estate="prod")
    written(project, "prod-sales-more", estate="prod-sales")
    assert refusal(project, "prod-sales-more") == (
        "stack 'prod-sales-more': kong-oam:estate: 'prod-sales' is a partition; name its estate"
    )


def test_a_partition_is_one_that_the_estate_knows(project: Path) -> None:
    written(project, "prod-sale", estate="prod")
    assert refusal(project, "prod-sale") == (
        "stack 'prod-sale': kong-oam:estate: stacks/Pulumi.prod.yaml has no partition 'sale' (if you removed it, run "
        "`python -m kong_oam move -s prod`, then `pulumi destroy -s prod-sale`); did you mean 'sales'?"
    )


def test_what_is_wrong_with_the_estates_settings_is_said_of_its_own_file(
    project: Path,
) -> None:
    written(
        project, "prod", **{**SETTINGS, "cloud": "moon"}, partitions=PARTITIONS
    )
    written(project, "prod-sales", estate="prod")
    assert (
        "stack 'prod' cannot be used; correct stacks/Pulumi.prod.yaml"
        in refusal(project, "prod-sales")
    )


@pytest.mark.parametrize(
    ("partitions", "message"),
    [
        (
            {"a": ["x", "y"], "b": ["y"]},
            "kong-oam:partitions: namespace 'y' is in two partitions, 'a' and 'b'; keep one",
        ),
        (
            {"a": ["*"], "b": ["*"]},
            "kong-oam:partitions: all other namespaces are in two partitions, 'a' and 'b'; keep one",
        ),
        (
            {"a": ["x"], "b": ["x"], "c": ["x"]},
            "namespace 'x' is in two partitions, 'a' and 'c'",
        ),
        ({"A": ["x"]}, "kong-oam:partitions"),
        ({"a" * 21: ["x"]}, "kong-oam:partitions"),
    ],
    ids=str,
)
def test_what_partitions_cannot_be_is_said(
    partitions: JsonObject, message: str
) -> None:
    """A namespace in two partitions, `*` twice, no namespaces, and names that no stack or namespace
    can have."""
    with pytest.raises(StackError) as refused:
        parse("prod", {**SETTINGS, "partitions": partitions})
    assert message in str(refused.value)


def test_a_stack_is_called_after_estate_and_partition() -> None:
    assert stack_of("prod", "sales") == "prod-sales"
