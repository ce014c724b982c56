"""The real CLI on tiny programs, each with a separate stack, over one sandbox for each module."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.kong import Lags
from sandbox.local import Local
from tests.support.sandbox.engine_project import Project

_numbers = itertools.count()


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """A sandbox without lags: these tests are about the engine."""
    with Local(lags=Lags()) as sandbox:
        yield sandbox


@pytest.fixture
def project(local: Local, tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    """Makes projects, and destroys them afterwards."""
    made: list[Project] = []

    def make(program: str) -> Project:
        number = next(_numbers)
        folder = tmp_path / f"project{number}"
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(
            f"name: tiny{number}\nruntime: python\n"
        )
        engine_project = Project(local, folder)
        engine_project.write(program)
        engine_project.pulumi("stack", "init", "test")
        made.append(engine_project)
        return engine_project

    yield make
    for engine_project in made:
        engine_project.pulumi("destroy", "--yes", "--skip-preview", check=False)
