"""The code that all ports run before authentication comes, changes and goes: nobody is let in or refused meanwhile.

Of every run all that can be seen of it is put together, as for estates; the estate itself stays the same.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.project import set_gateway
from tests.support.checker.estates import Client, Part, Shape
from tests.support.checker.runs import Edit, Recorder, Run, sandbox

pytestmark = [pytest.mark.engine, pytest.mark.deep]

PLACES = (("one.example.com", "/x", 8080), ("one.example.com", "/z", 9090))
A = Part("a", "a", PLACES, (("/x", "GET", ("a.read",)), ("/x/health", "GET", ())), scopes=("a.read",))
B = Part("b", "b", (("two.example.com", "/x", 8080),), (("/x", "GET", ("b.read",)),), scopes=("b.read",))
SHAPE = Shape((A, B), (Client("job", (("a", "a.read"), ("b", "b.read"))),))
COPIED: Edit = ("kong_oam/kong/lua/preflight.lua", "'a preflight was answered", "'a preflight was answered")
"""Changes nothing: the project gets a copy of what it is about to change."""
NOT_WAITING: Edit = (
    "components/gateway/code.py",
    "return SharedCode(is_there, (plugin,), versions)",
    "return SharedCode(True, (), versions)",
)
GONE_AT_ONCE: Edit = ("kong_oam/kong/code.py", "if version_in(script) in called]", "if False]")


def _changed(run: Run) -> dict[str, int]:
    """How often a run did what to which kind of plugin in Kong, as "update admission"."""
    steps = (one.name.split(" ", 1) for one in run.replay.operations if one.writes)
    return dict(Counter(f"{what} {name.rpartition('-')[2]}" for what, name in steps))


def _there_and_back(folder: Path, *edits: Edit) -> Iterator[Run]:
    """Each port has its own, then the stack has it once, then each its own again."""
    with sandbox() as local:
        recorder = Recorder.on(local, folder, *edits)
        for name, shared in (("at each port", False), ("once", True), ("again", True), ("at each port again", False)):
            set_gateway(recorder.stack.folder, sharedCode=shared)
            yield recorder.up(name, SHAPE)


def _versions(folder: Path, *edits: Edit) -> Iterator[Run]:
    """One version, another, the same once more, and a third."""
    with sandbox() as local:
        recorder = Recorder.on(local, folder, COPIED, *edits)
        yield recorder.up("a version", SHAPE)
        for number in (1, 2):
            _another_version(recorder, number)
            yield recorder.up(f"version {number}", SHAPE)
            yield recorder.up(f"version {number} again", SHAPE)


def _another_version(recorder: Recorder, number: int) -> None:
    """The program gets other code, as a release of it does, and the list the name of that."""
    project = recorder.stack.folder
    lua, listed = project / "kong_oam/kong/lua/preflight.lua", project / "kong_oam/kong/versions.json"
    lua.write_text(re.sub("'a preflight [0-9]*", f"'a preflight {number} ", lua.read_text("utf-8")), "utf-8")
    asked = [sys.executable, "-c", "from kong_oam.kong.code import version; print(version())"]
    name = subprocess.run(asked, cwd=project, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    names = json.loads(listed.read_text("utf-8"))
    assert name not in names
    listed.write_text(json.dumps([*names, name]), "utf-8")


def _sound(runs: Iterator[Run]) -> list[dict[str, int]]:
    """What each run changed, once nothing of it opened or closed anything."""
    changed = []
    for run in runs:
        held = run.held()
        assert not held.opened and not held.closed, f"{run.name}:\n{held}"
        changed.append(_changed(run))
    return changed


@pytest.mark.timeout(900)
def test_a_stack_goes_over_and_back(tmp_path: Path) -> None:
    """From a version that had the code at each port, as a stack with `sharedCode: false` still has it."""
    _, once, again, back = _sound(_there_and_back(tmp_path / "project"))
    assert once == {"create code": 1, "update admission": 3}
    assert again == {}
    assert back == {"update admission": 3, "delete code": 1}


@pytest.mark.timeout(900)
def test_versions_follow_one_another(tmp_path: Path) -> None:
    """The one before stays as long as it is called; a run without a change does nothing."""
    _, first, still, second, last = _sound(_versions(tmp_path / "project"))
    assert first == second == {"update code": 1, "update admission": 3}
    assert still == last == {}


ONE = "**::app/a-8080-admission"


def _codes(recorder: Recorder) -> tuple[int, set[str]]:
    """How many versions the global plugin has by the state, and which admissions bring their own code."""
    configs = {
        one["urn"].rpartition("::")[2]: one.get("inputs", {}).get("configJson") for one in recorder.stack.state()
    }
    everywhere = configs.get("gateway-code")
    own = {name for name, config in configs.items() if name.endswith("-admission") and "LEAVE" in config}
    return len(json.loads(everywhere)["rewrite"]) if everywhere else 0, own


def _answers(recorder: Recorder) -> list[int]:
    hosts = (("one", "/x/health"), ("one", "/x"), ("one", "/z"), ("two", "/x"))
    return [recorder.stack.status("GET", f"{host}.example.com", path) for host, path in hosts]


@pytest.mark.timeout(900)
def test_a_port_calls_no_code_that_a_flag_left_out(tmp_path: Path) -> None:
    """It brings its own until a run makes the plugin; where there is none at all yet, the run ends, and nothing changes."""
    three = {f"app/{port}-admission" for port in ("a-8080", "a-9090", "b-8080")}
    with sandbox() as local:
        recorder = Recorder.on(local, tmp_path / "project", COPIED)
        set_gateway(recorder.stack.folder, sharedCode=False)
        recorder.up("at each port", SHAPE)
        answers = _answers(recorder)
        assert answers == [200, 401, 401, 401]
        set_gateway(recorder.stack.folder, sharedCode=True)
        for flag in (("--target", ONE), ("--exclude", "**::gateway-code")):
            done = recorder.stack.run("up", *flag, check=False)
            assert done.returncode and "a flag leaves it out: run once without it" in done.stdout + done.stderr
            assert (_codes(recorder), _answers(recorder)) == ((0, three), answers)
        recorder.up("once", SHAPE)
        assert (_codes(recorder), _answers(recorder)) == ((1, set()), answers)
        _another_version(recorder, 1)
        for flag, own in ((("--target", ONE), {"app/a-8080-admission"}), (("--exclude", "**::gateway-code"), three)):
            run = recorder.up("with a flag", SHAPE, *flag)
            assert not run.held().opened
            assert (_codes(recorder), _answers(recorder)) == ((1, own), answers)
        assert _changed(recorder.up("all of it", SHAPE)) == {"update code": 1, "update admission": 3}
        assert (_codes(recorder), _answers(recorder)) == ((1, set()), answers)
        done = recorder.stack.run("destroy", "--target", "**::gateway-code", check=False)
        assert done.returncode and _codes(recorder) == (1, set())


FAULTS: dict[str, tuple[Callable[..., Iterator[Run]], Edit, str]] = {
    "ports do not wait for the code": (_there_and_back, NOT_WAITING, "once"),
    "versions before go at once": (_versions, GONE_AT_ONCE, "version 1"),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FAULTS)
def test_a_program_with_a_fault_is_found_out(tmp_path: Path, name: str, report: Callable[[str], None]) -> None:
    """As one that refuses what both estates allow; nothing of it opens anything."""
    runs, edit, wanted = FAULTS[name]
    for run in runs(tmp_path / "project", edit):
        held = run.held()
        assert not held.opened
        if run.name == wanted:
            break
        assert not held.closed
    assert held.closed, "not found"
    report(f"seeded fault, {name}: {len(held.closed)} calls, as {held.closed[0]}")
