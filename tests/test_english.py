"""The checker of English in `tests/support/english.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import english
from tests.support.english import lengths, problems_of, sentences


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("word " * 26 + "end.", "a sentence of 27 words: word word"),
        ("Of callers without a token, none may call.", "'Of': begin with"),
        ("The gate keeps the one that it knows.", "'the one': repeat"),
        ("The gate denies what it does not know.", None),
        ("Is it known? What is known?", None),
        ("The gate denies calls without a valid token.", None),
    ],
)
def test_a_long_sentence_and_a_listed_phrase_are_problems(
    text: str, problem: str | None
) -> None:
    found = [*problems_of(text)]
    if problem is None:
        assert found == []
    else:
        assert found[0].startswith(problem)


def test_code_is_one_word_and_a_paragraph_ends_a_sentence() -> None:
    text = "Run `make test SEED=1` now. Then\nread\n\nthe report"
    assert sentences(text) == ["Run `code` now.", "Then read", "the report"]


def test_a_file_reports_lines_of_docstrings_messages_and_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A clone may lie below a folder with the name `tests`.
    root = tmp_path / "tests"
    root.mkdir()
    file = root / "module.py"
    file.write_text(
        '"""Whom it concerns."""\n\n'
        'MESSAGE = f"{1} is the one that somebody wants"\n'
        "one = 1  # of what it knows\n"
    )
    monkeypatch.setattr(english, "ROOT", root)
    assert [*english.problems(file)] == [
        "1: 'Whom': name the person or component",
        "3: 'the one': repeat the noun",
        "3: 'one that': repeat the noun",
        "4: 'of what': name the thing",
        "4: the name 'one': name the thing",
    ]


def test_the_statistics_leave_headings_out() -> None:
    texts = [english.Text(1, "Run it"), english.Text(2, "The gate denies it.")]
    assert lengths(iter(texts)) == (
        "1 sentences: median 4 words, 95th percentile 4, longest 4"
    )
