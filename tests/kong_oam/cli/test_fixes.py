"""Fixes as data: each applies with `git apply`, silences its finding, and says its exact change of
access. `--fix` applies only fixes that give no access."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.lint import lint
from kong_oam.access.memory import Memory
from kong_oam.access.model import Estate
from kong_oam.cli.fixes import EditedApplications, fixes_of
from kong_oam.oam.application import join_readings, read_bytes, read_file
from kong_oam.render.stage import Renderer
from kong_oam.render.tools import Tools
from tests.support.cli import Cli
from tests.support.diffs import settings
from tests.support.single_mistakes import (
    Applications,
    Mistake,
    generated,
    mistakes,
)
from tests.support.tiers import examples

ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 8080}, {port: 3306, expose: true}]}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {orders.read: Read orders, orders.write: Change orders, orders.old: Nothing}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [orders.read]}
              - {paths: [/orders], methods: [GET], scopes: [orders.read, orders.write]}
              - {paths: [/orders], methods: [POST], scopes: [orders.write]}
            roles:
              people: {scopes: [orders.read], groups: [sales]}
              clients: {scopes: [orders.read], components: [shop/web, shop/job]}
              editor: {scopes: [orders.write], groups: [desk], components: [shop/web]}
              nobody: {scopes: [orders.read]}
            waivers:
              - {finding: LINT305, reason: none, until: "2027-01-01"}
"""
SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop, annotations: {owner: team-shop}}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x, env: [{name: DB, value: "api.orders:3306"}]}
      traits:
        - {type: client, properties: {kind: service}}
    - name: web
      type: webservice
      properties: {image: x, ports: [{port: 3000}]}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 3000}}
        - type: access
          properties: {owner: team-shop, rules: [{methods: [GET], public: {reason: pages, until: "2027-06-30"}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/cb], calls: [{component: orders/api, scopes: [orders.read, orders.write]}]}
"""
STACK = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway: {namespace: kong, podLabels: {app: kong}}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
WITH_FIX = {
    "LINT301": False,
    "LINT302": False,
    "LINT303": False,
    "LINT304": False,
    "LINT310": False,
    "LINT313": True,
    "LINT314": True,
}
"""The findings with a fix, and whether the fix gives access."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed project with each finding that has a fix, in the working directory."""
    for file, text in {
        "applications/orders.yaml": ORDERS,
        "applications/shop.yaml": SHOP,
        "stacks/Pulumi.local.yaml": STACK,
    }.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", "-A")
    author = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    _git(tmp_path, *author, "commit", "-qm", "before")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _git(folder: Path, *arguments: str, text: str = "") -> None:
    subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=text.encode(),
        check=True,
        timeout=30,
    )


def _without_lines(message: str) -> str:
    return re.sub(r":\d+:\d+|line \d+", "", message)


def _words(answer: Any) -> list[str]:
    """Return the findings of `check`, without their lines."""
    listed = answer["diagnostics"] + answer["findings"]
    return [
        f"{each['code']} {_without_lines(each['message'])}" for each in listed
    ]


def _changes(entries: Any) -> Any:
    """Return changes, with the same name for the files of both sides."""
    return json.loads(json.dumps(entries).replace('"HEAD:', '"'))


def test_each_fix_is_exact(project: Path, cli: Cli) -> None:
    """`git apply` takes the diff. Then the finding is gone, no other finding is new, and `diff`
    prints the changes of the fix."""
    before = cli.json("check", "--json", status=1)
    fixes = [each for each in before["findings"] if "fix" in each]
    grants = {each["code"]: each["fix"]["grants"] for each in fixes}
    assert grants == WITH_FIX
    for finding in fixes:
        fix = finding["fix"]
        _git(project, "apply", "-", text=fix["diff"])
        after = cli.json("check", "--json", status=1)
        (message,) = _words({"diagnostics": [], "findings": [finding]})
        assert message not in _words(after)
        assert not {*_words(after)} - {*_words(before)}
        made = cli.json("diff", "HEAD", ".", "--json")["changes"]
        assert _changes(made) == _changes(fix["changes"]), finding
        assert any(change["opens"] for change in made) == fix["grants"]
        _git(project, "checkout", "-q", "applications")


def test_a_limit_leaves_out_fixes_of_findings_that_are_left(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their edits are not compared."""
    seen: list[int] = []

    def counted(findings: Sequence[LintFinding], *more: Any) -> Any:
        seen.append(len(findings))
        return fixes_of(findings, *more)

    monkeypatch.setattr("kong_oam.cli.check.fixes_of", counted)
    answer = cli.json("check", "--json", "--limit", "2", status=1)
    assert len(answer["findings"]) <= 2
    assert seen == [2]


def test_fix_applies_what_gives_no_access(project: Path, cli: Cli) -> None:
    """Fixes that grant stay findings. No request is answered differently."""
    printed = cli("check", "--fix", status=1)
    assert "5 finding(s) fixed" in printed
    answer = cli.json("check", "--json", status=1)
    left = {each["code"]: each["fix"] for each in answer["findings"]}
    assert {*left} == {"LINT313", "LINT314"}
    assert all(fix["grants"] for fix in left.values())
    made = cli.json("diff", "HEAD", ".", "--json")["changes"]
    assert [change["setting"] for change in made] == ["waivers"]
    again = cli.json("check", "--fix", "--json", status=1)
    assert again["fixed"] == 0


def test_the_printed_diffs_give_no_access(project: Path, cli: Cli) -> None:
    """`patch` may apply the output of `check`."""
    printed = cli("check", status=1)
    assert "LINT313" in printed
    assert "LINT314" in printed
    assert "+              people" not in printed
    assert "internal: [" not in printed


def test_fix_edits_only_selected_files(project: Path, cli: Cli) -> None:
    """A file on the command line selects its findings."""
    cli("check", "applications/shop.yaml", "--fix", status=1)
    assert Path("applications/orders.yaml").read_text() == ORDERS


def test_fix_does_not_overwrite_a_newer_file(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes during the command stays as it is."""
    file = Path("applications/orders.yaml")

    def late(*arguments: Any) -> tuple[LintFinding, ...]:
        found = lint(*arguments)
        file.write_text(f"{ORDERS}# newer\n")
        return found

    monkeypatch.setattr("kong_oam.cli.check.lint", late)
    assert "changed during the command" in cli.error("check", "--fix")
    assert file.read_text() == f"{ORDERS}# newer\n"


def test_fix_leaves_out_an_edit_whose_changes_give_access(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison of access decides, and not the kind of the finding: only the removal of the
    waiver is a change."""
    monkeypatch.setattr("kong_oam.cli.applied_fixes.opens", lambda _: True)
    printed = cli("check", "--fix", status=1)
    assert "4 finding(s) fixed" in printed
    assert "waivers:" in Path("applications/orders.yaml").read_text()


def test_fix_runs_once(project: Path, cli: Cli) -> None:
    """A watching command changes no file."""
    assert "use --fix or --watch" in cli.usage("check", "--fix", "--watch")


def _written(applications: Applications) -> dict[str, str]:
    """Return the files of Applications, with an item on each line."""
    return {
        file: json.dumps(data, indent=1) + "\n"
        for file, data in applications.items()
    }


def _linted(folder: Path) -> tuple[Estate | None, tuple[LintFinding, ...]]:
    readings = []
    for file in sorted(folder.glob("*.yaml")):
        readings.append(read_bytes(file.name, file.read_bytes()))
    reading = join_readings(readings)
    compiled = compile_estate(reading, SETTINGS.stack)
    if compiled.estate is None:
        return None, ()
    found = lint(reading.applications, compiled.estate, SETTINGS.as_of)
    return compiled.estate, found


SETTINGS = settings()


@pytest.mark.parametrize("seed", range(4))
def test_fixes_of_generated_estates_are_exact(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fix, applied alone to the files and compiled anew, makes exactly its changes. The
    mistakes of the estates have further findings."""
    random = Random(seed)
    codes: set[str] = set()
    for number in range(max(1, examples(10))):
        applications = generated(random)
        wrong = random.sample([*mistakes(applications)], 12)
        for index, each in enumerate((applications, *wrong)):
            folder = tmp_path / f"{number}-{index}"
            folder.mkdir()
            monkeypatch.chdir(folder)
            data = each.applications if isinstance(each, Mistake) else each
            for file, text in _written(data).items():
                Path(file).write_text(text)
            codes |= _exact_fixes(folder)
    assert codes


def _exact_fixes(folder: Path) -> set[str]:
    """Check the fixes of the Applications in a folder. Return the codes of the findings."""
    before, findings = _linted(folder)
    if before is None:
        return set()
    was = model_of(before, SETTINGS)
    names = [_without_lines(each.message) for each in findings]
    with Tools() as tools:
        applications = EditedApplications(
            ["."], SETTINGS, read_file, Renderer(tools), Memory()
        )
        fixes = fixes_of(findings, before, applications)
    for index, fix in fixes.items():
        copied = folder.parent / "copied"
        shutil.copytree(folder, copied)
        assert fix.diff
        _git(copied, "apply", "-", text=fix.diff)
        after, left = _linted(copied)
        shutil.rmtree(copied)
        assert after
        assert diff(was, model_of(after, SETTINGS)) == fix.changes
        assert fix.grants <= findings[index].kind.grants
        remaining = [_without_lines(each.message) for each in left]
        assert remaining.count(names[index]) < names.count(names[index])
        assert not {*remaining} - {*names}
    return {findings[index].code for index in fixes}


def test_an_edit_in_another_folder_is_no_fix(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A diff names files below the working directory only."""
    other = project / "other"
    other.mkdir()
    shutil.copytree(project / "stacks", other / "stacks")
    monkeypatch.chdir(other)
    answer = cli.json("check", "-f", "../applications", "--json", status=1)
    assert answer["findings"]
    assert not [each for each in answer["findings"] if "fix" in each]


def test_a_large_answer_has_fixes_for_some_findings(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparisons are limited. An edit that affects no access needs none."""
    monkeypatch.setattr("kong_oam.cli.fixes._COMPILED", 1)
    answer = cli.json("check", "--json", status=1)
    fixed = {each["code"] for each in answer["findings"] if "fix" in each}
    assert {"LINT301", "LINT302", "LINT303", "LINT304"} < fixed
    assert len(fixed) == 5
    monkeypatch.setattr("kong_oam.cli.fixes._COMPARED", 0)
    answer = cli.json("check", "--json", status=1)
    assert len([each for each in answer["findings"] if "fix" in each]) == 4
