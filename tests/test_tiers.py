"""What decides which tests run when: the tiers, the slices, what a change touches, and what is shown of a failure."""

from __future__ import annotations

import itertools
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sandbox.local import LAST, Printed
from tests.support import tiers
from tests.support.failures import HEAD, TAIL, readable

ROOT = tiers.ROOT
DEEP = "deep or generated"


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)


def _collected(*arguments: str) -> set[str]:
    done = _pytest("--collect-only", "-q", "tests/checker", "tests/kong_oam/access/diff/test_diff_exact.py", *arguments)
    assert done.returncode in (0, 5), done.stdout
    return {line for line in done.stdout.splitlines() if line.startswith("tests/")}


@pytest.mark.deep
def test_every_test_that_is_left_out_has_its_turn() -> None:
    """The parts of the tests that `make test` leaves out, or asks less of, are all of them. No test is in two parts."""
    left_out = _collected("-m", DEEP)
    parts = [{name for name in left_out if tiers.slice_of(name, 4) == part} for part in range(4)]
    assert all(parts)
    assert _collected("-m", DEEP, "--slice", "1/4") == parts[1]


@pytest.mark.parametrize("commits", (19, 42))
def test_twenty_commits_go_round_all_slices(commits: int) -> None:
    """By the lines of `.ci/run`: with the number of commits, and further back while there is time."""
    script = (ROOT / ".ci/run").read_text("utf-8")
    slices = re.search(r"SLICES=(\d+)", script)
    formula = re.search(r'SLICE="\$\(\((.*?)\)\)/\$SLICES"', script)
    assert slices and formula

    def of(count: int, nth: int) -> int:
        words = {"commits": count, "SLICES": int(slices[1]), "nth": nth}
        done = subprocess.run(["bash", "-c", f"echo $(({formula[1]}))"], env={k: str(v) for k, v in words.items()}, capture_output=True, text=True, check=True, timeout=10)  # fmt: skip
        return int(done.stdout)

    first = {of(commits + more, 0) for more in range(20)}
    assert first == set(range(int(slices[1])))
    assert of(commits, 1) == of(commits - 1, 0)


def test_a_change_touches_what_imports_it() -> None:
    """By whatever way; and a file of tests that was changed itself."""
    touched = tiers.touched_tests(
        [ROOT / "tests/support/checker/order.py", ROOT / "tests/kong_oam/oam/test_edit.py", ROOT / "README.md"]
    )
    names = {str(file.relative_to(ROOT)) for file in touched}
    assert {
        "tests/checker/test_checker_order.py",
        "tests/checker/test_checker_faults.py",
        "tests/kong_oam/oam/test_edit.py",
    } <= names
    assert "tests/kong_oam/oam/test_document.py" not in names


def test_tests_that_build_on_each_other_are_one_unit() -> None:
    """Of a place in the list; any other test is one by itself. Every place is there."""
    assert tiers.unit("tests/keycloak/test_keycloak_table.py::test_a") == tiers.unit("tests/keycloak/test_b.py::test_c")
    assert tiers.unit("tests/kong_oam/oam/test_edit.py::test_a[@]") == "tests/kong_oam/oam/test_edit.py::test_a[@]"
    assert all((ROOT / place).exists() for place in tiers.TOGETHER)


SUITE = """
import time
import pytest
from sandbox import toolchain

def test_starts_the_engine():
    toolchain.pulumi_folder()

@pytest.mark.engine
def test_is_known_to_start_it():
    toolchain.pulumi_folder()
"""


@pytest.fixture
def suite(tmp_path: Path) -> Callable[..., str]:
    """Runs tests of a folder of its own with the plugins of this one, and gives what is printed."""

    def run(text: str, *arguments: str) -> str:
        (tmp_path / "test_it.py").write_text(text)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        plugins = ("-p", "tests.support.tiers", "-p", "tests.conftest")
        return _pytest(
            "-c", str(tmp_path / "pytest.ini"), f"--rootdir={tmp_path}", *plugins, str(tmp_path), *arguments
        ).stdout

    return run


@pytest.mark.engine
def test_only_what_is_marked_can_start_the_engine(suite: Callable[..., str]) -> None:
    """So nothing of `make test-fast` does, whoever wrote it."""
    said = suite(SUITE)
    assert "this test starts the engine: mark it with pytest.mark.engine" in said
    assert "1 failed, 1 passed" in said


def test_nothing_begins_when_no_time_is_left(suite: Callable[..., str]) -> None:
    """It is skipped, and the reason is printed."""
    said = suite("def test_a(): pass\n", "--until", "1000", "-rs")
    assert "1 skipped" in said and "no time is left" in said


ENDED_BY_SIGINT = """
import signal
import subprocess

def test_a_program_is_ended():
    started = subprocess.Popen(["sleep", "30"])
    started.send_signal(signal.SIGINT)
    assert started.wait(timeout=10) == -signal.SIGINT
"""


def test_a_shell_that_ignores_sigint_changes_nothing(suite: Callable[..., str]) -> None:
    """As a script does with `make test &`: a program that a test starts still ends by SIGINT."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        said = suite(ENDED_BY_SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "1 passed" in said, said


WALL = "def test_a():\n    assert not 'x'.join(f'{n:05}' + 400 * 'y' + chr(10) for n in range(3000))\n"


@pytest.mark.deep
def test_a_failure_is_no_wall(suite: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a worker under CI, where pytest cuts nothing; with -vv all of it is there."""
    monkeypatch.setenv("CI", "true")
    said = suite(WALL, "-n", "1")
    assert "1 failed" in said and len(said) < 60_000
    assert len(suite(WALL, "-n", "1", "-vv")) > 1_000_000


def test_of_a_long_text_the_beginning_and_the_end_are_left() -> None:
    """With how much is between them; a short one stays as it is."""
    text = "\n".join(map(str, range(1000)))
    lines = readable(text).splitlines()
    assert lines[:HEAD] == [str(n) for n in range(HEAD)] and lines[-TAIL:] == [str(n) for n in range(1000 - TAIL, 1000)]
    assert lines[HEAD].startswith(f"... {1000 - HEAD - TAIL} lines left out")
    assert readable("a\nb") == "a\nb"


def test_of_what_the_cli_printed_an_error_shows_the_last_lines() -> None:
    """It is still all there for a test to look at."""
    printed = Printed("\n".join(map(str, range(1000))))
    assert repr(printed).splitlines() == [f"... {1000 - LAST} lines ...", *map(str, range(1000 - LAST, 1000))]
    assert printed.splitlines()[0] == "0"


def test_every_night_everything_is_run() -> None:
    """By the scheduled workflow, with a bound above the sixty minutes that it takes."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/nightly.yaml").read_text("utf-8"))
    (job,) = workflow["jobs"].values()
    *_, step, faults = (step for step in job["steps"] if "run" in step)
    assert faults == {"run": "make test-faults", "if": "${{ !cancelled() }}"}
    assert step["run"] == "make test-all"
    assert step["env"]["SEED"] == "${{ github.run_number }}", "each night asks what no night before has asked"
    assert 60 < job["timeout-minutes"] <= 120
    assert workflow["permissions"] == {"contents": "read"}


def test_generated_tests_ask_less_in_make_test_alone() -> None:
    """A fifth of what they are written for; the Makefile names the profiles."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    profiles = dict(re.findall(r"^(\w+) := --hypothesis-profile (.+)$", makefile, re.MULTILINE))
    assert profiles == {"QUICK": "quick", "FULL": "$(if $(SEED),fresh --hypothesis-seed $(SEED),full)"}
    recipes = dict(re.findall(r"^(test[\w-]*):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    used = {name: re.findall(r"\$\((QUICK|FULL)\)", recipe) for name, recipe in recipes.items()}
    used.pop("test-live")
    assert used.pop("test-fast") == used.pop("test") == ["QUICK"]
    assert set(itertools.chain.from_iterable(used.values())) == {"FULL"}


PROGRAMS = ("redis-server", "prometheus", "chromium")


def _machine(folder: Path, *, installs: bool) -> dict[str, str]:
    """An environment with a stand-in of apt-get that installs, or cannot; both say what they were asked for. A stand-in of
    sudo asks for no password."""
    asked, programs = folder / "asked", folder / "bin"
    programs.mkdir()
    made = (
        f'for name in "$@"; do last=$name; done; : > {programs}/"$last"; {shutil.which("chmod")} +x {programs}/"$last"'
    )
    script = f'echo "$@" >> {asked}\ncase "$*" in *install*) {made if installs else "exit 100"};; esac\n'
    for name, text in (("apt-get", script), ("sudo", 'shift 2\nexec "$@"\n')):
        (programs / name).write_text(f"#!{shutil.which('bash')}\n{text}")
        (programs / name).chmod(0o755)
    return {"PATH": str(programs)}


def _packages(environment: dict[str, str]) -> list[str]:
    command = [str(shutil.which("bash")), ROOT / ".ci/packages"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_tests_need_is_installed_where_nobody_is_at_home(tmp_path: Path) -> None:
    """Once; and nothing where somebody is, who is told what is missing."""
    missing = [f"not here: {name}; the tests that need it are skipped" for name in PROGRAMS]
    environment = _machine(tmp_path, installs=True)
    assert _packages(environment) == missing
    assert not (tmp_path / "asked").exists()
    assert _packages(environment | {"CI": "true"}) == []
    installed = [line.split()[-1] for line in (tmp_path / "asked").read_text("utf-8").splitlines() if "install" in line]
    assert installed == [*PROGRAMS]
    (tmp_path / "asked").unlink()
    assert _packages(environment | {"CI": "true"}) == []
    assert not (tmp_path / "asked").exists()


def test_what_cannot_be_installed_is_said_and_stops_nothing(tmp_path: Path) -> None:
    """Each is tried by itself: another may be there."""
    said = _packages(_machine(tmp_path, installs=False) | {"CI": "true"})
    assert said == [f"not here: {name}; the tests that need it are skipped" for name in PROGRAMS]
    assert (tmp_path / "asked").read_text("utf-8").count("install --yes") == len(PROGRAMS)


def test_every_run_of_the_tests_lists_what_it_skipped() -> None:
    """In continuous integration, too, which runs `make`."""
    made = subprocess.run(["make", "-n", "test-fast"], cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    assert [line for line in made.splitlines() if "pytest" in line and " -rs " in line]
    assert ".ci/packages" in (ROOT / ".ci/run").read_text("utf-8").split("make setup")[0]
