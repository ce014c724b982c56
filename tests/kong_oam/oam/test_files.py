"""Which files are read: what files, folders and globs name."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.oam.application import read_files
from kong_oam.oam.files import files_of, root_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project beside the repositories of two teams."""
    for name in (
        "platform/own/own.yaml",
        "teams/a/oam/a.yaml",
        "teams/a/oam/deep/more.yml",
        "teams/a/README.md",
        "teams/b/oam/b.yaml",
        "teams/b/other/no.yaml",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "platform"


def named(folder: Path, *names: str | Path) -> list[str]:
    """The files, as seen from the project; those with a problem with a `!`."""
    return [f"{file.relative_to(folder)}{'!' if problem else ''}" for file, problem in files_of(names, folder)]


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["own"], ["own/own.yaml"]),
        (["own", "./own/own.yaml", "own/*.yaml", "../platform/own"], ["own/own.yaml"]),
        (["../teams/*/oam"], ["../teams/a/oam/a.yaml", "../teams/a/oam/deep/more.yml", "../teams/b/oam/b.yaml"]),
        (["../teams/*/oam/*.yaml"], ["../teams/a/oam/a.yaml", "../teams/b/oam/b.yaml"]),
        (["../teams/**/oam/*.y*ml"], ["../teams/a/oam/a.yaml", "../teams/b/oam/b.yaml"]),
        (["own", "../teams/[b]/oam"], ["own/own.yaml", "../teams/b/oam/b.yaml"]),
        (["../teams/a/README.md"], ["../teams/a/README.md"]),
        (["gone"], ["gone!"]),
    ],
)
def test_files_folders_and_globs_name_files(folder: Path, names: list[str], files: list[str]) -> None:
    """Each once, whatever names it. One that is not there is read, and cannot be."""
    assert named(folder, *names) == files


def test_an_absolute_path_is_one(folder: Path) -> None:
    """Wherever the project is."""
    assert [*files_of([folder.parent / "teams/b/oam"], Path("elsewhere"))] == [
        (folder.parent / "teams/b/oam/b.yaml", "")
    ]


def test_what_names_nothing_is_an_error(folder: Path) -> None:
    """A submodule that is not checked out, or a pattern that is misspelt: a run would remove what is deployed."""
    (folder / "empty").mkdir()
    assert named(folder, "empty", "../teams/*/aom", "own/*.json") == ["empty!", "../teams/*/aom!", "own/*.json!"]
    findings = read_files(["empty", "../teams/*/aom", "gone"], folder=folder).diagnostics
    assert [finding.code for finding in findings] == ["OAM101"] * 3
    assert [finding.message.partition("; ")[0] for finding in findings] == [
        "cannot be read: no YAML file is in this folder (is it checked out?), and all that was deployed from it would go",
        "cannot be read: no YAML file matches it, and all that was deployed from such would go",
        "cannot be read: no such file or folder",
    ]


def test_nothing_is_found_by_a_link_that_leads_out(folder: Path) -> None:
    """Of a folder, or of what a pattern can match; a link inside is a file, once."""
    (folder / "own/out.yaml").symlink_to("../../teams/a/oam/a.yaml")
    (folder / "own/in.yaml").symlink_to("own.yaml")
    assert named(folder, "own") == named(folder, "own/*.yaml") == ["own/in.yaml"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder: Path) -> None:
    """Where it is there."""
    (folder / "own/[a].yaml").touch()
    (folder / "own/a.yaml").touch()
    assert named(folder, "own/[a].yaml") == ["own/[a].yaml"]


@pytest.mark.parametrize(("name", "root"), [("a/b*/c", "a"), ("*/c", "."), ("/x/y/**/z.yaml", "/x/y"), ("a/b", "a/b")])
def test_the_root_of_a_pattern_is_what_precedes_it(name: str, root: str) -> None:
    """All that it matches is below."""
    assert root_of(Path(name)) == Path(root)
