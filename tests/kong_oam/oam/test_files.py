"""Files, folders and globs that select files to read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kong_oam.oam.application import read_files
from kong_oam.oam.files import (
    APPLICATIONS,
    DEFINITIONS,
    FileKind,
    files_of,
    root_of,
)


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
    """The files relative to the project; a `!` marks a problem."""
    return [
        f"{file.relative_to(folder)}{'!' if problem else ''}"
        for file, problem in files_of(names, folder)
    ]


@pytest.mark.parametrize("file_kind", [APPLICATIONS, DEFINITIONS])
def test_neither_nothing_nor_everything_is_a_name(
    file_kind: FileKind, folder: Path
) -> None:
    """An empty variable of a script does not mean the current folder, and nobody means the whole
    file system."""
    found = [
        (str(file), problem.partition(";")[0])
        for file, problem in files_of(["", "/", "own/"], folder, file_kind)
    ]
    assert found == [
        (".", "an empty name selects no file"),
        ("/", "this is the whole file system"),
        (f"{folder}/own/own.yaml", ""),
    ]


def test_capitals_in_a_suffix_do_not_hide_a_file(folder: Path) -> None:
    """An unread Application would lose its API."""
    (folder / "own/orders.YAML").touch()
    (folder / "own/link.Yml").symlink_to("orders.YAML")
    assert named(folder, "own") == ["own/link.Yml", "own/own.yaml"]
    assert named(folder, "own/*") == ["own/link.Yml", "own/own.yaml"]


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["own"], ["own/own.yaml"]),
        (
            ["own", "./own/own.yaml", "own/*.yaml", "../platform/own"],
            ["own/own.yaml"],
        ),
        (
            ["../teams/*/oam"],
            [
                "../teams/a/oam/a.yaml",
                "../teams/a/oam/deep/more.yml",
                "../teams/b/oam/b.yaml",
            ],
        ),
        (
            ["../teams/*/oam/*.yaml"],
            ["../teams/a/oam/a.yaml", "../teams/b/oam/b.yaml"],
        ),
        (
            ["../teams/**/oam/*.y*ml"],
            ["../teams/a/oam/a.yaml", "../teams/b/oam/b.yaml"],
        ),
        (
            ["own", "../teams/[b]/oam"],
            ["own/own.yaml", "../teams/b/oam/b.yaml"],
        ),
        (["../teams/a/README.md"], ["../teams/a/README.md"]),
        (["gone"], ["gone!"]),
    ],
)
def test_files_folders_and_globs_name_files(
    folder: Path, names: list[str], files: list[str]
) -> None:
    """Each file once. A missing file is a problem."""
    assert named(folder, *names) == files


def test_an_absolute_path_is_one(folder: Path) -> None:
    """Outside of the project too."""
    assert [*files_of([folder.parent / "teams/b/oam"], Path("elsewhere"))] == [
        (folder.parent / "teams/b/oam/b.yaml", "")
    ]


def test_what_names_nothing_is_an_error(folder: Path) -> None:
    """A missing submodule or a misspelt pattern would delete deployed objects."""
    (folder / "empty").mkdir()
    assert named(folder, "empty", "../teams/*/aom", "own/*.json") == [
        "empty!",
        "../teams/*/aom!",
        "own/*.json!",
    ]
    findings = read_files(
        ["empty", "../teams/*/aom", "gone"], folder=folder
    ).diagnostics
    assert [finding.code for finding in findings] == ["OAM101"] * 3
    assert [
        finding.message.partition("; ")[0].partition(". ")[0]
        for finding in findings
    ] == [
        "cannot be read: this folder has no YAML file, so everything deployed from it would be deleted",
        "cannot be read: no YAML file matches this pattern, so everything deployed from such files would be deleted",
        "cannot be read: no such file or folder",
    ]


def test_a_link_that_leads_out_is_an_error(folder: Path) -> None:
    """In a folder or a pattern's matches. A link inside counts as the file, once."""
    (folder / "own/out.yaml").symlink_to("../../teams/a/oam/a.yaml")
    (folder / "own/in.yaml").symlink_to("own.yaml")
    assert (
        named(folder, "own")
        == named(folder, "own/*.yaml")
        == ["own/in.yaml", "own/out.yaml!"]
    )
    (folder / "own/team").symlink_to("../../teams/a/oam")
    (folder / "own/notes.txt").symlink_to("../../notes.txt")
    assert named(folder, "own") == ["own/in.yaml", "own/out.yaml!", "own/team!"]
    (finding, _) = read_files(["own"], folder=folder).diagnostics
    assert finding.message == (
        "cannot be read: this link to ../../teams/a/oam/a.yaml leaves the folder and is not followed. "
        "Add the target to kong-oam:applications of the stack, copy the files here, or remove the link"
    )


def test_a_link_to_a_folder_below_hides_nothing(folder: Path) -> None:
    """The files are found at their own paths."""
    (folder / "own/deep").mkdir()
    (folder / "own/deep/one.yaml").touch()
    (folder / "own/again").symlink_to("deep")
    assert named(folder, "own") == ["own/deep/one.yaml", "own/own.yaml"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder: Path) -> None:
    """If the file exists."""
    (folder / "own/[a].yaml").touch()
    (folder / "own/a.yaml").touch()
    assert named(folder, "own/[a].yaml") == ["own/[a].yaml"]


@pytest.mark.parametrize(
    ("name", "root"),
    [("a/b*/c", "a"), ("*/c", "."), ("/x/y/**/z.yaml", "/x/y"), ("a/b", "a/b")],
)
def test_the_root_of_a_pattern_is_what_precedes_it(
    name: str, root: str
) -> None:
    """All matches are below it."""
    assert root_of(Path(name)) == Path(root)


@pytest.mark.parametrize(
    "target", ["m.yaml", "a.yaml/none", "gone.yaml", "../own/gone/x.yaml"]
)
@pytest.mark.parametrize("name", ["own", "own/*.yaml", "*/*.yaml"])
def test_a_link_that_leads_nowhere_hides_nothing_behind_it(
    folder: Path, target: str, name: str
) -> None:
    """It is an error, and later files are still read."""
    for file in ("a.yaml", "z.yaml"):
        (folder / "own" / file).touch()
    (folder / "own/m.yaml").symlink_to(target)
    assert named(folder, name) == [
        "own/a.yaml",
        "own/m.yaml",
        "own/own.yaml",
        "own/z.yaml",
    ]
    (finding,) = read_files([name], folder=folder).diagnostics
    assert finding.message.startswith("cannot be read: ")


def test_the_link_that_an_editor_locks_a_file_with_is_none(
    folder: Path,
) -> None:
    """It has no target, and exists while somebody types."""
    (folder / "own/.#own.yaml").symlink_to("somebody@here.1234:5678")
    assert named(folder, "own") == ["own/own.yaml"]
    (folder / "own/.#orders.yaml").touch()
    assert named(folder, "own") == ["own/.#orders.yaml", "own/own.yaml"]


def test_a_folder_of_a_submodule_that_is_not_there_is_an_error(
    folder: Path,
) -> None:
    """In a folder, and where a pattern searches; the others are read."""
    (folder / "../teams/c").mkdir()
    assert named(folder, "../teams") == [
        "../teams/a/oam/a.yaml",
        "../teams/a/oam/deep/more.yml",
        "../teams/b/oam/b.yaml",
        "../teams/b/other/no.yaml",
        "../teams/c!",
    ]
    assert named(folder, "../teams/**/b.yaml") == [
        "../teams/b/oam/b.yaml",
        "../teams/c!",
    ]
    (folder / "../teams/c/oam").mkdir()
    assert named(folder, "../teams/*/oam") == [
        "../teams/a/oam/a.yaml",
        "../teams/a/oam/deep/more.yml",
        "../teams/b/oam/b.yaml",
        "../teams/c/oam!",
    ]


def test_a_folder_that_nobody_may_list_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other users would see fewer Applications than are deployed."""
    scandir = os.scandir

    def refused(path: Path) -> Any:
        if Path(path).name == "oam":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    for name in ("../teams/b", "../teams/b/*", "../teams/b/**/*.yaml"):
        files = named(folder, name)
        assert "../teams/b/oam!" in files
        assert "../teams/b/other/no.yaml" in files
