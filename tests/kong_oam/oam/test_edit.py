"""Edits of YAML text by position: removed parts, unchanged parts, and rejected edits."""

from __future__ import annotations

import pytest

from kong_oam.oam import edit
from kong_oam.oam.document import read
from kong_oam.oam.edit import Added, Edit, Renamed
from kong_oam.oam.position import SourcePosition


def position(text: str, *path: str | int) -> SourcePosition:
    (document, *_), findings = read("a.yaml", text.encode())
    assert findings == ()
    return document.position(*path)


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("a: [x, y, z]\n", ("a", 0), "a: [y, z]\n"),
        ("a: [x, y, z]\n", ("a", 1), "a: [x, z]\n"),
        ("a: [x, y, z]  # why\n", ("a", 2), "a: [x, y]  # why\n"),
        ("a: [x, y, z, ]\n", ("a", 2), "a: [x, y, ]\n"),
        ("a: [\n  x,\n  y,\n]\n", ("a", 0), "a: [\n  y,\n]\n"),
        ("a: {b: 1, c: [2], d: 3}\n", ("a", "c"), "a: {b: 1, d: 3}\n"),
        ("a: {'b': 1, c: 2}\n", ("a", "b"), "a: {c: 2}\n"),
        ("é: [ü, 𝄞, ß]\nb: 1\n", ("é", 1), "é: [ü, ß]\nb: 1\n"),
        ("a:\n  - x  # why x\n  # about y\n  - y\n", ("a", 0), "a:\n  # about y\n  - y\n"),
        ("a:\n- x\n- y\nb: 1\n", ("a", 1), "a:\n- x\nb: 1\n"),
        ("a:\n  - b: 1\n    c: 2\n\n  # about the next\n  - d\n", ("a", 0), "a:\n\n  # about the next\n  - d\n"),
        ("a:\n  - b: |\n      text\n      more\n\n    # here\n    c: 1\n", ("a", 0, "c"), "a:\n  - b: |\n      text\n      more\n\n    # here\n"),
        ("b: 1\na: |\n  text\n  more\n\n# next\nc: 1\n", ("a",), "b: 1\n\n# next\nc: 1\n"),
        ("b: 1\na: >-\n  text\n  more\n", ("a",), "b: 1\n"),
        ("b:\na:\nc: 1\n", ("a",), "b:\nc: 1\n"),
        ("b: 1\na: \"two\n  lines\"  # why\nc: 1\n", ("a",), "b: 1\nc: 1\n"),
        ("b: 1\na: 2", ("a",), "b: 1\n"),
        ("b: 1\r\na: 2\r\nc: 3\r\n", ("a",), "b: 1\r\nc: 3\r\n"),
        ("b: 1\na:\n  c: [x]\n", ("a", "c", 0), "b: 1\n"),
    ],
)  # fmt: skip
def test_what_is_taken_away_leaves_the_rest_as_it_was(
    before: str, path: tuple[str | int, ...], after: str
) -> None:
    """Comments on its lines are removed, others stay. A collection that becomes empty is removed
    too."""
    assert edit.without(position(before, *path)) == after


@pytest.mark.parametrize(
    ("before", "path"),
    [
        ("a: [x,  # about x\n  y]\n", ("a", 0)),
        ("a: [x,  # about x\n  y]\n", ("a", 1)),
        ("- a: 1\n  b: 2\n", (0, "a")),
        ("{a: 1}\n", ("a",)),
        ("a:\n  - - x\n    - y\n", ("a", 0, 0)),
        ("a: &x [1, 2]\nb: *x\n", ("a", 0)),
    ],
)
def test_uncertain_edits_are_rejected(
    before: str, path: tuple[str | int, ...]
) -> None:
    """A comment would be lost, a line is shared, or one text has two positions."""
    assert edit.without(position(before, *path)) is None


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("a: {b: 1}  # why\n", ("a",), "a: {b: 1, k: [v]}  # why\n"),
        ("a: {}\n", ("a",), "a: {k: [v]}\n"),
        ("a:\n  b: 1  # why\n\n# next\nc: 1\n", ("a",), "a:\n  b: 1  # why\n  k: [v]\n\n# next\nc: 1\n"),
        ("- b: 1\n  c: |\n    text\n- d\n", (0,), "- b: 1\n  c: |\n    text\n  k: [v]\n- d\n"),
        ("a:\n  b: 1", ("a",), "a:\n  b: 1\n  k: [v]\n"),
        ("a: {k: 1}\n", ("a",), None),
    ],
)  # fmt: skip
def test_a_key_is_added_last_in_the_style_of_its_mapping(
    before: str, path: tuple[str | int, ...], after: str | None
) -> None:
    """An existing key is not added."""
    assert edit.with_key(position(before, *path), "k", "[v]") == after


@pytest.mark.parametrize(
    ("before", "path", "item", "after"),
    [
        ("a: [x]\n", ("a",), "y", "a: [x, y]\n"),
        ("a: []\n", ("a",), "y", "a: [y]\n"),
        (
            "a:\n  -   x  # why\nb: 1\n",
            ("a",),
            "y",
            "a:\n  -   x  # why\n  -   y\nb: 1\n",
        ),
        (
            "a:\n- x\n",
            ("a",),
            "b: 1\nc:\n  d: 2\n",
            "a:\n- x\n- b: 1\n  c:\n    d: 2\n",
        ),
        ("a: [x]\n", ("a",), "b: 1\nc: 2\n", None),
    ],
)
def test_an_item_is_added_last_in_the_style_of_its_sequence(
    before: str, path: tuple[str | int, ...], item: str, after: str | None
) -> None:
    """Items with several lines need block style."""
    assert edit.with_item(position(before, *path), item) == after


def test_only_the_selected_document_is_edited() -> None:
    """Other documents of the file stay, and so does the text between them."""
    text = "a: [x, y]\n--- # second\na: [x, y]\n...\n"
    (_, second), _ = read("a.yaml", text.encode())
    assert (
        edit.without(second.position("a", 0))
        == "a: [x, y]\n--- # second\na: [y]\n...\n"
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("team-orders", "team-orders"),
        ("/orders", "/orders"),
        ("yes", '"yes"'),
        ("null", '"null"'),
        ("1.5", '"1.5"'),
        ("a: b", '"a: b"'),
        ("a # b", '"a # b"'),
        ('"', '"\\""'),
        ("x\ny", '"x\\ny"'),
        ("ü", '"ü"'),
        ("", '""'),
    ],
)
def test_a_text_is_written_so_that_it_is_read_as_one(
    text: str, written: str
) -> None:
    """In quotes unless every reader reads it as text."""
    assert edit.scalar(text) == written
    (document,), _ = read("a.yaml", f"a: {written}\n".encode())
    assert document.data == {"a": text}


def test_a_diff_names_the_file_and_says_where_a_last_line_does_not_end() -> (
    None
):
    """In the format of `patch`. A file name with a line feed cannot be in a diff."""
    assert edit.unified("a b.yaml", "x\ny", "x\n") == (
        "--- a b.yaml\t\n+++ a b.yaml\t\n@@ -1,2 +1 @@\n x\n-y\n\\ No newline at end of file\n"
    )
    assert edit.unified("a\nb.yaml", "x\n", "y\n") is None
    assert edit.unified("a.yaml", "x\n", "x\n") is None


@pytest.mark.parametrize(
    ("before", "edits", "after"),
    [
        ("a: x  # why\nb: x\n", [Renamed(("a",), "y")], "a: y  # why\nb: x\n"),
        ("a: 'x'\nb: \"x\"\n", [Renamed(("a",), "it's"), Renamed(("b",), "y")], "a: 'it''s'\nb: \"y\"\n"),
        ("a: x\n", [Renamed(("a",), "yes")], "a: \"yes\"\n"),
        ("a: {x: 1, y: [x]}\n", [Renamed(("a", "x"), "z", on_key=True), Renamed(("a", "y", 0), "z")], "a: {z: 1, y: [z]}\n"),
        ("a: |\n  http://db.x.svc/\n  rest\nb: 1\n", [Renamed(("a",), "http://db.y.svc/\nrest\n")], "a: |\n  http://db.y.svc/\n  rest\nb: 1\n"),
        ("a:\n  b: x\nc: 1\n", [Added(("a",), (("d", "e"),)), Renamed(("a", "b"), "y")], "a:\n  b: y\n  d: e\nc: 1\n"),
        ("a: {}\n", [Added(("a",), (("b", "x"), ("c", "y")))], "a: {b: x, c: y}\n"),
        ("a: {b: x}\n", [Added(("a",), (("c", "y"),)), Renamed(("a", "b"), "z")], "a: {b: z, c: y}\n"),
        ("a:\n  b:\n    c: x\n", [Added(("a",), (("d", "1"),)), Added(("a", "b"), (("e", "2"),))], "a:\n  b:\n    c: x\n    e: 2\n  d: 1\n"),
    ],
)  # fmt: skip
def test_several_edits_change_only_their_places(
    before: str, edits: list[Edit], after: str
) -> None:
    """Comments, styles and all other values stay."""
    assert edit.with_edits("a.yaml", before, {0: edits}) == after


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x y\nb: *x\n", ("a",)),
        ("a: 'two\n  words'\nb: {a: 1, c: 2}\n", ("b", "a")),
        ("a: [x]\n", ("a",)),
    ],
)
def test_an_edit_with_another_result_is_rejected(
    text: str, path: tuple[str | int, ...]
) -> None:
    """Aliases, a new key that exists already, and a value that is no scalar."""
    edits = {0: [Renamed(path, "c", on_key=path == ("b", "a"))]}
    assert edit.with_edits("a.yaml", text, edits) is None


def test_documents_of_a_file_are_edited_together() -> None:
    """The paths of each document are its own."""
    text = "a: x\n---\na: x\n---\na: x\n"
    edits = {0: [Renamed(("a",), "y")], 2: [Renamed(("a",), "longer")]}
    expected = "a: y\n---\na: x\n---\na: longer\n"
    assert edit.with_edits("a.yaml", text, edits) == expected


@pytest.mark.parametrize(
    ("gone", "after"),
    [
        ({0: [("a", 0), ("a", 1)]}, "a: [z]\nb: {c: [x]}\n---\na: [x, y]\n"),
        ({0: [("b", "c", 0)]}, "a: [x, y, z]\n---\na: [x, y]\n"),
        (
            {0: [("a", 1)], 1: [("a", 0)]},
            "a: [x, z]\nb: {c: [x]}\n---\na: [y]\n",
        ),
        ({0: [("b",), ("b", "c", 0)]}, "a: [x, y, z]\n---\na: [x, y]\n"),
    ],
)
def test_several_entries_are_removed(
    gone: dict[int, list[tuple[str | int, ...]]], after: str
) -> None:
    """Emptied collections go, too. An entry inside another removed entry needs no removal."""
    before = "a: [x, y, z]\nb: {c: [x]}\n---\na: [x, y]\n"
    assert edit.without_entries("f.yaml", before, gone) == after


def test_entries_of_an_alias_stay() -> None:
    """The edit could change another place."""
    text = "a: &a [x, y]\nb: *a\n"
    assert edit.without_entries("f.yaml", text, {0: [("a", 0)]}) is None
