"""The evaluator's process: a failure is an answer, and the next question starts a new process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kong_oam.render.evaluator import Evaluator
from kong_oam.render.program import EvaluatorError, cache_folder, program
from sandbox import toolchain
from tests.support.rendering import defined, rendered

SIMPLE = {
    "component": {
        "type": "app",
        "template": 'output: {apiVersion: "v1", kind: "X"}',
    },
    "traits": [],
    "context": {},
}


Script = Callable[[str], Evaluator]


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    """Makes an evaluator whose program reads a question and then runs a script."""
    with ExitStack() as evaluators:

        def written(text: str) -> Evaluator:
            file = tmp_path / "evaluator"
            file.write_text(f"#!/bin/sh\nread line\n{text}\n")
            file.chmod(0o755)
            return evaluators.enter_context(Evaluator(find=lambda: file))

        yield written


def test_one_process_answers_many_questions() -> None:
    """The first question starts it."""
    with Evaluator() as evaluator:
        assert evaluator._process is None
        assert evaluator.ask(SIMPLE)["objects"]
        first = evaluator._process
        assert evaluator.ask(SIMPLE)["objects"] and evaluator._process is first
    assert first is not None and first.poll() is not None


def test_one_that_was_killed_in_between_is_not_missed() -> None:
    """As by the out-of-memory killer."""
    with Evaluator() as evaluator:
        evaluator.ask(SIMPLE)
        assert evaluator._process is not None
        os.kill(evaluator._process.pid, signal.SIGKILL)
        evaluator._process.wait()
        assert evaluator.ask(SIMPLE)["objects"]


def test_one_that_is_killed_while_it_works_is_a_finding(script: Script) -> None:
    """It advises to run the command again; the definition is not wrong."""
    (finding,) = rendered(script("kill -9 $$"), defined()).diagnostics
    assert finding.message.endswith(
        "the evaluation of its definition was stopped from outside; run the command again"
    )


@pytest.mark.parametrize(
    ("answer", "limit"),
    [("no JSON", "life"), ("[" * 100_000, "memory")],
    ids=["none", "deep"],
)
def test_an_answer_that_cannot_be_read_is_a_limit(
    answer: str, limit: str, script: Script
) -> None:
    assert script(f"echo '{answer}'").ask(SIMPLE)["limit"] == limit


def test_a_long_answer_is_read_in_no_time(script: Script) -> None:
    """Each part is searched once: 40 MB arrive in about 600 parts."""
    evaluator = script(
        "printf '{\"value\": \"'\nhead -c 40000000 /dev/zero | tr '\\0' x\necho '\"}'"
    )
    before = time.process_time()
    assert len(evaluator.ask(SIMPLE)["value"]) == 40_000_000
    assert time.process_time() - before < 1


def test_a_program_that_does_not_start_is_said(tmp_path: Path) -> None:
    """With a remedy."""
    (tmp_path / "evaluator").write_text("no program")
    with (
        Evaluator(find=lambda: tmp_path / "evaluator") as evaluator,
        pytest.raises(EvaluatorError, match=r"remove .*evaluator"),
    ):
        evaluator.ask(SIMPLE)


def test_the_limits_can_be_set() -> None:
    """For time and memory."""
    loop = {
        **SIMPLE,
        "component": {
            "type": "a",
            "template": "a: [for x in 10000*[1] for y in 10000*[1] {x}]\noutput: {}",
        },
    }
    with Evaluator(seconds=0.2) as evaluator:
        assert evaluator.ask(loop) == {"limit": "time", "part": -1}
    large = {
        **SIMPLE,
        "component": {"type": "a", "template": 'a: 50000000 * "x"\noutput: {}'},
    }
    with Evaluator(megabytes=64) as evaluator:
        assert evaluator.ask(large) == {"limit": "memory", "part": -1}
    with Evaluator(seconds=30) as evaluator:
        assert "limit" not in evaluator.ask(large)


def test_it_knows_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its environment is empty."""
    monkeypatch.setenv("KONG_OAM_SECRET", "secret")
    with Evaluator() as evaluator:
        evaluator.ask(SIMPLE)
        assert evaluator._process is not None
        assert (
            Path(f"/proc/{evaluator._process.pid}/environ").read_bytes() == b""
        )


def test_it_is_built_once() -> None:
    """Into the cache, by the digest of its source."""
    built = program()
    made = built.stat()
    assert program().stat() == made and os.access(built, os.X_OK)


def test_one_that_cannot_be_built_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After the builder's output."""
    monkeypatch.setenv("KONG_OAM_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    with pytest.raises(
        EvaluatorError, match="cannot be built; see the lines above"
    ):
        program()


def test_the_cache_is_the_sandboxs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both choose the folder by the same environment variables."""
    for variables in ({"KONG_OAM_CACHE": "/a"}, {"XDG_CACHE_HOME": "/b"}, {}):
        monkeypatch.delenv("KONG_OAM_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert cache_folder() == toolchain.cache()
