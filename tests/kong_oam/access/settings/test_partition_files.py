"""Files of partitions' stacks: a file of another estate is not a partition's."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import StackError

DATA = {
    "cloud": "local",
    "asOf": "2026-01-01",
    "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}},
    "identityProviders": [{"name": "okta", "type": "okta"}],
    "partitions": {"eu": ["eu"], "rest": ["*"]},
}


def problems(folder: Path, text: str) -> str:
    (folder / "Pulumi.prod-eu.yaml").write_text(text)
    try:
        parse("prod", DATA, folder=folder)
    except StackError as error:
        return str(error)
    return ""


def test_a_partition_may_have_no_file_yet(tmp_path: Path) -> None:
    assert parse("prod", DATA, folder=tmp_path).stack.partition_of("eu") == "eu"


def test_a_file_that_names_the_estate_is_its_partitions(tmp_path: Path) -> None:
    assert (
        problems(tmp_path, "config: {kong-oam:estate: prod, okta:orgName: x}")
        == ""
    )


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("config: {kong-oam:cloud: aws}", "another estate"),
        ("", "another estate"),
        ("config: {kong-oam:estate: other}", "a partition of 'other'"),
    ],
)
def test_an_estate_called_as_a_partition_is_not_taken_for_it(
    tmp_path: Path, text: str, whose: str
) -> None:
    """`move` would bring components into that stack, and its next run would delete them."""
    found = problems(tmp_path, text)
    assert (
        f"partition 'eu' needs the stack 'prod-eu', which is {whose} by {tmp_path}/Pulumi.prod-eu.yaml"
        in found
    )
    assert "set only kong-oam:estate: prod in this file" in found


def test_a_file_that_cannot_be_read_is_a_problem_with_its_name(
    tmp_path: Path,
) -> None:
    assert "Pulumi.prod-eu.yaml cannot be read" in problems(tmp_path, "{")
