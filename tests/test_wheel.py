"""The wheel: all commands that need no engine, and the program as an extra, with their data."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import kong_oam
from sandbox.wheel import TAGS, for_platform, this_machine
from tests.support.json_object import JsonObject
from tests.support.projects import copy_sample
from tests.support.repository import ROOT
from tests.support.wheel import TOPS, release, unpack

PROJECT: JsonObject = tomllib.loads(
    (ROOT / "pyproject.toml").read_text("utf-8")
)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which `make dist` leaves the files of a release."""
    return release(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def installed(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked wheel."""
    return unpack(released, tmp_path_factory.mktemp("installed"))


def python(installed: Path, folder: Path, *arguments: str) -> str:
    """Return the output of a Python that has the installed package, and no file of this project."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "PYTHONSAFEPATH": "1",
    }
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_every_package_and_no_other() -> None:
    """An installation would lack the modules of a folder that the wheel does not list."""
    listed = PROJECT["tool"]["setuptools"]["packages"]
    found = {
        ".".join(folder.relative_to(ROOT).parts)
        for top in TOPS
        for folder in (ROOT / top, *(ROOT / top).rglob("*"))
        if folder.is_dir()
        and (
            folder == ROOT / "definitions" or (folder / "__init__.py").is_file()
        )
    }
    assert sorted(listed) == sorted(
        name if name.startswith("kong_") else f"kong_oam.{name}"
        for name in found
    )


def _required(file: str) -> list[str]:
    lines = (
        line.partition("#")[0].strip()
        for line in (ROOT / file).read_text("utf-8").splitlines()
    )
    return sorted(
        str(Requirement(line))
        for line in lines
        if line and not line.startswith("-r ")
    )


def test_the_wheel_needs_the_projects_requirements() -> None:
    """The wheel requires the packages of the requirements, which give a reason for each, in the
    same versions."""
    project = PROJECT["project"]
    commands, deploy = (
        project["dependencies"],
        project["optional-dependencies"]["deploy"],
    )
    assert sorted(map(str, map(Requirement, commands))) == _required(
        "requirements-core.txt"
    )
    assert sorted(map(str, map(Requirement, deploy))) == _required(
        "requirements.txt"
    )


@pytest.mark.deep
def test_a_release_is_a_wheel_and_the_source_that_it_is_built_from(
    released: Path,
) -> None:
    """Their names have the version of `kong_oam`. The source has no tests, since tests need the
    rest of the project."""
    stem = f"kong_oam-{kong_oam.__version__}"
    platform = ".".join(TAGS[this_machine()])
    assert {file.name for file in released.iterdir()} == {
        f"{stem}-py3-none-{platform}.whl",
        f"{stem}.tar.gz",
    }
    with tarfile.open(released / f"{stem}.tar.gz") as source:
        tops = {name.split("/")[1] for name in source.getnames() if "/" in name}
    assert {
        *TOPS,
        "LICENSE",
        "README.md",
        "evaluator",
        "pyproject.toml",
    } <= tops
    assert "tests" not in tops


@pytest.mark.deep
def test_the_package_has_its_metadata(installed: Path) -> None:
    """The metadata has the version and the licence with its text, and README is the description."""
    (about,) = importlib.metadata.distributions(
        name="kong-oam", path=[str(installed)]
    )
    assert about.version == kong_oam.__version__
    assert about.metadata["License-Expression"] == "Apache-2.0"
    assert about.read_text("licenses/LICENSE") == (ROOT / "LICENSE").read_text(
        "utf-8"
    )
    assert about.metadata["Description-Content-Type"] == "text/markdown"
    assert about.metadata.get_payload() == (ROOT / "README.md").read_text(
        "utf-8"
    )


def test_the_licence_is_the_one_that_it_names() -> None:
    """The digest is the digest of apache.org's text."""
    text = (ROOT / "LICENSE").read_bytes()
    assert (
        hashlib.sha256(text).hexdigest()
        == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    )


@pytest.mark.deep
def test_the_wheel_has_a_command(installed: Path, tmp_path: Path) -> None:
    """The command is `python -m kong_oam`, and prints its version."""
    script = str(installed / "bin" / "kong-oam")
    for command in ([script], ["-m", "kong_oam"]):
        assert (
            python(installed, tmp_path, *command, "--version")
            == f"kong-oam {kong_oam.__version__}\n"
        )


@pytest.mark.deep
def test_no_file_of_a_package_is_left_out(installed: Path) -> None:
    """The wheel has schemas, Lua scripts and templates too, and so has the source."""
    missing = [
        str(file)
        for top in TOPS
        for file in (ROOT / top).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
        if not (
            installed
            / ("" if top.startswith("kong_") else "kong_oam")
            / file.relative_to(ROOT)
        ).is_file()
    ]
    assert missing == []


@pytest.mark.deep
def test_applications_are_checked_with_the_installed_wheel(
    installed: Path, tmp_path: Path
) -> None:
    """A repository with only Applications and stacks suffices: the wheel has schemas and definitions."""
    copy_sample(tmp_path)
    assert "no errors" in python(installed, tmp_path, "-m", "kong_oam", "check")
    output = python(
        installed,
        tmp_path,
        "-m",
        "kong_oam",
        "who",
        "GET",
        "https://orders.example.com/orders",
    )
    assert "shop/checkout" in output
    output = python(
        installed, tmp_path, "-m", "kong_oam", "matrix", "--format", "html"
    )
    assert output.startswith("<!doctype html>") and "</script>" in output


@pytest.mark.deep
def test_definitions_are_evaluated_with_the_installed_wheel(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No build and no Go is needed."""
    monkeypatch.setenv("KONG_OAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nowhere")
    (tmp_path / "one.py").write_text(
        "from kong_oam.render.built_in import built_in_definitions, built_in_types\n"
        "from kong_oam.render.evaluator import Evaluator\n"
        "with Evaluator() as evaluator:\n"
        "    print(len(built_in_definitions(evaluator.ask)), len(built_in_types()))\n"
    )
    read, known = python(installed, tmp_path, "one.py").split()
    assert read == known != "0"
    assert not (tmp_path / "cache").exists()


@pytest.mark.deep
def test_there_is_a_wheel_for_each_platform(tmp_path: Path) -> None:
    """Each has the same files and that platform's program, with their digests; installers choose by
    the tags."""
    source = tmp_path / "a-1"
    about = source / "a-1.dist-info"
    about.mkdir(parents=True)
    (source / "a,b.py").write_text("1")
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: a\nVersion: 1\n"
    )
    (about / "WHEEL").write_text(
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n\n"
    )
    subprocess.run(
        [sys.executable, "-m", "wheel", "pack", "--dest-dir", tmp_path, source],
        check=True,
    )
    pure = tmp_path / "a-1-py3-none-any.whl"
    made = for_platform(pure, "linux/arm64", b"program")
    assert (
        made.name
        == "a-1-py3-none-manylinux_2_17_aarch64.musllinux_1_1_aarch64.whl"
    )
    with zipfile.ZipFile(made) as wheel:
        tags = wheel.read("a-1.dist-info/WHEEL").decode()
        assert (
            "Tag: py3-none-manylinux_2_17_aarch64\nTag: py3-none-musllinux_1_1_aarch64\n"
            in tags
        )
        assert "Purelib: false" in tags and "any" not in tags.replace(
            "manylinux", ""
        )
        rows = [
            *csv.reader(
                wheel.read("a-1.dist-info/RECORD").decode().splitlines()
            )
        ]
        rows.remove(["a-1.dist-info/RECORD", "", ""])
        files = {
            "a,b.py",
            "a-1.dist-info/METADATA",
            "a-1.dist-info/WHEEL",
            "kong_oam/render/evaluator",
        }
        assert {name for name, _, _ in rows} == files
        for name, digest, size in rows:
            text = wheel.read(name)
            expected = (
                base64.urlsafe_b64encode(hashlib.sha256(text).digest())
                .decode()
                .rstrip("=")
            )
            assert (digest, size) == (f"sha256={expected}", str(len(text)))
        assert (
            wheel.getinfo("kong_oam/render/evaluator").external_attr >> 16
            == 0o100755
        )


@pytest.mark.deep
def test_the_program_and_the_pack_are_parts_of_it(
    installed: Path, tmp_path: Path
) -> None:
    """A platform team's `__main__.py` calls `deploy`; scripts and kinds of plugins come from the
    package."""
    (tmp_path / "one.py").write_text(
        "import kong_oam.components.program, kong_oam.policies.catalogue\n"
        "from kong_oam.policies import scripts\n"
        "from kong_oam.kong import plugins\n"
        "print(kong_oam.components.program.__file__, callable(kong_oam.components.program.deploy))\n"
        "gate = plugins.gate('{}', '{}')\n"
        "print(scripts.expected_scripts('post-function', gate) == gate)\n"
    )
    where, loaded, current = python(installed, tmp_path, "one.py").split()
    assert Path(where) == installed / "kong_oam" / "components" / "program.py"
    assert (loaded, current) == ("True", "True")
