"""`check`: errors first, then lint, the dates of the stack, SARIF."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.lint.finding import KINDS
from tests.support.projects import copy_sample, replace_once

ROOT = Path(__file__).resolve().parents[3]
ORDERS = "applications/orders.yaml"
GRANT = "components: [shop/checkout, shop/web]"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample estate in a folder of its own, which is the current one."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(file: str, old: str, new: str) -> None:
    replace_once(Path(file), old, new)


def _unused_grant() -> None:
    edit(ORDERS, GRANT, "components: [shop/checkout, shop/web, reports/renderer]")


def test_a_finding_is_printed_with_what_to_do_and_the_diff_that_does_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 1; what was printed can be given to `patch` as it is, and then there is nothing to find."""
    before = Path(ORDERS).read_text("utf-8")
    _unused_grant()
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "applications/orders.yaml:28:102: warning LINT301: 'reports/renderer' holds role 'viewer', but asks for none of its scopes",
        "   28 | "
        + before.splitlines()[27][2:].replace(
            GRANT, "components: [shop/checkout, shop/web, reports/renderer]"
        ),
        "      | " + " " * 99 + "^",
        "      = take the component out of the role, or have it call",
        "--- applications/orders.yaml",
        "+++ applications/orders.yaml",
        "@@ -25,5 +25,5 @@",
        *(f" {line}" for line in before.splitlines()[24:27]),
        "-"
        + before.splitlines()[27].replace(
            GRANT, "components: [shop/checkout, shop/web, reports/renderer]"
        ),
        "+" + before.splitlines()[27],
        " " + before.splitlines()[28],
        "4 application(s), 7 component(s): no errors, 1 finding(s)",
    ]
    subprocess.run(
        ["patch", "-p0"],
        input=said.encode(),
        check=True,
        capture_output=True,
        timeout=30,
    )
    assert Path(ORDERS).read_text("utf-8") == before
    assert main(["check"]) == 0


def test_json_has_the_findings_beside_the_diagnostics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With component, place, remedy and the diff."""
    _unused_grant()
    assert main(["check", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["usable"], said["diagnostics"]) == (True, [])
    (finding,) = said["findings"]
    assert (finding["code"], finding["severity"], finding["component"]) == (
        "LINT301",
        "warning",
        "orders/api",
    )
    assert (finding["file"], finding["line"]) == (ORDERS, 28)
    assert finding["suggestion"].startswith(f"--- {ORDERS}\n")


def test_where_there_is_an_error_lint_is_silent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is an error makes everything else uncertain."""
    _unused_grant()
    edit(
        ORDERS,
        "methods: [GET], scopes: [orders.read]",
        "methods: [GET], scopes: [orders.reed]",
    )
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
def test_a_waiver_that_cannot_be_judged_is_an_error(
    waiver: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown code with a suggestion, a missing reason or end, a day that does not exist."""
    edit(
        "applications/shop.yaml",
        "            waivers:\n",
        f"            waivers:\n              - {waiver}\n",
    )
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert (
        f"applications/shop.yaml:33:{out.split(':33:')[1].split(':')[0]}: error {said}"
        in out
    )


def test_the_end_of_a_public_rule_is_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere."""
    edit(ORDERS, '"2027-12-31"', "2027-13-31")
    assert main(["check"]) == 1
    assert (
        "error OAM103: '2027-13-31' is no day of the calendar"
        in capsys.readouterr().out
    )


def test_the_codes_that_can_be_waived_are_those_of_the_schema() -> None:
    """An editor offers just these; so does KubeVela's definition."""
    schema = json.loads((ROOT / "definitions/access.schema.json").read_text("utf-8"))
    waivable = [code for code, kind in KINDS.items() if kind.waivable]
    assert schema["$defs"]["waiver"]["properties"]["finding"]["enum"] == waivable
    assert " | ".join(f'"{code}"' for code in waivable) in (
        ROOT / "definitions/access.yaml"
    ).read_text("utf-8")


def test_sarif_is_written_beside_what_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Errors or lint, whatever was found; an empty run where nothing was."""
    assert main(["check", "--sarif", "out.sarif"]) == 0
    assert _results() == []
    _unused_grant()
    assert main(["check", "--sarif", "out.sarif"]) == 1
    assert _results() == [("LINT301", ORDERS, 28)]
    edit(
        ORDERS,
        "methods: [GET], scopes: [orders.read]",
        "methods: [GET], scopes: [orders.reed]",
    )
    assert main(["check", "--sarif", "out.sarif"]) == 1
    assert _results() == [("ACC201", ORDERS, 24)]
    assert capsys.readouterr().out.count("LINT301") == 1


def _results() -> list[tuple[str, str, int]]:
    (run,) = json.loads(Path("out.sarif").read_text("utf-8"))["runs"]
    found = []
    for result in run["results"]:
        physical = result["locations"][0]["physicalLocation"]
        found.append(
            (
                result["ruleId"],
                physical["artifactLocation"]["uri"],
                physical["region"]["startLine"],
            )
        )
    return found


def test_a_sarif_file_that_cannot_be_written_is_wrong_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Status 2, and the file that it is about."""
    assert main(["check", "--sarif", "nowhere/out.sarif"]) == 2
    assert "nowhere/out.sarif: No such file or directory" in capsys.readouterr().err


def test_a_diff_survives_windows_line_ends() -> None:
    """What the command prints is applied to the file as it is, carriage returns and all."""
    _unused_grant()
    path = Path(ORDERS)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    command = [sys.executable, "-m", "kong_oam", "check"]
    printed = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60
    ).stdout
    subprocess.run(["git", "apply", "-p0"], input=printed, check=True, timeout=30)
    assert main(["check"]) == 0
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n")


def test_a_folder_without_an_application_is_not_fine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever misspelt the folder would take it for checked; and all that had been deployed from it would go."""
    (tmp_path / "empty").mkdir()
    assert main(["check", "empty"]) == 1
    assert (
        "empty:1:1: error OAM101: cannot be read: no YAML file is in this folder"
        in capsys.readouterr().out
    )
    (tmp_path / "empty" / "none.yaml").touch()
    assert main(["check", "empty"]) == 2
    assert (
        capsys.readouterr().err
        == "no Application is in 'empty'; `python -m kong_oam new` writes one\n"
    )


def test_a_repository_begins_without_an_application(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a file says so: nobody asked for it by name."""
    for file in Path("applications").iterdir():
        file.unlink()
    Path("applications/none.yaml").write_text("# not yet\n")
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "0 application(s), 0 component(s): no errors\n"


def test_the_only_stack_is_the_one_that_is_judged_by(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of two, one has to be named."""
    for file in Path("stacks").iterdir():
        if file.name != "Pulumi.aws.yaml":
            file.unlink()
    assert main(["check"]) == 0
    Path("stacks/Pulumi.gcp.yaml").write_bytes(
        Path("stacks/Pulumi.aws.yaml").read_bytes()
    )
    assert main(["check"]) == 2
    assert (
        "there is no stack 'local' in stacks; known: aws, gcp"
        in capsys.readouterr().err
    )


def test_a_name_that_leads_nowhere_has_a_neighbour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And no line of a file that is not there."""
    assert main(["check", "-f", "aplications"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == (
        "aplications:1:1: error OAM101: cannot be read: no such file or folder; check the name, in -f or in "
        "kong-oam:applications of the stack; did you mean 'applications'?"
    )


def test_a_file_that_is_not_there_may_hold_what_others_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        main(["check", "-f", "applications/shop.yaml", "applications/order.yaml"]) == 1
    )
    assert capsys.readouterr().out.count(" error ") == 1


# FILE: all is read, and what is there is printed


def _two_mistakes() -> None:
    edit(
        ORDERS,
        "methods: [GET], scopes: [orders.read]",
        "methods: [GET], scopes: [orders.reed]",
    )
    edit("applications/shop.yaml", "kind: service", "kind: servize")


def test_a_file_is_judged_with_all_others(capsys: pytest.CaptureFixture[str]) -> None:
    """Whom it calls and who calls it is known, though nothing is said of them."""
    assert main(["check", ORDERS]) == 0
    assert capsys.readouterr().out == "4 application(s), 7 component(s): no errors\n"
    edit(
        "applications/shop.yaml",
        "orders/api, scopes: [orders.read]}]",
        "orders/apl, scopes: [orders.read]}]",
    )
    assert main(["check", "applications/shop.yaml"]) == 1
    assert (
        "ACC203: component 'orders/apl' does not exist; did you mean 'orders/api'?"
        in capsys.readouterr().out
    )


def test_what_is_elsewhere_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """With the command that prints it. The exit status is that of what is printed."""
    _two_mistakes()
    assert main(["check", ORDERS]) == 1
    *said, last = capsys.readouterr().out.splitlines()
    assert [line for line in said if "error" in line] == [
        "applications/orders.yaml:24:61: error ACC201: scope 'orders.reed' is not declared by this component; did you mean 'orders.read'?",
        "1 error(s); nothing would be provisioned; what others say of 'shop' is judged when that can be read",
    ]
    assert last == "1 finding(s) elsewhere: `python -m kong_oam check` prints them"
    assert (
        main(
            ["check", "applications/hello.yaml", "--stack", "aws", "-f", "applications"]
        )
        == 0
    )
    assert capsys.readouterr().out.splitlines() == [
        "no errors here; lint waits until there is none elsewhere",
        "2 finding(s) elsewhere: `python -m kong_oam check --stack aws -f applications` prints them",
    ]
    assert main(["check", "applications/hello.yaml", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {
        "usable": False,
        "diagnostics": [],
        "findings": [],
        "elsewhere": 2,
        "unjudged": ["shop"],
    }


def test_lint_is_told_of_the_file_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """In SARIF as well."""
    _unused_grant()
    assert main(["check", "applications/shop.yaml", "--sarif", "out.sarif"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "4 application(s), 7 component(s): no errors",
        "1 finding(s) elsewhere: `python -m kong_oam check` prints them",
    ]
    assert _results() == []
    assert main(["check", ORDERS, "--sarif", "out.sarif"]) == 1
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == "4 application(s), 7 component(s): no errors, 1 finding(s)"
    )
    assert _results() == [("LINT301", ORDERS, 28)]


def test_a_file_is_one_however_it_is_spelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Relative, absolute, by a link, by its folder, or by a pattern; it is read once, and called as the stack does."""
    _two_mistakes()
    (tmp_path / "link.yaml").symlink_to(ORDERS)
    (tmp_path / "folder").symlink_to("applications")
    spelled = [
        ORDERS,
        f"./{ORDERS}",
        str(tmp_path / ORDERS),
        "link.yaml",
        "folder/orders.yaml",
        "applications/o*.yaml",
    ]
    for name in spelled:
        assert main(["check", name]) == 1, name
        assert capsys.readouterr().out.startswith(f"{ORDERS}:24:61: error ACC201"), name
    for name in ("applications", "folder", "applications/*"):
        assert main(["check", name]) == 1
        said = capsys.readouterr().out
        assert "2 error(s); nothing would be provisioned" in said
        assert "elsewhere" not in said


def test_a_file_of_nowhere_else_is_read_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside all that the stack names."""
    text = (
        Path("applications/hello.yaml")
        .read_text("utf-8")
        .replace("name: hello", "name: draft")
    )
    Path("draft.yaml").write_text(
        text.replace("hello.example.com", "draft.example.com"), "utf-8"
    )
    assert main(["check", "draft.yaml"]) == 0
    assert capsys.readouterr().out == "5 application(s), 8 component(s): no errors\n"
    Path("draft.yaml").write_text("# nothing yet\n", "utf-8")
    assert main(["check", "draft.yaml"]) == 2
    assert (
        capsys.readouterr().err
        == "no Application is in 'draft.yaml'; `python -m kong_oam new` writes one\n"
    )
    assert main(["check", "gone.yaml"]) == 1
    assert (
        "gone.yaml:1:1: error OAM101: cannot be read: no such file"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "{name: key-auth}",
            "applications/orders.yaml:18:30: error ACC246: key-auth says who calls",
        ),
        (
            "{name: key-auth, waiver: {reason: r, until: 2020-01-01}}",
            "applications/orders.yaml:18:48: error ACC247: key-auth was accepted until 2020-01-01, and today is ",
        ),
        (
            "{name: acl, config: {token: x}}",
            "error ACC248: config.token: a secret does not stand in an Application",
        ),
    ],
)
def test_a_plugin_that_may_not_stand_is_an_error(
    capsys: pytest.CaptureFixture[str], asked: str, said: str
) -> None:
    """With its place, and without an estate to go on with."""
    edit(
        ORDERS,
        "        - type: access ",
        f"        - type: kong-plugin\n          properties: {asked}\n        - type: access ",
    )
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert said in out and "1 error(s); nothing would be provisioned" in out
