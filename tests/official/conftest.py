"""A real API server for this folder's tests: only `make test-official` runs them, since it builds
the programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.kong import Lags
from sandbox.local import Local
from tests.support.engine.deployment import Deployment, project, start
from tests.support.official.cluster import Kubernetes
from tests.support.official.programs import KUBERNETES

ASKED_FOR = "KONG_OAM_KUBERNETES"
"""The environment variable that `make test-official` sets: the folder of Kubernetes' programs."""


def pytest_report_header() -> list[str]:
    """Return the real products of the run, if any."""
    folder = os.environ.get(ASKED_FOR)
    return (
        [
            f"cluster: kube-apiserver {KUBERNETES} of {folder}; nodes are a stand-in"
        ]
        if folder
        else []
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests in other runs: these build no programs."""
    here = Path(__file__).parent
    for item in (item for item in items if here in item.path.parents):
        item.add_marker(pytest.mark.timeout(600))
        if ASKED_FOR not in os.environ:
            item.add_marker(
                pytest.mark.skip(
                    reason="needs Kubernetes' own programs: make test-official builds them"
                )
            )


@pytest.fixture(scope="session")
def cluster() -> Iterator[Kubernetes]:
    """One API server for all tests."""
    with Kubernetes(Path(os.environ[ASKED_FOR])) as made:
        yield made


@pytest.fixture(scope="session")
def deployed(
    cluster: Kubernetes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The sample estate on that cluster, after its first `up`. The tests of one file run on it in
    order."""
    with Local(lags=Lags(), real=cluster.as_cluster()) as local:
        deployment = start(local, project(tmp_path_factory.mktemp("project")))
        deployment.run("up")
        yield deployment
