"""An estate on a real Keycloak that the program before the rooms deployed: this program changes no resource of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.keycloak import Keycloak
from sandbox.local import Local
from tests.support.engine.deployment import AT_ONCE, project, start
from tests.support.engine.earlier import assert_only_scripts_change, earlier_project
from tests.support.engine.realm import on

pytestmark = [pytest.mark.engine, pytest.mark.deep]


def test_a_run_changes_its_scripts_alone(server: Keycloak, tmp_path: Path) -> None:
    """Logical names, types and every other property are as they were, and so are the outputs, but for those named."""
    folders = [tmp_path / "project", tmp_path / "earlier"]
    for folder in folders:
        folder.mkdir()
    with Local(lags=AT_ONCE) as local:
        deployment = on(server, start(local, project(folders[0])), "earlier")
        assert_only_scripts_change(deployment, earlier_project(folders[1]))
