"""A cluster of the sandbox for tests that read objects with `kubectl`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cluster import CLUSTER, Cluster
from tests.support.repository import ROOT


@pytest.fixture
def cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    """An empty cluster, and a `kubectl` for it on PATH."""
    program = tmp_path / "kubectl"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m sandbox.kubectl "$@"\n',
        "utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    started = Cluster().start()
    monkeypatch.setenv(CLUSTER, started.url)
    yield started
    started.stop()
