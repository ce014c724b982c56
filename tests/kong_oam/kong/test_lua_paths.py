"""The scripts read a path as the model does, and cover all known readings of other servers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lupa.luajit21 import LuaRuntime

from kong_oam.access.paths import (
    LETTERS,
    LOOSE,
    SEPARATING,
    AmbiguousPathError,
    declared,
    folded,
    may_be_longer,
    meets,
    ranges,
    read,
    spelled,
)
from tests.support.repository import ROOT

LUA = ROOT / "kong_oam" / "kong" / "lua"
RUNTIME = LuaRuntime(
    encoding="latin-1", unpack_returned_tuples=True, register_builtins=False
)
UNREADABLE, SPELLED, MEETS = RUNTIME.execute(
    "".join((LUA / f"{name}.lua").read_text() for name in ("json", "path"))
    + """
    return unreadable, function(path)
      local _, _, signs = unreadable(path)
      local patterns = {}
      for _, element in ipairs(elements_of(signs)) do patterns[#patterns + 1] = spelled(element) end
      return table.concat(patterns, "/")
    end, meets
    """
)
EDGES = [
    chr(code)
    for listed in (SEPARATING, LETTERS, LOOSE)
    for first, last in ranges(listed)
    for code in (first - 1, first, last, last + 1)
    if code < 0x110000
]
PIECES = [
    *"abs #.:$~1*<>\"'+,()&=@-_!|{}^`",
    "..",
    "secret",
    "::$DATA",
    "~1",
    *EDGES,
    "\u5317",
    "\U0001f44d",
]
ELEMENTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map(
    "".join
)


def bytes_of(element: str) -> str:
    return quote(element, safe="")


@given(st.lists(ELEMENTS, min_size=1, max_size=3))
def test_the_scripts_read_what_the_model_reads(elements: list[str]) -> None:
    """Whether it can be read, and how each element is spelled."""
    target = "/" + "/".join(map(bytes_of, elements))
    refused = UNREADABLE(target)
    try:
        path = read(target.encode())
    except AmbiguousPathError:
        # Climbing above the root is nginx's to refuse.
        assert refused is True or ".." in elements
        return
    assert refused[0] is False
    if not {".", ".."} & set(elements):
        patterns = "/".join(map(spelled, path)).encode().decode("latin-1")
        assert SPELLED(target) == patterns


@given(ELEMENTS, ELEMENTS)
@example("\uff0e\uff0e", "x")
def test_a_fragment_behind_an_element_hides_nothing(
    element: str, fragment: str
) -> None:
    """Some servers cut what they decoded at `#`, so an element that is refused is refused before a fragment, too."""
    alone, cut = (
        f"/a/{bytes_of(text)}" for text in (element, f"{element}#{fragment}")
    )
    if UNREADABLE(alone) is True:
        assert UNREADABLE(cut) is True
        with pytest.raises(AmbiguousPathError):
            read(cut.encode())


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "*", "."]), max_size=7).map(
        "".join
    ),
    st.lists(st.sampled_from("ab."), max_size=7).map("".join),
)
def test_the_scripts_meet_what_the_model_meets(
    pattern: str, element: str
) -> None:
    assert MEETS(pattern, element) == meets(pattern, element)


MARKS = "300-36F 1AB0-1AFF 1DC0-1DFF 20D0-20FF FE20-FE2F"
"""Combining marks are those in Latin text only, as the page says."""
VISIBLE = "600-605 6DD 70F 890-891 8E2 110BD 110CD 13430-1343F"
"""The visible format characters (Prepended_Concatenation_Mark, and joiners of hieroglyphs)."""


def is_of(listed: str, character: str) -> bool:
    return any(
        first <= ord(character) <= last for first, last in ranges(listed)
    )


def characters() -> Iterator[str]:
    """Every assigned character that is not ASCII."""
    for code in range(0x80, 0x110000):
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs"):
            yield chr(code)


def forms(character: str) -> set[str]:
    """Return the results of normalization, case folding and removal of accents, in any order of
    two."""
    steps = [
        *(
            lambda text, form=form: unicodedata.normalize(form, text)
            for form in ("NFC", "NFD", "NFKC", "NFKD")
        ),  # type: ignore[misc]
        str.casefold,
        str.lower,
        str.upper,
        lambda text: "".join(
            character
            for character in unicodedata.normalize("NFD", text)
            if not is_of(MARKS, character)
        ),
    ]
    once = {step(character) for step in steps}
    return once | {step(text) for text in once for step in steps}


def test_no_character_becomes_an_ascii_one_unseen() -> None:
    """By Unicode's data, each character is denied, or covers all its readings in an element of a
    rule."""
    checked, missed = 0, []
    for character in characters():
        plain = {text.lower() for text in forms(character) if text.isascii()}
        if unicodedata.category(character) == "Cf" and not is_of(
            VISIBLE, character
        ):
            plain.add("")
        for text in plain:
            checked += 1
            try:
                (pattern,) = map(
                    spelled, read(f"/x{quote(character)}y".encode())
                )
            except AmbiguousPathError:
                continue
            if not set(text) & set("/\\;?%#") and meets(pattern, f"x{text}y"):
                continue
            missed.append(f"U+{ord(character):04X} {text!r}")
    assert checked > 2000
    assert missed == []


@pytest.mark.parametrize(
    "element",
    [
        "secret.", "secret..", "secret ", "secret .", " secret", "SECRET", "secret::$DATA", "secret:x:$DATA", "SECRET~1", "sec<", "s*t", 'secret"',
        "\u017fecret", "s\u00e9cret", "se\u00adcret", "\u200bsecret", "secret\u3000", "secret\u2026", "\uff53\uff45\uff43\uff52\uff45\uff54",
        "\U0001d42cecret", "se\u0301cret", "secret\ufe0f", "secret.\u200d", "secret\uff1a\uff1a$DATA", "SECRE\uff5e1", "\u24e2ecret",
        "secret#x", "secret\u5317", "\U0001f600secret", "s\u03b5cret", "secret\u0589\u0589$DATA", "secr\u043ct", "secr\u06f3t", "secret\u05b8",
    ],
)  # fmt: skip
def test_what_some_server_takes_for_a_rules_element_meets_it(
    element: str,
) -> None:
    """Windows, Unicode's normalization forms and case folding, and who looks at no accents."""
    path = ("public", element)
    assert element != "secret"
    assert may_be_longer(path, 1, {("public", "secret")})
    assert not may_be_longer(path, 2, {("public", "secret")})
    assert not may_be_longer(path, 1, {("private", "secret")})


@pytest.mark.parametrize(
    "element",
    [
        "secrets", "secret-1", "secret.json", "secret:cancel", "~secret", "7", "m\u00fcnchen", "caf\u00e9", "\u5317\u4eac", "\u043c\u043e\u0441\u043a\u0432\u0430",
        "\u0646\u0627\u0645\u0647\u200c\u0647\u0627", "v1...v2", "\U0001f469\u200d\U0001f680", "a b", "x=1,y=2", "$metadata", "$count",
        "\u00a7433", "\u2116 5.pdf", "\u5408\u540c\uff081\uff09.pdf", "2019\u20132020", "\u00ab Bonjour \u00bb", "\u20ac50", "\u5831\u544a\uff1a2024", "5\u00b012\u203230\u2033", "\u2764\ufe0f2", "v1\u20262",
        "Tie\u0302\u0301ng", "backup-2024", "C#", "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1",
    ],
)  # fmt: skip
def test_what_nobody_takes_for_it_is_not_refused(element: str) -> None:
    """Beside a rule of another name: names of places, in any alphabet, versions, custom methods, parameters."""
    assert read(f"/public/{quote(element)}".encode()) == ("public", element)
    assert not may_be_longer(("public", element), 1, {("public", "secret")})


@pytest.mark.parametrize(
    "target",
    [
        "/a/.../b", "/a/..%20/b", "/a/.%20", "/a/%20/b", "/a/%20%20", "/a/\uff0e\uff0e/b", "/a/\u2025/b", "/a/\u2026", "/a/.\u200b./b", "/a/\u00ad/b",
        "/a\uff0fb", "/a\u2215b", "/a\u2044b", "/a\uff3cb", "/a\u00a5b", "/a\u20a9b", "/a\uff1bb", "/a\uff05b", "/a/:$I30:$INDEX_ALLOCATION/b", "/a/::$DATA",
        "/a/\u3000/b", "/a/%C2%A0", "/a/%3C/b", "/a/*/b", "/a/..%3C/b", "/a/%22%22/b", "/a/(S(x))/b", "/a/(A(x)S(y)F(z))/b", "/a/.\u5317./b",
        "/a\u00f7b", "/a\u2571b", "/a\u00b4b", "/a\u00bfb", "/a\u00bdb", "/a\u33a7b", "/a/\u5317.",
    ],
)  # fmt: skip
def test_what_some_server_takes_for_no_element_or_for_several_is_refused(
    target: str,
) -> None:
    encoded = quote(target, safe="/%:$")
    with pytest.raises(AmbiguousPathError):
        read(encoded.encode())
    assert UNREADABLE(encoded) is True
    assert UNREADABLE(target.encode().decode("latin-1")) is True


@pytest.mark.parametrize("path", ["/a.", "/a/b~1", "/a/b:$c", "/a./b"])
def test_no_rule_is_written_in_a_way_that_windows_reads_otherwise(
    path: str,
) -> None:
    with pytest.raises(AmbiguousPathError, match="Windows"):
        declared(path)


def test_a_rules_path_is_spelled_in_small_letters_and_nothing_else() -> None:
    """So a rule meets itself, and another one only in other capitals."""
    for path in ("/Orders/v1.2/~me/$count/x:y", "/a/b+c(d)=1,2@e!&'"):
        assert folded(declared(path)) == tuple(path.lower().split("/"))[1:]
