"""`check`: errors first, then lint, the dates of the stack, SARIF."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.lint.finding import KINDS

ROOT = Path(__file__).resolve().parents[3]
ORDERS = "applications/orders.yaml"
GRANT = "components: [shop/checkout, shop/web]"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample estate in a folder of its own, which is the current one."""
    for folder in ("applications", "stacks"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(file: str, old: str, new: str) -> None:
    path = Path(file)
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def _unused_grant() -> None:
    edit(ORDERS, GRANT, "components: [shop/checkout, shop/web, reports/renderer]")


def test_a_finding_is_printed_with_what_to_do_and_the_diff_that_does_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1; what was printed can be given to `patch` as it is, and then there is nothing to find."""
    before = Path(ORDERS).read_text("utf-8")
    _unused_grant()
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "applications/orders.yaml:28:102: warning LINT301: 'reports/renderer' holds role 'viewer', but asks for none of its scopes",
        "   28 | "
        + before.splitlines()[27][2:].replace(GRANT, "components: [shop/checkout, shop/web, reports/renderer]"),
        "      | " + " " * 99 + "^",
        "      = take the component out of the role, or have it call",
        "--- applications/orders.yaml",
        "+++ applications/orders.yaml",
        "@@ -25,5 +25,5 @@",
        *(f" {line}" for line in before.splitlines()[24:27]),
        "-" + before.splitlines()[27].replace(GRANT, "components: [shop/checkout, shop/web, reports/renderer]"),
        "+" + before.splitlines()[27],
        " " + before.splitlines()[28],
        "4 application(s), 7 component(s): no errors, 1 finding(s)",
    ]
    subprocess.run(["patch", "-p0"], input=said.encode(), check=True, capture_output=True, timeout=30)
    assert Path(ORDERS).read_text("utf-8") == before
    assert main(["check"]) == 0


def test_json_has_the_findings_beside_the_diagnostics(capsys: pytest.CaptureFixture[str]) -> None:
    """With component, place, remedy and the diff."""
    _unused_grant()
    assert main(["check", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["usable"], said["diagnostics"]) == (True, [])
    (finding,) = said["findings"]
    assert (finding["code"], finding["severity"], finding["component"]) == ("LINT301", "warning", "orders/api")
    assert (finding["file"], finding["line"]) == (ORDERS, 28)
    assert finding["suggestion"].startswith(f"--- {ORDERS}\n")


def test_where_there_is_an_error_lint_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """What is an error makes everything else uncertain."""
    _unused_grant()
    edit(ORDERS, "methods: [GET], scopes: [orders.read]", "methods: [GET], scopes: [orders.reed]")
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert "ACC201" in said
    assert "LINT" not in said


def test_dates_are_judged_by_the_stack(capsys: pytest.CaptureFixture[str]) -> None:
    """The same files, another asOf: waivers and public rules run out. The machine's clock plays no part."""
    assert main(["check"]) == 0
    edit("stacks/Pulumi.local.yaml", '"2026-11-25"', '"2028-01-01"')
    capsys.readouterr()
    assert main(["check", "--json"]) == 1
    codes = [one["code"] for one in json.loads(capsys.readouterr().out)["findings"]]
    assert sorted(codes) == ["LINT305"] * 2 + ["LINT307"] * 5 + ["LINT309"] * 2


@pytest.mark.parametrize(
    ("waiver", "said"),
    [
        ('{finding: LINT35, reason: x, until: "2027-01-01"}', "OAM103: waivers[0].finding cannot be \"LINT35\"; did you mean 'LINT305'?"),
        ('{finding: LINT307, reason: x, until: "2027-01-01"}', "OAM103: waivers[0].finding cannot be \"LINT307\""),
        ("{finding: LINT305, reason: x}", "OAM105: waivers[0] needs 'until'"),
        ('{finding: LINT305, until: "2027-01-01"}', "OAM105: waivers[0] needs 'reason'"),
        ("{finding: LINT305, reason: x, until: soon}", "OAM103: waivers[0].until: \"soon\" does not match"),
        ("{finding: LINT305, reason: x, until: 2027-02-30}", "OAM103: '2027-02-30' is no day of the calendar"),
    ],
)  # fmt: skip
def test_a_waiver_that_cannot_be_judged_is_an_error(waiver: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown code with a suggestion, a missing reason or end, a day that does not exist."""
    edit("applications/shop.yaml", "            waivers:\n", f"            waivers:\n              - {waiver}\n")
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert f"applications/shop.yaml:33:{out.split(':33:')[1].split(':')[0]}: error {said}" in out


def test_the_end_of_a_public_rule_is_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere."""
    edit(ORDERS, '"2027-12-31"', "2027-13-31")
    assert main(["check"]) == 1
    assert "error OAM103: '2027-13-31' is no day of the calendar" in capsys.readouterr().out


def test_the_codes_that_can_be_waived_are_those_of_the_schema() -> None:
    """An editor offers just these; so does KubeVela's definition."""
    schema = json.loads((ROOT / "definitions/access.schema.json").read_text("utf-8"))
    waivable = [code for code, kind in KINDS.items() if kind.waivable]
    assert schema["$defs"]["waiver"]["properties"]["finding"]["enum"] == waivable
    assert " | ".join(f'"{code}"' for code in waivable) in (ROOT / "definitions/access.yaml").read_text("utf-8")


def test_sarif_is_written_beside_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors or lint, whatever was found; an empty run where nothing was."""
    assert main(["check", "--sarif", "out.sarif"]) == 0
    assert _results() == []
    _unused_grant()
    assert main(["check", "--sarif", "out.sarif"]) == 1
    assert _results() == [("LINT301", ORDERS, 28)]
    edit(ORDERS, "methods: [GET], scopes: [orders.read]", "methods: [GET], scopes: [orders.reed]")
    assert main(["check", "--sarif", "out.sarif"]) == 1
    assert _results() == [("ACC201", ORDERS, 24)]
    assert capsys.readouterr().out.count("LINT301") == 1


def _results() -> list[tuple[str, str, int]]:
    (run,) = json.loads(Path("out.sarif").read_text("utf-8"))["runs"]
    found = []
    for result in run["results"]:
        physical = result["locations"][0]["physicalLocation"]
        found.append((result["ruleId"], physical["artifactLocation"]["uri"], physical["region"]["startLine"]))
    return found


def test_a_sarif_file_that_cannot_be_written_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and the file that it is about."""
    assert main(["check", "--sarif", "nowhere/out.sarif"]) == 2
    assert "nowhere/out.sarif cannot be written: No such file or directory" in capsys.readouterr().err


def test_a_diff_survives_windows_line_ends() -> None:
    """What the command prints is applied to the file as it is, carriage returns and all."""
    _unused_grant()
    path = Path(ORDERS)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    command = [sys.executable, "-m", "kong_oam", "check"]
    printed = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60).stdout
    subprocess.run(["git", "apply", "-p0"], input=printed, check=True, timeout=30)
    assert main(["check"]) == 0
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n")


def test_a_folder_without_an_application_is_not_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever misspelt the folder would take it for checked; and all that had been deployed from it would go."""
    (tmp_path / "empty").mkdir()
    assert main(["check", "empty"]) == 1
    assert "empty:1:1: error OAM101: cannot be read: no YAML file is in this folder" in capsys.readouterr().out
    (tmp_path / "empty" / "none.yaml").touch()
    assert main(["check", "empty"]) == 2
    assert capsys.readouterr().err == "no Application is in 'empty'; `python -m kong_oam new` writes one\n"
