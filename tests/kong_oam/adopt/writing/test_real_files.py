"""Real decK files: each is written or rejected, its files are valid, and they open nothing."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from kong_oam.adopt.writing.write import write
from tests.support.adopted_kongs import (
    APPLICATION,
    OPTIONS,
    compare,
    new_side,
    read_old,
)
from tests.support.repository import DATA
from tests.support.tiers import deep_after

FOLDER = DATA / "adopt" / "deck"
SUNBIRD = DATA / "adopt" / "sunbird.yaml"
FILES = sorted(FOLDER.glob("*.y*ml")) if FOLDER.is_dir() else []


def text_of(file: Path) -> str:
    """Return the text of a file. Its placeholder has a value, so the written files are valid."""
    return file.read_text("utf-8").replace("${ENVIRONMENT_NAME}", "dev")


@pytest.mark.skipif(not FILES, reason=f"{FOLDER} is missing")
@pytest.mark.parametrize(
    ("file", "count"),
    [*((file, 60) for file in FILES), *deep_after(0, ((file, 1000) for file in FILES))],
    ids=lambda value: getattr(value, "stem", str(value)),
)  # fmt: skip
def test_nothing_is_opened(file: Path, count: int) -> None:
    old = read_old(text_of(file), file.name)
    if old is None:
        return  # tests/kong_oam/adopt/test_deck.py has the messages
    files = write(old, OPTIONS)
    assert files.files == write(old, OPTIONS).files
    if APPLICATION not in files.files:
        assert files.report.count("adopted") == 0
        return
    new = new_side(files)
    assert new.findings == []
    result = compare(old, new, Random(file.name), count, 6)
    assert result.wrong == []
    assert result.counts["same"]


@pytest.mark.skipif(not SUNBIRD.is_file(), reason=f"{SUNBIRD} is missing")
def test_an_estate_of_471_services() -> None:
    old = read_old(text_of(SUNBIRD), SUNBIRD.name)
    assert old is not None
    begin = time.process_time()
    files = write(old, OPTIONS)
    assert time.process_time() - begin < 5
    new = new_side(files)
    assert new.findings == []
    assert compare(old, new, Random(1), 40, 6).wrong == []
    report = files.report
    assert len(report.routes) == 471
    assert report.count("adopted") + report.count("left") == 471
