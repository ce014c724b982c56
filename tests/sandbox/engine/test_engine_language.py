"""The language host: what a user of the CLI notices of it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sandbox.engine_project import Project

pytestmark = pytest.mark.engine


@pytest.mark.deep
def test_output_and_configuration_reach_both_ways(project: Callable[[str], Project]) -> None:
    """The program sees its configuration, the user sees what the program prints and exports."""
    one = project(
        """
        import pulumi
        config = pulumi.Config()
        print("printed by", pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization())
        pulumi.export("plain", config.require("plain"))
        pulumi.export("hidden", config.require_secret("hidden"))
        """
    )
    one.pulumi("config", "set", "plain", "seen")
    one.pulumi("config", "set", "--secret", "hidden", "unseen")
    shown = one.up().stdout
    assert f"printed by {one.folder.name.replace('project', 'tiny')} test organization" in shown
    assert '"seen"' in shown
    assert "unseen" not in shown
    assert one.pulumi("stack", "output", "hidden", "--show-secrets").stdout.strip() == "unseen"


@pytest.mark.deep
def test_no_stand_in_is_announced_as_a_surprise(project: Callable[[str], Project]) -> None:
    """The engine warns about plugins on PATH; the stand-ins are where it does not, and no download is tried."""
    done = project("import pulumi, pulumi_kubernetes as k; k.core.v1.Namespace('n')").up()
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_a_failing_program_fails_the_run_and_shows_why(project: Callable[[str], Project]) -> None:
    """Its traceback is shown, the exit code is not 0."""
    failed = project("print('first'); raise ValueError('the reason')").up(check=False)
    assert failed.returncode != 0
    assert "ValueError: the reason" in failed.stdout


@pytest.mark.deep
def test_a_program_that_exits_fails_the_run_with_its_stderr(project: Callable[[str], Project]) -> None:
    """sys.exit(1) after a message of its own: the message is shown."""
    failed = project("import sys; print('applications/a.yaml: error', file=sys.stderr); sys.exit(1)").up(check=False)
    assert failed.returncode != 0
    assert "applications/a.yaml: error" in failed.stdout + failed.stderr


@pytest.mark.deep
def test_the_program_cannot_import_the_stand_ins_by_accident(project: Callable[[str], Project]) -> None:
    """A module named like one of theirs is not found."""
    failed = project("import kong").up(check=False)
    assert "No module named 'kong'" in failed.stdout


@pytest.mark.deep
def test_a_policy_pack_in_python_stops_an_up(project: Callable[[str], Project], tmp_path: Path) -> None:
    """A mandatory policy: nothing is created, the message is shown."""
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (pack / "__main__.py").write_text(
        "from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy\n"
        "def check(args, report):\n"
        "    if args.resource_type == 'kubernetes:core/v1:Namespace':\n"
        "        report('no namespaces here')\n"
        "PolicyPack('pack', enforcement_level=EnforcementLevel.MANDATORY,\n"
        "           policies=[ResourceValidationPolicy('none', 'no namespaces', check)])\n"
    )
    one = project("import pulumi_kubernetes as k; k.core.v1.Namespace('n', metadata={'name': 'refused'})")
    failed = one.up("--policy-pack", str(pack), check=False)
    assert failed.returncode != 0
    assert "no namespaces here" in failed.stdout
    assert one.local.cluster.objects("Namespace") == []


def test_an_interrupted_up_ends_the_program(project: Callable[[str], Project], tmp_path: Path) -> None:
    """Ctrl-C at the CLI: the program's process is gone soon after, too."""
    mark = tmp_path / "pid"
    one = project(
        f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(command, cwd=one.folder, env=one.local.env, stdout=subprocess.DEVNULL) as cli:
        _wait(lambda: mark.exists() and mark.read_text() != "")
        for _ in range(2):  # the first asks, the second insists
            cli.send_signal(signal.SIGINT)
            time.sleep(0.5)
        cli.wait(20)
    _wait(lambda: not Path(f"/proc/{mark.read_text()}").exists() if os.name == "posix" else True)


def _wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
