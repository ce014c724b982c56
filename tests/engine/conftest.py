"""The sample estate, deployed once for all tests that only look at it, and empty stacks for those that change things."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.kong import Lags
from sandbox.local import Local
from tests.support.engine.deployment import (
    AT_ONCE,
    Deployment,
    Empty,
    project,
    start,
)
from tests.support.engine.sample import Sample, deployed_sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """Deployed once; who uses it changes nothing."""
    with deployed_sample(tmp_path_factory.mktemp("sample")) as made:
        yield made


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Empty]:
    """Return a function that makes an empty stack over a new sandbox: `empty("components",
    lags=Lags(plugins=1.0))`.

    The names are parts of the project that the test edits, `lags` are Kong's. Call it once in a
    test.
    """
    made: list[Local] = []

    def make(*copied: str, lags: Lags = AT_ONCE) -> Deployment:
        local = Local(lags=lags)
        local.__enter__()
        made.append(local)
        folder = tmp_path / "project"
        folder.mkdir()
        return start(local, project(folder, *copied))

    yield make
    for local in made:
        local.__exit__(None, None, None)


@pytest.fixture
def deployed(sample: Sample, tmp_path: Path) -> Iterator[Deployment]:
    """Yield the sample estate for a test that changes it, in a separate project. Its changes are
    undone afterwards."""
    local = sample.local
    saved = local.save()
    folder = shutil.copytree(
        sample.deployment.folder, tmp_path / "project", symlinks=True
    )
    try:
        yield Deployment(local, folder)
    finally:
        local.restore(saved)
