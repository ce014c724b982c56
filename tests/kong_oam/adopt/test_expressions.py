"""Regular expressions of paths: as Rust's crate reads them, and as texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_oam.adopt.expressions import (
    Text,
    compiled,
    literal_prefix,
    texts_of,
)


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ("/orders", {("/orders", "begins")}),
        ("^/orders", {("/orders", "begins")}),
        ("/orders$", {("/orders", "exactly")}),
        ("/orders/?$", {("/orders", "exactly"), ("/orders/", "exactly")}),
        ("/orders(?:/|$)", {("/orders/", "begins"), ("/orders", "exactly")}),
        ("/orders(?:/|$).*", {("/orders/", "begins"), ("/orders", "exactly")}),
        ("/orders(/.*)?$", {("/orders/", "begins"), ("/orders", "exactly")}),
        ("/orders.*", {("/orders", "begins")}),
        ("/orders/.+", {("/orders/", "longer")}),
        ("/v1\\.0/a\\-b", {("/v1.0/a-b", "begins")}),
        ("/(a|b)/c", {("/a/c", "begins"), ("/b/c", "begins")}),
        ("/(?<name>a|b)$", {("/a", "exactly"), ("/b", "exactly")}),
    ],
)
def test_a_finite_expression_is_a_list_of_texts(
    expression: str, texts: set[tuple[str, str]]
) -> None:
    """Groups, `?`, `$` and a last `.*` are finite."""
    found = texts_of(expression)
    assert found is not None
    assert {(text.text, text.form) for text in found} == texts


@pytest.mark.parametrize(
    "expression",
    ["/\\d+", "/[ab]", "/a*", "/a+b", "/a{2}", "/a.b", "/a.*b", "(?i)/a", "/a??", "/(a", "/a)", "/(?:a|b)*", "/\\w"],
)  # fmt: skip
def test_other_expressions_are_no_list_of_texts(expression: str) -> None:
    """The model knows only their literal prefix."""
    assert texts_of(expression) is None


@pytest.mark.parametrize(
    ("expression", "prefix"),
    [
        ("/a/\\d+", "/a/"),
        ("/a\\.b/.*", "/a.b/"),
        ("/ab*", "/a"),
        ("/ab?", "/a"),
        ("/a|/b", ""),
        ("/a(b|c)", "/a"),
        ("(?i)/a", ""),
    ],
)
def test_every_match_begins_with_the_literal_prefix(
    expression: str, prefix: str
) -> None:
    """A character that may be missing is not in the prefix."""
    assert literal_prefix(expression) == prefix


@pytest.mark.parametrize(
    ("expression", "path", "is_match"),
    [
        ("/a(?i)b", "/aB", True),
        ("/a(?i)b", "/AB", False),
        ("/(x(?i)y|z)w", "/xYw", None),
        ("/a$", "/a\n", False),
        ("/a\\z", "/a", True),
        ("/(?<id>\\d+)", "/7", True),
        ("/[^/]+/x", "/a/x", True),
        ("/a(?=b)", "/ab", None),
        ("/[[:alpha:]]", "/a", None),
        ("/a++", "/a", None),
        ("/\\pL", "/a", None),
    ],
)  # fmt: skip
def test_rust_syntax_is_read_or_unknown(
    expression: str, path: str, is_match: bool | None
) -> None:
    """None: the syntax is unknown, so the expression may match anything after its prefix."""
    pattern = compiled(expression)
    found = None if pattern is None else pattern.match(path) is not None
    assert found is is_match


PIECES = st.sampled_from(["/a", "b", "\\.", "(?:/|$)", "(c|d)", "e?", "(/f)?", "$", ".*", "/?$", "(?:g|h$)"])  # fmt: skip
PATHS = st.text("/abcdefgh.", max_size=8)


@given(st.lists(PIECES, min_size=1, max_size=4).map("".join), PATHS)
def test_texts_take_the_paths_of_the_expression(
    expression: str, path: str
) -> None:
    """A list of texts is only another spelling of its expression."""
    texts = texts_of(expression)
    pattern = compiled(expression)
    if texts is None or pattern is None:
        return
    expected = any(_takes(text, path) for text in texts)
    assert (re.match(pattern, path) is not None) == expected


def _takes(text: Text, path: str) -> bool:
    if text.form == "exactly":
        return path == text.text
    return path.startswith(text.text) and (
        text.form == "begins" or path != text.text
    )
