"""decK files whose next sync would delete the entities of stacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.adopt.sync import sync_findings, sync_findings_in

REMEDY = (
    "so its next `deck gateway sync` deletes the stack's entities in Kong. Tag the file's "
    "entities and sync; then select that tag before this run"
)


@pytest.mark.parametrize(
    "text",
    [
        "_format_version: '3.0'\n",
        "_info: {}\n",
        "_info: {select_tags: []}\n",
        "_info: {select_tags: }\n",
        "_info: {select_tags: ['']}\n",
        "_info: {defaults: {}}\nselect_tags: [team]\n",
    ],
)
def test_a_file_without_selected_tags_is_named(text: str) -> None:
    (found,) = sync_findings_in("old/kong.yaml", text.encode())
    assert str(found) == (
        f"old/kong.yaml:1:1: error ENV428: the file has no _info.select_tags, {REMEDY}"
    )


@pytest.mark.parametrize(
    "tags", ["kong-oam", "kong-oam-stack:prod", "kong-oam, kong-oam-stack:a"]
)
def test_tags_of_stacks_select_the_entities_of_stacks(tags: str) -> None:
    text = f"_info: {{select_tags: [{tags}]}}\n"
    (found,) = sync_findings_in("kong.yaml", text.encode())
    assert found.message == (
        f"_info.select_tags names only tags of stacks, {REMEDY}"
    )


@pytest.mark.parametrize("tags", ["team", "kong-oam, team", "kong-oamx"])
def test_a_file_with_a_tag_of_its_own_is_accepted(tags: str) -> None:
    """decK selects entities that have all these tags."""
    text = f"_info: {{select_tags: [{tags}]}}\nservices: []\n"
    assert list(sync_findings_in("kong.yaml", text.encode())) == []


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "key: s3cr3t\n b: ["])
def test_an_unreadable_file_is_named_without_its_text(text: str) -> None:
    (found,) = sync_findings_in("kong.yaml", text.encode())
    assert str(found) == (
        "kong.yaml:1:1: error ENV428: the file is no YAML mapping, so its _info.select_tags are "
        "unknown; correct it"
    )


def test_files_are_relative_to_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text("_info: {select_tags: [team]}\n", "utf-8")
    Path("bad.yaml").write_text("services: []\n", "utf-8")
    found = list(sync_findings(["good.yaml", "bad.yaml", "none.yaml"]))
    assert [str(finding).partition(": the ")[0] for finding in found] == [
        "bad.yaml:1:1: error ENV428",
        "none.yaml:1:1: error ENV428: gateway.adopted.deck",
    ]
