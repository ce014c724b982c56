"""The lock files name all installed packages, with their contents."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from sandbox import install, lock, toolchain
from tests.support.repository import ROOT

CORE = "requirements-core.lock"
BUILT = "requirements-built.lock"
LOCKS = (
    CORE,
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-docs.lock",
    BUILT,
    "sandbox/go.lock",
)
MOST = 12
"""The most packages of the first answer: two minutes, 25 MB, and no compiler."""
_DIGEST = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def _locked(file: str) -> Mapping[str, Version]:
    """Return versions by name."""
    lines = (ROOT / file).read_text("utf-8").replace("\\\n", " ").splitlines()
    found = [Requirement(_DIGEST.sub("", line).strip()) for line in lines]
    return {
        requirement.name: Version(str(requirement.specifier).removeprefix("=="))
        for requirement in found
    }


def _wanted(file: str) -> list[Requirement]:
    lines = ((ROOT / file).read_text("utf-8")).splitlines()
    named = [line.partition("#")[0].strip() for line in lines]
    more = [
        requirement
        for line in named
        if line.startswith("-r ")
        for requirement in _wanted(line.removeprefix("-r "))
    ]
    return [
        *more,
        *(
            Requirement(line)
            for line in named
            if line and not line.startswith("-r ")
        ),
    ]


@pytest.mark.parametrize("file", LOCKS)
def test_a_lock_names_versions_and_digests_and_nothing_else(file: str) -> None:
    """No lock names an index, an address or an option: the user's own index applies."""
    for line in (
        (ROOT / file).read_text("utf-8").replace("\\\n", " ").splitlines()
    ):
        assert re.fullmatch(
            r"[a-z0-9-]+==[\w.]+( ; [\w .'=<>()!]+)? +(--hash=sha256:[0-9a-f]{64} *)+",
            line,
        ), line


@pytest.mark.parametrize(
    "name",
    [
        "requirements-core",
        "requirements",
        "requirements-dev",
        "requirements-docs",
    ],
)
def test_a_lock_has_the_requirements(name: str) -> None:
    """Each lock has every requirement in a version that fits. `make lock` updates it."""
    locked = {**_locked(f"{name}.lock"), **_locked(BUILT)}
    for requirement in _wanted(f"{name}.txt"):
        assert requirement.specifier.contains(
            locked[requirement.name.lower()], prereleases=True
        ), f"{requirement}: run make lock"


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        (CORE, "requirements.lock"),
        ("requirements.lock", "requirements-dev.lock"),
    ],
)
def test_one_environment_grows_by_the_locks(inner: str, outer: str) -> None:
    """The program has the packages of the commands in the same versions, and so have the tests."""
    less, more = _locked(inner), _locked(outer)
    assert {name: more[name] for name in less} == less


def test_the_first_answer_takes_few_packages() -> None:
    """The number of packages is limited; a new package needs a decision."""
    assert len(_locked(CORE)) == install.packages_of(ROOT / CORE) <= MOST


def test_the_sums_are_of_the_cli_that_is_built() -> None:
    """The sums cover the CLI's own module too, in the named version."""
    assert (
        f"github.com/pulumi/pulumi/pkg/v3 v{toolchain.VERSION} h1:"
        in toolchain.SUMS.read_text("utf-8")
    )


def _commands(file: str) -> list[list[str]]:
    """Return the arguments of each `pip install` with a lock in a workflow."""
    text = (ROOT / file).read_text("utf-8")
    return [
        found.split()
        for found in re.findall(
            r"-m pip install (.*requirements\S*\.lock)$", text, re.MULTILINE
        )
    ]


ROTATE, PREVIEW = (
    ".github/workflows/rotate.yaml",
    ".github/workflows/preview.yaml",
)
COMMANDS = [
    *(
        command[:-1]
        for file in (ROTATE, PREVIEW)
        for command in _commands(file)
    ),
    [*install.LOCKED],
    [*install.BUILT],
]
"""The arguments without the lock, which is the last."""


def test_every_lock_is_installed_from() -> None:
    """`make look` and the review's workflow install the commands' lock, `make setup` the tools',
    the scheduled workflow the program's. `make docs` installs the site's and the commands'. Only
    one job installs the build's."""
    made = re.findall(
        r"^\t\$\(INSTALL\) \$\((\w+)\) (.*)$",
        (ROOT / "Makefile").read_text("utf-8"),
        re.MULTILINE,
    )
    assert made == [
        ("VENV", CORE),
        ("VENV", f"requirements-dev.lock {BUILT}"),
        ("DOCS", f"requirements-docs.lock {CORE}"),
    ]
    assert [command[-1] for command in _commands(ROTATE)] == [
        "requirements.lock",
        BUILT,
    ]
    assert [command[-1] for command in _commands(PREVIEW)] == [CORE]
    for command in COMMANDS:
        assert "--require-hashes" in command
        assert ("--only-binary" in command) != (
            "--no-build-isolation" in command
        )
    assert [*_locked(BUILT)] == [lock.BUILT]
    assert install.SOURCES == BUILT


@pytest.mark.deep
@pytest.mark.parametrize("flags", COMMANDS, ids=" ".join)
def test_a_package_with_other_contents_is_not_installed(
    flags: list[str], tmp_path: Path
) -> None:
    """pip rejects changed contents in its own words, and installs the locked contents."""
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("thing.py", "")
        packed.writestr(
            "thing-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        )
        packed.writestr(
            "thing-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: true\n",
        )
        packed.writestr("thing-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = tmp_path / "a.lock"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-index",
        "--find-links",
        str(tmp_path),
        "--target",
    ]
    output = {}
    for about, line in {
        "as named": f"thing==1.0 --hash=sha256:{digest}",
        "others": f"thing==1.0 --hash=sha256:{'0' * 64}",
        "none named": "thing==1.0",
    }.items():
        file.write_text(line + "\n", "utf-8")
        done = subprocess.run(
            [*command, str(tmp_path / about), *flags, str(file)],
            capture_output=True,
            text=True,
        )
        output[about] = (done.returncode, done.stderr)
    assert output["as named"][0] == 0, output
    assert (
        output["others"][0] and "DO NOT MATCH THE HASHES" in output["others"][1]
    )
    assert output["none named"][0] and "require" in output["none named"][1]


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")
def test_a_go_module_with_other_contents_is_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build stops before it compiles."""
    sums = tmp_path / "other.sum"
    module = f"github.com/pulumi/pulumi/pkg/v3 v{toolchain.VERSION} "
    lines = toolchain.SUMS.read_text("utf-8").splitlines(keepends=True)
    changed = [
        f"{module}h1:{'A' * 43}=\n" if line.startswith(f"{module}h1:") else line
        for line in lines
    ]
    assert changed != lines
    sums.write_text("".join(changed), "utf-8")
    monkeypatch.setattr(toolchain, "SUMS", sums)
    with pytest.raises(toolchain.ToolchainError, match="checksum mismatch"):
        toolchain._build(tmp_path)
    assert not (tmp_path / "pulumi").exists()
