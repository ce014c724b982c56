"""Reading a request's path."""

from __future__ import annotations

import re

import pytest

from kong_oam.access.paths import (
    AmbiguousPathError,
    declared,
    pattern,
    read,
    within,
    written,
)


@pytest.mark.parametrize(
    ("target", "elements"),
    [
        (b"/", ()),
        (b"/orders", ("orders",)),
        (b"/orders/", ("orders",)),
        (b"//orders///7", ("orders", "7")),
        (b"/./orders/./7/.", ("orders", "7")),
        (b"/x/../orders", ("orders",)),
        (b"/x//../orders", ("orders",)),
        (b"/%6frders", ("orders",)),
        (b"/x/%2e%2e/orders", ("orders",)),
        (b"/a%20b", ("a b",)),
        (b"/a%3Ab", ("a:b",)),
        (b"/caf%c3%a9", ("caf\u00e9",)),
        ("/caf\u00e9".encode(), ("caf\u00e9",)),
        (b"/orders?x=/../%2f", ("orders",)),
    ],
)
def test_a_readable_path_has_these_elements(
    target: bytes, elements: tuple[str, ...]
) -> None:
    """Slashes are merged, dot segments resolved, percent-encodings decoded, and the query is
    removed."""
    assert read(target) == elements


@pytest.mark.parametrize(
    "target",
    [
        b"", b"orders", b"*", b"http://h/orders", b"/a\\b", b"/a;b", b"/a#b", b"/a b", b"/a\x00", b"/a\x7f", b"/a%00", b"/a%1f",
        b"/a%7F", b"/a%2fb", b"/a%2Fb", b"/a%5cb", b"/a%3bb", b"/a%3fb", b"/a%25b", b"/a%252e", b"/a%", b"/a%4", b"/a%zz",
        b"/%ff", b"/%c0%ae", b"/\xff", b"/%ed%a0%80", b"/..", b"/a/../..", b"/orders/health/..%2f7", b"/..;/7", b"/..%5c7",
    ],
)  # fmt: skip
def test_a_path_that_could_be_read_in_two_ways_is_refused(
    target: bytes,
) -> None:
    """Backslashes, parameters, encoded separators, bad encodings, control bytes, bad UTF-8, and
    paths above the root."""
    with pytest.raises(AmbiguousPathError):
        read(target)


def test_a_declared_path_is_written_in_its_one_plain_form() -> None:
    """A path in an Application is never encoded or relative."""
    assert declared("/") == ()
    assert declared("/orders") == ("orders",)
    assert declared("/orders/") == ("orders",)
    assert declared("/v1/things:batch") == ("v1", "things:batch")
    for path in (
        "orders",
        "",
        "//a",
        "/a//b",
        "/a/../b",
        "/.",
        "/a%20b",
        "/a?b",
        "/a;b",
        "/a b",
        "/a\n",
        "/{id}",
        "/a*b|c",
    ):
        with pytest.raises(AmbiguousPathError):
            declared(path)


def test_paths_own_element_by_element() -> None:
    """/orders owns /orders/7 and never /orders-internal."""
    assert within(("orders", "7"), ("orders",))
    assert within(("orders",), ())
    assert not within(("orders-internal",), ("orders",))
    assert not within((), ("orders",))
    assert written(()) == "/"
    assert written(("a", "b")) == "/a/b"


@pytest.mark.parametrize(
    ("path", "matching", "foreign"),
    [
        ("/", ["/", "/x"], []),
        ("/orders", ["/orders", "/orders/", "/orders/7"], ["/orders-internal", "/orders%2Fx", "/Orders", "/x/orders", "/orders7"]),
        ("/a.b", ["/a.b"], ["/aXb"]),
        ("/x:y", ["/x:y", "/x%3Ay"], ["/x", "/x%3By"]),
        ("/a+b(c)", ["/a+b(c)", "/a%2Bb%28c%29/d"], ["/aab(c)"]),
    ],
)  # fmt: skip
def test_the_routes_pattern_matches_what_the_path_owns(
    path: str, matching: list[str], foreign: list[str]
) -> None:
    """The router anchors the pattern at the start; it ends after an element. Reserved characters
    match in both spellings."""
    expression = re.compile(pattern(declared(path)))
    assert all(expression.match(target) for target in matching)
    assert not any(expression.match(target) for target in foreign)
