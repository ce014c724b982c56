"""Reading YAML: positions and hostile input."""

from __future__ import annotations

import pytest

from kong_oam.oam.document import MAX_BYTES, read


def only_finding(raw: bytes) -> str:
    documents, findings = read("a.yaml", raw)
    assert not documents
    assert len(findings) == 1
    return str(findings[0]).splitlines()[0]


def test_a_place_finds_line_and_column_of_values_and_keys() -> None:
    """Including missing fields, which have the position of their parent."""
    (document,), findings = read("a.yaml", b"one: 1\ntwo:\n  - {x: y}\n  - z\n")
    assert findings == ()
    assert str(document.position("two", 0, "x")) == "a.yaml:3:9"
    assert str(document.position("two", 0).key("x")) == "a.yaml:3:6"
    assert str(document.position("two", 1)) == "a.yaml:4:5"
    assert str(document.position("two", 7, "gone")) == "a.yaml:3:3"
    assert (
        document.position("two", 1).excerpt() == "    4 |   - z\n      |     ^"
    )


def test_the_second_document_of_a_file_has_its_own_positions() -> None:
    """`---` separates documents; empty documents do not count."""
    documents, findings = read("a.yaml", b"a: 1\n---\n---\nb: 2\n")
    assert findings == ()
    assert [document.data for document in documents] == [{"a": 1}, {"b": 2}]
    assert str(documents[1].position("b")) == "a.yaml:4:4"


def test_documents_before_an_unreadable_document_have_positions() -> None:
    """Findings in the first document are reported beside the second's."""
    (document,), (finding,) = read("a.yaml", b"a: 1\n---\nb: [\n")
    assert str(document.position("a")) == "a.yaml:1:4"
    assert str(finding).startswith("a.yaml:4:1: error OAM101: ")


def test_values_are_jsons() -> None:
    """Booleans as in Kubernetes, timestamps as text, plain numbers."""
    (document,), _ = read(
        "a.yaml",
        b"{a: yes, b: off, c: 2020-01-02, d: 1.5, e: null, f: '7', g: -3, h: =}",
    )
    assert document.data == {
        "a": True,
        "b": False,
        "c": "2020-01-02",
        "d": 1.5,
        "e": None,
        "f": "7",
        "g": -3,
        "h": "=",
    }


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"a: 1\n\tb: 2\n", 2),
        (b"a:\n\tb: 1\n", 2),
        (b"a:\n  - x\n\t- y\n", 3),
        (b"a: |\n  x\n\ty\n", 3),
    ],
)
def test_tabs_in_indentation_are_named(raw: bytes, line: int) -> None:
    """libyaml describes it in several ways, and in the second case not at all."""
    place, _, message = only_finding(raw).partition(": error OAM101: ")
    assert message == "a tab in the indentation; replace it with spaces"
    assert place.startswith(f"a.yaml:{line}:")


def test_a_tab_that_indents_nothing_is_white_space() -> None:
    """Between a key and its value, before a comment, and in quotes."""
    (document,), findings = read("a.yaml", b"a:\tb\t# c\nd: 'e\tf'\n")
    assert (document.data, findings) == ({"a": "b", "d": "e\tf"}, ())


def test_aliases_are_expanded() -> None:
    """An alias stands for its value."""
    (document,), _ = read("a.yaml", b"a: &x [1]\nb: *x\n")
    assert document.data == {"a": [1], "b": [1]}


def test_a_duplicate_key_is_found_where_it_stands_again() -> None:
    """YAML forbids it, and parsers use the last value: a rule could hide another."""
    documents, findings = read("a.yaml", b"a: 1\na: 2\n")
    assert len(documents) == 1
    assert (
        str(findings[0]).splitlines()[0]
        == "a.yaml:2:1: error OAM106: key 'a' occurs twice in one mapping; rename or remove one"
    )


def test_names_cannot_control_the_terminal() -> None:
    """A finding is one printable line and an excerpt, for any key."""
    _, (finding,) = read("a.yaml", b'{"\\e[31m\\n::x": 1, "\\e[31m\\n::x": 2}')
    head, *excerpt = str(finding).splitlines()
    assert (
        head
        == "a.yaml:1:20: error OAM106: key '?[31m?::x' occurs twice in one mapping; rename or remove one"
    )
    assert all(line.isprintable() for line in excerpt)


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join(f'*a{n - 1}' for _ in range(10))}]\n"
    for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a: [1", "a.yaml:2:1: error OAM101: did not find expected ',' or ']'"),
        (b"a: b: c", "a.yaml:1:5: error OAM101: mapping values are not allowed in this context"),
        (b"\ta: 1", "a.yaml:1:1: error OAM101: a tab in the indentation; replace it with spaces"),
        (b"a: \xff\xfe", "a.yaml:1:1: error OAM101: the file is not UTF-8 (byte 0xff); save it as UTF-8"),
        (b"ok: 1\n\xe9: 2", "a.yaml:2:1: error OAM101: the file is not UTF-8 (byte 0xe9); save it as UTF-8"),
        (b"a: !!python/object/apply:os.system [ls]", "a.yaml:1:4: error OAM101: tag '!!python/object/apply:os.system' is not allowed; remove it"),
        (b"a: !secret x", "a.yaml:1:4: error OAM101: tag '!secret' is not allowed; remove it"),
        (b"a: !!binary aGk=", "a.yaml:1:4: error OAM101: tag '!!binary' is not allowed; remove it"),
        (b"!!binary aGk=: a", "a.yaml:1:1: error OAM101: tag '!!binary' is not allowed; remove it"),
        (b"012: a", "a.yaml:1:1: error OAM101: number '012' is not plain decimal; quote it if it is text"),
        (b"{!secret x: a}", "a.yaml:1:2: error OAM101: tag '!secret' is not allowed; remove it"),
        (b"a: !!set {x}", "a.yaml:1:4: error OAM101: tag '!!set' is not allowed; remove it"),
        (b"a: &a [*a]", "a.yaml:1:4: error OAM101: nested deeper than 64 levels, or an alias that contains itself; flatten it"),
        (b"<<: {a: 1}", "a.yaml:1:1: error OAM101: merge keys (<<) have different meanings in different readers; write the fields out"),
        (b"? [a]\n: 1", "a.yaml:1:3: error OAM101: a key is no plain text; quote it"),
        (b"a: 0o17x\nb: 017", "a.yaml:2:4: error OAM101: number '017' is not plain decimal; quote it if it is text"),
        (b"a: 1:30", "a.yaml:1:4: error OAM101: number '1:30' is not plain decimal; quote it if it is text"),
        (b"a: .inf", "a.yaml:1:4: error OAM101: number '.inf' has no JSON form; quote it if it is text"),
        (b"a: .nan", "a.yaml:1:4: error OAM101: number '.nan' has no JSON form; quote it if it is text"),
        (b"a: *gone", "a.yaml:1:4: error OAM101: found undefined alias"),
        (b"a: \x07", "a.yaml:1:1: error OAM101: unacceptable character #x0007: control characters are not allowed, position 3"),
        (b"[" * 5000, "a.yaml:1:1001: error OAM101: exceeded maximum nesting depth"),
        (b"- " * 100 + b"x", "a.yaml:1:131: error OAM101: nested deeper than 64 levels, or an alias that contains itself; flatten it"),
        (BOMB.encode(), "a.yaml:1:26: error OAM101: more than 50000 values after aliases are expanded; write the file without aliases, or split it"),
        (b"x" * (MAX_BYTES + 1), f"a.yaml:1:1: error OAM101: {MAX_BYTES + 1} bytes; the limit is {MAX_BYTES}. Split the file by Application"),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_hostile_yaml_is_one_finding(raw: bytes, message: str) -> None:
    """Unreadable or ambiguous input is rejected with position and advice."""
    assert only_finding(raw) == message


def test_a_block_of_text_may_begin_with_a_tab() -> None:
    """YAML and Go's reader allow it, but not libyaml. Earlier documents are read once, and
    positions are right."""
    documents, findings = read(
        "a.yaml", b"a: 1\n---\nb:\n  c: |-\n    \tone\n    two\n  d: 2\n"
    )
    assert not findings
    assert [document.data for document in documents] == [
        {"a": 1},
        {"b": {"c": "\tone\ntwo", "d": 2}},
    ]
    assert str(documents[1].position("b", "d")) == "a.yaml:7:6"


def test_a_tab_in_a_large_file_is_not_read_slowly() -> None:
    """The reader for this case is slow."""
    _, findings = read("a.yaml", b"a: |-\n  \tone\nb: " + b"x" * (1 << 18))
    assert [finding.code for finding in findings] == ["OAM101"]
