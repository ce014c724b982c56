"""The sample estate, deployed once for all tests that only look at it, and empty stacks for those that change things."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.kong import Lags
from sandbox.local import STACK, Local
from tests.support.engine.deployment import Deployment, project, start

AT_ONCE = Lags()
"""Kong sees every change at once: most tests are not about its lags."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample estate as it was previewed on an empty stack and then deployed, with all that the CLI said of it.

    `said` is stdout and stderr by what was run; `log` is the engine's event log of the `up`.
    """

    deployment: Deployment
    said: dict[str, str]
    log: str

    @property
    def local(self) -> Local:
        return self.deployment.local


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """Deployed once; who uses it changes nothing."""
    folder = tmp_path_factory.mktemp("sample")
    log = folder / "events.json"
    with Local(lags=AT_ONCE) as local:
        # The event log is one of the CLI's debug commands.
        local.env["PULUMI_DEBUG_COMMANDS"] = "true"
        (folder / "project").mkdir()
        deployment = start(local, project(folder / "project"))
        said: dict[str, str] = {}
        for name, arguments in {
            "preview": ("preview", "--json"),
            "up": ("up", "--yes", "--skip-preview", "--json", "--event-log", str(log)),
        }.items():
            done = deployment.pulumi(arguments[0], "-s", STACK, *arguments[1:])
            said |= {name: done.stdout, f"{name}, stderr": done.stderr}
        yield Sample(deployment, said, log.read_text("utf-8"))


Empty = Callable[..., Deployment]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Empty]:
    """Makes an empty stack over a sandbox of its own: `empty("components", lags=Lags(plugins=1.0))`.

    The names are parts of the project that the test edits, `lags` are Kong's. Once for each test.
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
    """The sample estate for a test that changes it, in a project of its own. What it changed is undone after it."""
    local = sample.local
    saved = local.save()
    folder = shutil.copytree(sample.deployment.folder, tmp_path / "project", symlinks=True)
    try:
        yield Deployment(local, folder)
    finally:
        local.restore(saved)


def entities(local: Local) -> dict[str, list[str]]:
    """Everything in Kong, at Okta (but for its groups, which exist before) and in the cluster, by kind; kinds with none
    are left out."""
    kong = ("services", "routes", "plugins", "consumers", "jwt_secrets")
    okta = ("authorizationServers", "scopes", "claims", "policies", "rules", "apps", "assignments")
    found = {kind: [json.dumps(one) for one in local.kong.entities(kind)] for kind in kong}
    found |= {kind: [json.dumps(one) for one in local.okta.objects(kind)] for kind in okta}
    found["objects"] = [json.dumps(one) for one in local.cluster.objects()]
    return {kind: ones for kind, ones in found.items() if ones}
