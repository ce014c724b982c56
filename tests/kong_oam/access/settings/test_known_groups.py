"""The groups that a stack knows, listed in its file or beside it, and errors about other groups."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import StackError
from tests.support.cli import Cli
from tests.support.estates import STACK, api, compiled
from tests.support.projects import copy_sample
from tests.support.streams import Capsys

STACK_FILE = Path("stacks/Pulumi.local.yaml")
LIST = "  kong-oam:knownGroups: [order-desk, sales, support]\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the sample estate in the current folder."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)


def known(setting: str, mapped: str = "") -> frozenset[str] | None:
    """Return the groups that the sample's stack knows with `setting` in its file."""
    text = STACK_FILE.read_text("utf-8").replace(
        "config:\n", f"config:\n{setting}"
    )
    STACK_FILE.write_text(
        text.replace("      type: okta\n", f"      type: okta\n{mapped}"),
        "utf-8",
    )
    return read_file(STACK_FILE).stack.known_groups


def mistype() -> None:
    path = Path("applications/orders.yaml")
    path.write_text(
        path.read_text("utf-8").replace("groups: [sales]", "groups: [salse]"),
        "utf-8",
    )


def test_a_stack_lists_its_groups_in_its_file_or_beside_it() -> None:
    """The stack also knows groups that a provider maps. Without a list it knows none."""
    assert read_file(STACK_FILE).stack.known_groups is None
    Path("stacks/groups.yaml").write_text(
        "# of all stacks\n- sales\n- order-desk\n", "utf-8"
    )
    groups = known(
        "  kong-oam:knownGroups: groups.yaml\n",
        "      groups: {support: Support EU}\n",
    )
    assert groups == {"sales", "order-desk", "support"}


def test_the_list_itself() -> None:
    assert known(LIST) == {"sales", "order-desk", "support"}


@pytest.mark.parametrize(
    ("setting", "text", "message"),
    [
        (
            "groups.yaml",
            None,
            "kong-oam:knownGroups: stacks/groups.yaml cannot be read: [Errno 2] No such file or directory",
        ),
        (
            "groups.yaml",
            "[",
            "kong-oam:knownGroups: stacks/groups.yaml cannot be read: ",
        ),
        (
            "groups.yaml",
            "sales: Sales",
            "stacks/groups.yaml is not a list of names; write one group a line: `- sales`",
        ),
        ("groups.yaml", "- 1", "stacks/groups.yaml is not a list of names"),
        (
            "../groups.yaml",
            "- sales",
            "'../groups.yaml' is not a file name; write the name of a file in stacks/",
        ),
    ],
)
def test_a_list_that_cannot_be_read_is_said_by_its_setting(
    setting: str, text: str | None, message: str
) -> None:
    """Otherwise all groups would be unknown, or all would be accepted."""
    if text is not None:
        Path("stacks/groups.yaml").write_text(text, "utf-8")
    with pytest.raises(StackError) as error:
        known(f"  kong-oam:knownGroups: {setting}\n")
    assert message in str(error.value)


def test_a_group_that_the_stack_does_not_know_is_an_error(
    cli: Cli,
) -> None:
    """The error has a position and the nearest known group."""
    known(LIST)
    assert main(["check"]) == 0
    mistype()
    assert (
        "applications/orders.yaml:28:56: error ACC222: role 'viewer': the stack's `knownGroups` "
        "has no 'salse'; correct the list or the role, whichever differs from the identity "
        "provider; did you mean 'sales'?\n"
    ) in cli("check", status=1)


def test_each_unknown_group_of_a_list_is_an_error() -> None:
    """A group that is listed twice has two errors."""
    text = api(
        access="{owner: o, scopes: {s: s}, roles: {r: {scopes: [s], groups: [b, a, b]}}}"
    )
    found = compiled(
        text, stack=replace(STACK, known_groups=frozenset({"a"}))
    ).diagnostics
    assert [
        (diagnostic.code, diagnostic.position and diagnostic.position.column)
        for diagnostic in found
    ] == [
        ("ACC222", 84),
        ("ACC222", 90),
    ]
    assert compiled(text).diagnostics == ()


def test_questions_are_answered_for_groups_that_are_known(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """ "No role names it" is an answer about a known group."""
    request = [
        "explain",
        "GET",
        "http://orders.example.com/orders",
        "--as",
        "shop/web",
        "--user-in",
    ]
    assert main([*request, "support"]) == 2
    known(LIST)
    capsys.readouterr()
    assert "none: the user is in no group that shop/web is assigned to" in cli(
        *request, "support"
    )
    assert (
        "unknown group 'suport': no role names it; did you mean 'support'?"
        in cli.error(*request, "suport")
    )


def test_what_changes_is_told_whatever_the_list(
    cli: Cli,
) -> None:
    """The two sides may have different lists. A list alone grants nothing."""
    shutil.copytree(".", "before")
    known("  kong-oam:knownGroups: [order-desk, support]\n")
    assert cli("diff", "before", ".") == ""
    path = Path("applications/orders.yaml")
    path.write_text(
        path.read_text("utf-8").replace("groups: [sales]", "groups: [support]"),
        "utf-8",
    )
    assert "support" in cli("diff", "before", ".")


def test_a_repository_without_a_stack_lists_its_groups_itself(
    cli: Cli,
) -> None:
    """The file is groups.yaml."""
    shutil.rmtree("stacks")
    assert "hosts, providers and groups are not checked" in cli("check")
    Path("groups.yaml").write_text("- sales\n- order-desk\n", "utf-8")
    assert "without a stack, hosts and providers are not checked" in cli(
        "check"
    )
    mistype()
    assert (
        "error ACC222: role 'viewer': groups.yaml has no 'salse'; correct the list or the role"
        in cli("check", status=1)
    )
    Path("groups.yaml").write_text("sales", "utf-8")
    assert "groups.yaml is not a list of names" in cli.error("check")
