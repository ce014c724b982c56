"""The path of a record, in LuaJIT: bytes that a gateway in front may refuse by itself, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from lupa.luajit21 import LuaRuntime

from kong_oam.kong import sources


@pytest.fixture(scope="module")
def path_of() -> Callable[[bytes], bytes]:
    lua = LuaRuntime(encoding=None)
    script = sources.source("json", "path", "queries")
    shared = "kong={ctx={shared={kong_oam_readers={separates=separates}}}}"
    return cast(
        "Callable[[bytes], bytes]",
        lua.execute(f"{script}\n{shared}\nreturn path_of".encode()),
    )


@pytest.mark.parametrize(
    "mark",
    [b"%u003F", b"%2g", b"%C0%BF", b"\xbf", b"%bf", b"%E2%80", b"%C3%A9%BF", b"%F5%80%80%80", b"\xed\xa0\x80", b"\xc3", b"?", b";"],
)  # fmt: skip
def test_what_follows_no_utf8_and_no_escape_is_left_out(
    path_of: Callable[[bytes], bytes], mark: bytes
) -> None:
    """Other servers may read such bytes differently, and nginx need not reject them."""
    path = path_of(b"/public" + mark + b"apikey=hidden")
    assert (
        path.startswith(b"/public") and path.isascii() and b"apikey" not in path
    )


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/a/b.c~d/%20x", b"/a/b.c~d/%20x"),
        (
            "/gr\u00f6\u00dfe/\u65e5\U0001f600".encode(),
            b"/gr%C3%B6%C3%9Fe/%E6%97%A5%F0%9F%98%80",
        ),
        (b"/a%", b"/a%"),
    ],
)
def test_other_paths_are_whole(
    path_of: Callable[[bytes], bytes], target: bytes, path: bytes
) -> None:
    assert path_of(target) == path
