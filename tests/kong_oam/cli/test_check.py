"""`check`: errors first, then lint, the dates of the stack, SARIF."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.lint.finding import KINDS
from kong_oam.cli.estates import no_callers_note
from tests.support.cli import Cli
from tests.support.projects import replace_once
from tests.support.repository import ROOT
from tests.support.streams import Capsys

ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders, ports: [{port: 8080}]}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {orders.read: Read orders, orders.write: Change orders}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [orders.read]}
              - {paths: [/orders], methods: [POST], scopes: [orders.write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes, until: "2027-12-31"}}
            roles:
              viewer: {scopes: [orders.read], groups: [sales], components: [shop/checkout, shop/web]}
              editor: {scopes: [orders.read, orders.write], groups: [desk], components: [shop/web]}
"""
SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, annotations: {owner: team-shop}}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: checkout}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [orders.read]}]}}
    - name: web
      type: webservice
      properties: {image: web, ports: [{port: 3000}]}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 3000}}
        - type: access
          properties:
            owner: team-shop
            rules: [{public: {reason: pages, until: "2027-12-31"}}]
            waivers:
              - {finding: LINT305, reason: the methods are being listed, until: "2027-03-31"}
        - type: client
          properties: {kind: web, redirectPaths: [/callback], calls: [{component: orders/api, scopes: [orders.read, orders.write]}]}
    - name: mailer
      type: worker
      properties: {image: mailer}
      traits:
        - {type: client, properties: {kind: service}}
"""
HELLO = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: hello, annotations: {owner: team-hello}}
spec:
  components:
    - name: world
      type: webservice
      properties: {image: hello, ports: [{port: 8000}]}
      traits:
        - type: gateway
          properties: {domain: hello.example.com, http: {/: 8000}}
"""
STACK = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway: {namespace: kong, podLabels: {app: kong}}
  kong-oam:domains: {default: apps.example.com}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
ORDERS_FILE = "applications/orders.yaml"
SHOP_FILE = "applications/shop.yaml"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without findings and with two stacks, in the working directory."""
    for file, text in {
        ORDERS_FILE: ORDERS,
        SHOP_FILE: SHOP,
        "applications/hello.yaml": HELLO,
        "stacks/Pulumi.local.yaml": STACK,
        "stacks/Pulumi.aws.yaml": STACK,
    }.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(file: str, old: str, new: str) -> None:
    replace_once(Path(file), old, new)


def grant_what_nobody_asks_for() -> None:
    """Give the mailer a role without a call, which lint reports."""
    edit(
        ORDERS_FILE,
        "[shop/checkout, shop/web]",
        "[shop/checkout, shop/web, shop/mailer]",
    )


def misspell_a_scope() -> None:
    edit(
        ORDERS_FILE,
        "[GET], scopes: [orders.read]",
        "[GET], scopes: [orders.reed]",
    )


def test_a_finding_is_printed_with_its_remedy_and_a_diff(
    cli: Cli,
) -> None:
    """Exit status 1. `patch` applies the output as it is, and removes the finding."""
    grant_what_nobody_asks_for()
    printed = cli("check", status=1)
    assert (
        printed
        == """\
applications/orders.yaml:21:102: warning LINT301: 'shop/mailer' holds role 'viewer', but asks for none of its scopes
   21 |             viewer: {scopes: [orders.read], groups: [sales], components: [shop/checkout, shop/web, shop/mailer]}
      |                                                                                                    ^
      = remove the component from the role, unless its calls are still to come
--- applications/orders.yaml
+++ applications/orders.yaml
@@ -18,5 +18,5 @@
               - {paths: [/orders], methods: [POST], scopes: [orders.write]}
               - {paths: [/orders/health], methods: [GET], public: {reason: probes, until: "2027-12-31"}}
             roles:
-              viewer: {scopes: [orders.read], groups: [sales], components: [shop/checkout, shop/web, shop/mailer]}
+              viewer: {scopes: [orders.read], groups: [sales], components: [shop/checkout, shop/web]}
               editor: {scopes: [orders.read, orders.write], groups: [desk], components: [shop/web]}
3 application(s), 5 component(s): no errors, 1 finding(s)
"""
    )
    patch = ["patch", "-p0"]
    subprocess.run(
        patch,
        input=printed.encode(),
        check=True,
        capture_output=True,
        timeout=30,
    )
    assert Path(ORDERS_FILE).read_text("utf-8") == ORDERS
    cli("check")


def test_json_has_the_findings_beside_the_diagnostics(
    cli: Cli,
) -> None:
    """With component, place, remedy and the diff."""
    grant_what_nobody_asks_for()
    answer = cli.json("check", "--json", status=1)
    assert (answer["usable"], answer["diagnostics"]) == (True, [])
    (finding,) = answer["findings"]
    assert (finding["code"], finding["severity"], finding["component"]) == (
        "LINT301",
        "warning",
        "orders/api",
    )
    assert (finding["file"], finding["line"]) == (ORDERS_FILE, 21)
    assert finding["fix"]["diff"].startswith("--- a/applications/orders.yaml\n")


def test_lint_is_silent_if_there_are_errors(
    cli: Cli,
) -> None:
    """Errors make all other findings uncertain."""
    grant_what_nobody_asks_for()
    misspell_a_scope()
    printed = cli("check", status=1)
    assert "ACC201" in printed
    assert "LINT" not in printed


def test_dates_are_compared_with_the_stacks_as_of(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """The same files with another asOf: waivers and public rules expire. The machine's clock plays
    no part."""
    assert main(["check"]) == 0
    edit("stacks/Pulumi.local.yaml", '"2026-11-25"', '"2028-01-01"')
    capsys.readouterr()
    codes = [
        finding["code"]
        for finding in cli.json("check", "--json", status=1)["findings"]
    ]
    assert sorted(codes) == ["LINT305", "LINT307", "LINT307", "LINT309"]


@pytest.mark.parametrize(
    ("waiver", "expected"),
    [
        ('{finding: LINT35, reason: x, until: "2027-01-01"}', "OAM103: waivers[0].finding cannot be \"LINT35\"; did you mean 'LINT305'?"),
        ('{finding: LINT307, reason: x, until: "2027-01-01"}', "OAM103: waivers[0].finding cannot be \"LINT307\""),
        ("{finding: LINT305, reason: x}", "OAM105: waivers[0] needs 'until'"),
        ('{finding: LINT305, until: "2027-01-01"}', "OAM105: waivers[0] needs 'reason'"),
        ("{finding: LINT305, reason: x, until: soon}", "OAM103: waivers[0].until: \"soon\" does not match"),
        ("{finding: LINT305, reason: x, until: 2027-02-30}", "OAM103: '2027-02-30' is not a date of the calendar"),
    ],
)  # fmt: skip
def test_an_invalid_waiver_is_an_error(
    waiver: str, expected: str, cli: Cli
) -> None:
    """An unknown code with a suggestion, a missing reason or end, a day that does not exist."""
    edit(
        SHOP_FILE,
        "            waivers:\n",
        f"            waivers:\n              - {waiver}\n",
    )
    first = cli("check", status=1).splitlines()[0]
    assert first.startswith("applications/shop.yaml:22:")
    assert f": error {expected}" in first


def test_the_end_of_a_public_rule_is_a_day(
    cli: Cli,
) -> None:
    """A day that the calendar does not have is an error."""
    edit(ORDERS_FILE, '"2027-12-31"', "2027-13-31")
    assert "error OAM103: '2027-13-31' is not a date of the calendar" in cli(
        "check", status=1
    )


def test_the_codes_that_can_be_waived_are_those_of_the_schema() -> None:
    """Editors and KubeVela's definition offer exactly these codes."""
    schema = json.loads(
        (ROOT / "definitions/access.schema.json").read_text("utf-8")
    )
    waivable = [code for code, kind in KINDS.items() if kind.waivable]
    assert (
        schema["$defs"]["waiver"]["properties"]["finding"]["enum"] == waivable
    )
    assert " | ".join(f'"{code}"' for code in waivable) in (
        ROOT / "definitions/access.yaml"
    ).read_text("utf-8")


def test_sarif_is_written_in_addition(
    capsys: Capsys,
) -> None:
    """With errors or lint findings, and without a finding as an empty run."""
    assert main(["check", "--sarif", "out.sarif"]) == 0
    assert _results() == []
    grant_what_nobody_asks_for()
    assert main(["check", "--sarif", "out.sarif"]) == 1
    assert _results() == [("LINT301", ORDERS_FILE, 21)]
    misspell_a_scope()
    assert main(["check", "--sarif", "out.sarif"]) == 1
    assert _results() == [("ACC201", ORDERS_FILE, 17)]
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
    cli: Cli,
) -> None:
    """Status 2, and the name of the file."""
    assert "nowhere/out.sarif: No such file or directory" in cli.error(
        "check", "--sarif", "nowhere/out.sarif"
    )


@pytest.mark.parametrize("file", ["definitions/database.yaml", "database.yaml"])
def test_an_error_in_a_definition_is_printed_for_every_file(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The named file uses the type, and is correct."""
    edit("applications/hello.yaml", "webservice", "database")
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: ComponentDefinition\nmetadata: {name: database}\nspec:\n  version: 2\n"
        '  schematic: {cue: {template: "output: {}"}}\n'
    )
    command = ["check", "applications/hello.yaml", "--definitions", file]
    assert main(command) == 1
    assert (
        f"{file}:5:12: error OAM103: version must be of type string, not integer\n"
        in capsys.readouterr().out
    )
    assert main([*command, "--json"]) == 1
    (entry,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (entry["file"], entry["line"], entry["code"]) == (file, 5, "OAM103")


def test_a_diff_survives_windows_line_ends() -> None:
    """`patch` can apply the printed diff to a file with carriage returns."""
    grant_what_nobody_asks_for()
    path = Path(ORDERS_FILE)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    command = [sys.executable, "-m", "kong_oam", "check"]
    printed = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60
    ).stdout
    subprocess.run(
        ["git", "apply", "-p0"], input=printed, check=True, timeout=30
    )
    assert main(["check"]) == 0
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n")


def test_a_folder_without_an_application_is_an_error(
    tmp_path: Path, cli: Cli
) -> None:
    """A user with a misspelt folder would think that it was checked, and `up` would delete
    everything deployed from it."""
    (tmp_path / "empty").mkdir()
    assert (
        "empty:1:1: error OAM101: cannot be read: this folder has no YAML file"
        in cli("check", "empty", status=1)
    )
    (tmp_path / "empty" / "none.yaml").touch()
    assert (
        cli.error("check", "empty")
        == "no Application in 'empty': check the path, or write an Application with `python -m kong_oam new`\n"
    )


def test_a_repository_begins_without_an_application(
    tmp_path: Path, cli: Cli
) -> None:
    """A file in the default folder says so, and the folder was not named on the command line."""
    for file in Path("applications").iterdir():
        file.unlink()
    Path("applications/none.yaml").write_text("# not yet\n")
    assert cli("check") == "0 application(s), 0 component(s): no errors\n"


def test_the_only_stack_is_the_default(
    cli: Cli,
) -> None:
    """With two stacks, one has to be named."""
    for file in Path("stacks").iterdir():
        if file.name != "Pulumi.aws.yaml":
            file.unlink()
    assert main(["check"]) == 0
    Path("stacks/Pulumi.gcp.yaml").write_bytes(
        Path("stacks/Pulumi.aws.yaml").read_bytes()
    )
    assert "no stack 'local' in stacks; known: aws, gcp" in cli.error("check")


def test_a_similar_name_is_suggested_for_a_missing_file(
    cli: Cli,
) -> None:
    """Without an excerpt of the missing file."""
    assert cli("check", "-f", "aplications", status=1).splitlines()[0] == (
        "aplications:1:1: error OAM101: cannot be read: no such file or folder; check the name "
        "in -f or in kong-oam:applications of the stack; did you mean 'applications'?"
    )


def test_a_file_that_is_not_there_may_hold_what_others_name(
    cli: Cli,
) -> None:
    assert (
        cli(
            "check",
            "-f",
            "applications/shop.yaml",
            "applications/order.yaml",
            status=1,
        ).count(" error ")
        == 1
    )


# FILE: all files are read, and findings of FILE are printed


def make_two_mistakes() -> None:
    """Make an error in each of two files."""
    misspell_a_scope()
    edit(SHOP_FILE, "kind: service, calls", "kind: servize, calls")


def test_a_file_is_checked_with_all_others(
    cli: Cli,
) -> None:
    """Its callers and calls are known, though their findings are not printed."""
    assert (
        cli("check", ORDERS_FILE)
        == "3 application(s), 5 component(s): no errors\n"
    )
    edit(
        SHOP_FILE,
        "orders/api, scopes: [orders.read]}",
        "orders/apl, scopes: [orders.read]}",
    )
    assert (
        "ACC203: component 'orders/apl' does not exist; did you mean 'orders/api'?"
        in cli("check", SHOP_FILE, status=1)
    )


def test_findings_elsewhere_are_counted(
    cli: Cli,
) -> None:
    """With the command that prints them. The exit status covers only the printed findings."""
    make_two_mistakes()
    *lines, last = cli("check", ORDERS_FILE, status=1).splitlines()
    assert [line for line in lines if "error" in line] == [
        "applications/orders.yaml:17:61: error ACC201: scope 'orders.reed' is not declared by this component; did you mean 'orders.read'?",
        "1 error(s); nothing can be deployed; references to 'shop' are not checked until all Applications can be read",
    ]
    assert (
        last == "1 finding(s) elsewhere: `python -m kong_oam check` prints them"
    )
    assert cli(
        "check",
        "applications/hello.yaml",
        "--stack",
        "aws",
        "-f",
        "applications",
    ).splitlines() == [
        "no errors in these files; lint runs after the other errors are fixed",
        "2 finding(s) elsewhere: `python -m kong_oam check --stack aws -f applications` prints them",
    ]
    lines = cli.json("check", "applications/hello.yaml", "--json")
    assert lines == {
        "usable": False,
        "diagnostics": [],
        "findings": [],
        "elsewhere": 2,
        "unjudged": ["shop"],
        "notes": [],
    }


def test_sarif_has_findings_of_the_file_only(
    cli: Cli,
) -> None:
    """As the printed text."""
    grant_what_nobody_asks_for()
    lines = cli(
        "check", "applications/shop.yaml", "--sarif", "out.sarif"
    ).splitlines()
    assert lines == [
        "3 application(s), 5 component(s): no errors",
        "1 finding(s) elsewhere: `python -m kong_oam check` prints them",
    ]
    assert _results() == []
    assert (
        cli(
            "check", ORDERS_FILE, "--sarif", "out.sarif", status=1
        ).splitlines()[-1]
        == "3 application(s), 5 component(s): no errors, 1 finding(s)"
    )
    assert _results() == [("LINT301", ORDERS_FILE, 21)]


def test_a_file_may_be_spelled_in_any_way(
    tmp_path: Path, capsys: Capsys, cli: Cli
) -> None:
    """Relative, absolute, by a link, by its folder, or by a pattern; it is read once under the
    stack's name for it."""
    make_two_mistakes()
    (tmp_path / "link.yaml").symlink_to(ORDERS_FILE)
    (tmp_path / "folder").symlink_to("applications")
    spelled = [
        ORDERS_FILE,
        f"./{ORDERS_FILE}",
        str(tmp_path / ORDERS_FILE),
        "link.yaml",
        "folder/orders.yaml",
        "applications/o*.yaml",
    ]
    for name in spelled:
        assert main(["check", name]) == 1, name
        assert capsys.readouterr().out.startswith(
            "applications/orders.yaml:17:61: error ACC201"
        ), name
    for name in ("applications", "folder", "applications/*"):
        printed = cli("check", name, status=1)
        assert "2 error(s); nothing can be deployed" in printed
        assert "elsewhere" not in printed


def test_a_file_outside_the_stack_is_read_too(tmp_path: Path, cli: Cli) -> None:
    """In addition to the Applications of the stack."""
    draft = HELLO.replace("name: hello,", "name: draft, namespace: drafts,")
    Path("draft.yaml").write_text(
        draft.replace("hello.example", "draft.example")
    )
    assert (
        cli("check", "draft.yaml")
        == "4 application(s), 6 component(s): no errors\n"
    )
    Path("draft.yaml").write_text("# nothing yet\n", "utf-8")
    assert (
        cli.error("check", "draft.yaml")
        == "no Application in 'draft.yaml': check the path, or write an Application with `python -m kong_oam new`\n"
    )
    assert "gone.yaml:1:1: error OAM101: cannot be read: no such file" in cli(
        "check", "gone.yaml", status=1
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "{name: key-auth}",
            "applications/orders.yaml:13:30: error ACC246: key-auth authenticates callers",
        ),
        (
            "{name: key-auth, waiver: {reason: r, until: 2020-01-01}}",
            "applications/orders.yaml:13:48: error ACC247: the waiver of key-auth ended on 2020-01-01, and today is ",
        ),
        (
            "{name: acl, config: {token: x}}",
            "error ACC248: config.token: a secret must not be in an Application",
        ),
    ],
)
def test_a_forbidden_plugin_is_an_error(
    cli: Cli, value: str, message: str
) -> None:
    """With its position, and without an estate."""
    edit(
        ORDERS_FILE,
        "        - type: access\n",
        f"        - type: kong-plugin\n          properties: {value}\n        - type: access\n",
    )
    out = cli("check", status=1)
    assert message in out and "1 error(s); nothing can be deployed" in out


def test_a_long_list_of_components_without_callers_is_cut() -> None:
    keys = ["a/one", "a/two", "a/three", "a/four", "a/five", "a/six", "a/seven"]
    assert no_callers_note(keys) == (
        "nobody may call a/one, a/two, a/three, a/four, a/five and 2 more yet: add its scopes to "
        "`calls` of a client, and the client to a role"
    )
