"""Adopted Kongs open nothing: no request passes that the old Kong denies, or goes elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
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
from tests.support.random_kongs import random_kong
from tests.support.tiers import deep_after

BATCH = 10


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("batch", deep_after(3, range(40)))
def test_random_kongs(batch: int, closes: bool) -> None:
    counts: Counter[str] = Counter()
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        random = Random(seed)
        old = read_old(random_kong(random))
        assert old is not None
        files = write(old, replace(OPTIONS, closes=closes))
        assert "SECRET" not in "".join(files.files.values())
        if APPLICATION not in files.files:
            continue
        new = new_side(files)
        assert new.findings == [], seed
        result = compare(old, new, random, 60, 4)
        assert result.wrong == [], seed
        counts += result.counts
    assert counts["same"] > 20 and counts["denied"] > 10, counts
