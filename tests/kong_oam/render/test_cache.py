"""Unchanged components are not evaluated again; broken cache files are."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kong_oam.render.answers import Answer
from kong_oam.render.cache import Cache
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.tools import answered
from tests.support.rendering import defined, rendered


class Counting(Evaluator):
    """An evaluator that counts its questions."""

    asked = 0

    def ask(self, request: Mapping[str, Any]) -> Answer:
        self.asked += 1
        return super().ask(request)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "renderings", "1")


def test_a_component_that_did_not_change_is_evaluated_once(
    cache: Cache,
) -> None:
    """And again after a change of a property, a label of the Application, the definition or the
    evaluator."""
    with Counting() as evaluator:
        stack = defined()
        first = rendered(evaluator, stack, cache=cache).objects[0].object
        assert (
            rendered(evaluator, stack, cache=cache).objects[0].object == first
        )
        assert evaluator.asked == 1
        rendered(evaluator, stack, "properties: {image: b}", cache=cache)
        rendered(
            evaluator,
            stack,
            metadata="{name: shop, labels: {a: b}}",
            cache=cache,
        )
        rendered(
            evaluator,
            defined('output: {apiVersion: "v1", kind: "X"}'),
            cache=cache,
        )
        rendered(evaluator, stack, cache=Cache(cache.folder, "2"))
        assert evaluator.asked == 5


def test_what_is_wrong_is_not_kept(cache: Cache) -> None:
    """A cached error could reject a right component, and a limit may be exceeded only once."""
    with Counting(seconds=0.2) as evaluator:
        wrong, slow = (
            defined("output: {}"),
            defined(
                "a: [for x in 10000*[1] for y in 10000*[1] {x}]\noutput: {}"
            ),
        )
        for number in range(2):
            assert (
                rendered(evaluator, wrong, cache=cache).diagnostics[0].code
                == "OAM112"
            )
            assert (
                "CPU time"
                in rendered(evaluator, slow, cache=cache).diagnostics[0].message
            )
            assert evaluator.asked == 2 * (number + 1)


def _broken(whole: bytes) -> Iterator[bytes]:
    """Broken contents of a cache file."""
    yield from (whole[:size] for size in range(0, len(whole), 7))
    yield from (
        whole[:at] + b"0" + whole[at + 1 :]
        for at in range(len(whole))
        if whole[at] != ord("0")
    )
    yield from (b"[]", b"[" * 100_000, b"\xff", b"\xef\xbb\xbf{}", b"\x00" * 99)


def test_a_file_that_is_broken_is_evaluated_again(cache: Cache) -> None:
    """And the file is whole afterwards."""
    request = {"valueFrom": "1", "scope": {}}
    with Counting() as evaluator:
        assert answered(request, evaluator, cache) == {"value": 1}
        (file,) = cache.folder.rglob("*.json")
        whole = file.read_bytes()
        for number, raw in enumerate(_broken(whole), 2):
            file.write_bytes(raw)
            assert answered(request, evaluator, cache) == {"value": 1}
            assert evaluator.asked == number and file.read_bytes() == whole


def test_an_answer_to_another_question_is_none(cache: Cache) -> None:
    """Even if the file itself is whole."""
    first, other = ({"valueFrom": text, "scope": {}} for text in ("1", "2"))
    cache.keep(cache.key(other), {"value": 2})
    of_one, of_other = (
        cache.folder / key[:2] / f"{key}.json"
        for key in map(cache.key, (first, other))
    )
    of_one.parent.mkdir(exist_ok=True)
    of_one.write_bytes(of_other.read_bytes())
    assert cache.find(other) == {"value": 2} and cache.find(first) is None


def test_of_values_those_are_kept_that_wait_for_nothing(cache: Cache) -> None:
    """Values that only the cluster knows are evaluated again."""
    known, awaited = (
        {"valueFrom": path, "scope": {"output": {"a": 1}}}
        for path in ("output.a", "output.status.b")
    )
    with Counting() as evaluator:
        for _ in range(2):
            assert answered(known, evaluator, cache) == {"value": 1}
            assert answered(awaited, evaluator, cache)["paths"] == [
                ["output", "status", "b"]
            ]
        assert evaluator.asked == 3


def test_where_nothing_can_be_kept_nothing_is_missing(tmp_path: Path) -> None:
    """A full disk, or a file instead of a folder: each question is evaluated."""
    (tmp_path / "file").write_text("")
    with Counting() as evaluator:
        for _ in range(2):
            assert rendered(
                evaluator, defined(), cache=Cache(tmp_path / "file", "1")
            ).objects
        assert evaluator.asked == 2


def _aged(cache: Cache, days: Mapping[str, float], size: int = 0) -> None:
    """Answers with their last use so many days ago, by key."""
    for key, age in days.items():
        cache.keep(key, {"text": "x" * size})
        os.utime(
            cache.folder / key[:2] / f"{key}.json",
            (time.time() - age * 86400,) * 2,
        )


def _there(cache: Cache) -> set[str]:
    return {path.stem for path in cache.folder.rglob("*.json")}


def test_what_nobody_asks_for_goes_after_30_days(cache: Cache) -> None:
    """Each use keeps an answer. The search runs once a day."""
    request = {"file": "a.cue", "text": "a: 1"}
    used = cache.key(request)
    cache.keep(
        used,
        {
            "definition": {
                "name": "a",
                "about": {"type": "trait"},
                "template": "",
                "line": 1,
            }
        },
    )
    os.utime(
        cache.folder / used[:2] / f"{used}.json",
        (time.time() - 31 * 86400,) * 2,
    )
    _aged(cache, {"aa1": 29, "aa2": 31})
    assert cache.find(request) is not None
    cache.tidy()
    assert _there(cache) == {"aa1", used}
    _aged(cache, {"aa2": 31})
    cache.tidy()
    assert _there(cache) == {"aa1", "aa2", used}
    os.utime(cache.folder / "looked", (0, 0))
    cache.tidy()
    assert _there(cache) == {"aa1", used}


def test_two_runs_at_once_keep_one_answer(cache: Cache) -> None:
    """No run sees a part of it, and no temporary file stays."""

    def run(_: int) -> None:
        with Evaluator() as evaluator:
            for number in range(5):
                request = {
                    "component": {
                        "type": "a",
                        "template": f'output: {{apiVersion: "v1", kind: "X", a: {number}}}',
                    }
                }
                answer = answered(
                    {**request, "traits": [], "context": {"name": "a"}},
                    evaluator,
                    cache,
                )
                assert answer["objects"][0]["object"]["a"] == number

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    files = [path for path in cache.folder.rglob("*") if path.is_file()]
    assert len(files) == 5 and all(
        "objects" in json.loads(path.read_text().splitlines()[1])
        for path in files
    )
