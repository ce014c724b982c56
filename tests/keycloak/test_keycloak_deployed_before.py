"""An estate on a real Keycloak that the commit before a change deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.keycloak import Keycloak
from sandbox.local import Local
from tests.support.engine.deployment import AT_ONCE, project, start
from tests.support.engine.earlier_project import (
    assert_only_known_changes,
    earlier_project,
)
from tests.support.engine.realm import on

pytestmark = pytest.mark.deep


def test_a_run_makes_only_known_changes(
    server: Keycloak, tmp_path: Path
) -> None:
    """Logical names, types, every other property and the outputs stay."""
    folders = [tmp_path / "project", tmp_path / "earlier"]
    for folder in folders:
        folder.mkdir()
    with Local(lags=AT_ONCE) as local:
        deployment = on(server, start(local, project(folders[0])), "earlier")
        assert_only_known_changes(deployment, earlier_project(folders[1]))
