"""A real Keycloak for this folder's tests, with the sample estate; skipped with a reason where none
runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.keycloak import Keycloak, UnavailableError
from sandbox.local import Local
from tests.support.engine.deployment import AT_ONCE, project, start
from tests.support.engine.realm import REALM, WithKeycloak, on
from tests.support.engine.sample import Sample, deployed_sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """The same estate with Okta, to compare with."""
    with deployed_sample(tmp_path_factory.mktemp("sample")) as made:
        yield made


@pytest.fixture(scope="session")
def server() -> Iterator[Keycloak]:
    """One server for all tests; each realm belongs to one test."""
    try:
        with Keycloak() as made:
            yield made
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def keycloak(
    server: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WithKeycloak]:
    """The estate after its first `up`. The tests of one file run on it in order."""
    with Local(lags=AT_ONCE) as local:
        deployment = on(
            server,
            start(local, project(tmp_path_factory.mktemp("project"))),
            REALM,
        )
        deployment.run("up")
        yield WithKeycloak(server, deployment)
