"""An estate that the program before the rooms deployed: this program changes nothing of it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.local import ROOT
from tests.support.engine.deployment import Deployment, Empty
from tests.support.engine.tenant import tenant_stack

pytestmark = pytest.mark.engine

BEFORE = "a7ac759a611655266af0034c32859996e84a4127"
"""The last revision whose program lay in oam/, access/, components/ and review/."""
PARTS = ("__main__.py", "Pulumi.yaml", "oam", "access", "components", "policies", "review", "definitions")


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it was. Skips where the history does not reach back to it."""
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, timeout=60)
    if archive.returncode:
        pytest.skip(f"this clone has no revision {BEFORE[:7]}: it is shallow, or no clone")
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def run_by(deployment: Deployment, project: Path) -> None:
    """From now on the stack's program is that of `project`."""
    for name in PARTS:
        link = deployment.folder / name
        link.unlink(missing_ok=True)
        if (project / name).exists():
            link.symlink_to(project / name)


@pytest.fixture(params=["okta", pytest.param("entra", marks=pytest.mark.deep)])
def before(request: pytest.FixtureRequest, empty: Empty, tmp_path: Path) -> Iterator[Deployment]:
    """An empty stack of the sample Applications at each kind of provider that makes most."""
    if request.param == "okta":
        yield empty()
        return
    folder = tmp_path / "tenant"
    folder.mkdir()
    with tenant_stack(folder) as (deployment, _):
        yield deployment


def outputs(deployment: Deployment) -> str:
    return deployment.pulumi("stack", "output", "-s", "local", "--json", "--show-secrets").stdout


def test_a_preview_of_it_is_empty(earlier: Path, before: Deployment) -> None:
    """Logical names, types, outputs and every property are as they were; a run does nothing, either."""
    run_by(before, earlier)
    before.run("up")
    told = outputs(before)
    run_by(before, ROOT)
    assert before.changes("preview") == {}
    assert before.changes("up") == {}
    assert outputs(before) == told
