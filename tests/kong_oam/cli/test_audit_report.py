"""A review from its report to the next report: `audit report` and `audit attest`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kong_oam.__main__ import main
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.audit.history.read import read_runs
from kong_oam.audit.history.signature import signature_problem
from kong_oam.audit.history.write import write_record
from kong_oam.audit.uses.declared import declared_in
from kong_oam.audit.uses.logs import collect
from kong_oam.cli.estates import read_estate, settings_of
from tests.support.browser import browser
from tests.support.cli import Cli
from tests.support.documentation import block, page, shown
from tests.support.history import STATE, key_pair
from tests.support.old_credentials import ORDERS
from tests.support.pages import IN_A_BROWSER
from tests.support.projects import commit_all, copy_sample, git, replace_once
from tests.support.reviewing import revoking
from tests.support.streams import Capsys

EVIDENCE = Path("evidence")
JOBS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: jobs, namespace: jobs}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties:
            kind: service
            before: {consumer: jobs, by: key-auth, until: 2027-03-31, reason: keys}
            calls: [{component: prices/api, scopes: [read]}]
"""


@pytest.fixture
def cli(capsys: Capsys) -> Cli:
    return Cli(capsys)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sample estate in a repository, and a record of a run with its Applications."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)
    git("init")
    commit_all("Deploy")
    deployed("1111111")
    yield


def deployed(commit: str, headline: str = "") -> None:
    """Record a run with the Applications of the working directory."""
    settings = settings_of("local")
    estate = read_estate(None, settings)
    update = {
        "kind": "update",
        "start": "2026-11-25T09:58:00Z",
        "result": "succeeded",
        "facts": {"git.head": commit},
    }
    forge = [{"number": 7, "authors": ["ann"], "approvers": ["ben"]}]
    changes = [{"kind": "revoked"}] if headline else []
    write_record(
        EVIDENCE,
        "run",
        "local",
        {
            "model": dump_model(model_of(estate, settings)).split("\n"),
            "stacks": {
                "local": {"updates": [update], "state": STATE, "resources": 9}
            },
            "forge": forge,
            "access": {"headline": headline, "changes": changes},
        },
    )


def recorded_calls(*records: Mapping[str, object]) -> Path:
    """Return a file with the uses of calls of a client to orders/api."""
    call = {
        "version": 1,
        "requestId": "a",
        "stack": "local",
        "component": "orders/api",
        "port": "8080",
        "revision": 12 * "1",
        "method": "GET",
        "host": "orders.example.com",
        "path": "/orders",
        "caller": "shop/checkout",
        "rulePath": "/orders",
    }
    log = Path("records.json")
    lines = [json.dumps({**call, **more}) for more in records]
    log.write_text("\n".join(lines) + "\n")
    uses = Path("uses.parquet")
    estate = read_estate(None, settings_of("local"))
    collect([log], declared_in([estate]), ["local"], uses, lambda *_: None)
    return uses


def decided(*decisions: tuple[str, str, str, str, str]) -> Path:
    """Save decisions about the report, as the page does."""
    html = Path("report.html").read_text()
    digest = re.search('snapshot" content="([0-9a-f]+)"', html)
    assert digest
    names = ("component", "kind", "holder", "decision", "reason")
    file = Path("decisions.json")
    file.write_text(
        json.dumps(
            {
                "version": 1,
                "snapshot": digest[1],
                "stack": "local",
                "team": "team-orders",
                "decisions": [
                    dict(zip(names, each, strict=True)) for each in decisions
                ],
            }
        )
    )
    return file


def data_of(report: str = "report.html") -> Any:
    """Return the data of a report's page."""
    html = Path(report).read_text()
    found = re.search('id="data">([^<]*)<', html)
    assert found
    return json.loads(found[1])


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a report's page."""

    component: str
    kind: str
    holder: str
    owner: str
    holder_owner: str
    scopes: str
    details: str
    granted: str
    approver: str
    use: str


def row_of(component: str, kind: str, holder: str) -> Row:
    """Return a line of the report."""
    data = data_of()
    rows = (
        Row(*(data["names"][number] for number in line))
        for line in data["lines"]
    )
    wanted = component, kind, holder
    (row,) = (
        row for row in rows if (row.component, row.kind, row.holder) == wanted
    )
    return row


CHECKOUT = "orders/api", "client", "shop/checkout"
KEPT = ("orders/api", "group", "sales", "keep", "they sell")
ATTEST = ["--report", "report.html", "--to", "evidence", "--name"]
REPORT = ["audit", "report", "-o", "report.html", "--runs", "evidence"]


def test_a_report_has_runs_approvers_and_uses(cli: Cli) -> None:
    """The first record has grants of unknown origin."""
    replace_once(
        Path("applications/shop.yaml"),
        "kind: service\n            calls: [{component: orders/api, scopes: [orders.read]}]",
        "kind: service\n            calls: []",
    )
    deployed("2222222")
    git("checkout", ".")
    deployed("3333333")
    allowed = {
        "decision": "allowed",
        "code": "allowed",
        "scopes": ["orders.read"],
    }
    uses = recorded_calls(
        {"time": "2026-11-20T08:00:00.000Z", **allowed},
        {"time": "2026-11-22T08:00:00.000Z", "requestId": "b", **allowed},
    )
    cli(*REPORT, "--uses", str(uses))
    found = row_of(*CHECKOUT)
    assert (found.owner, found.holder_owner, found.scopes) == (
        "team-orders",
        "team-shop",
        "orders.read",
    )
    assert re.fullmatch(
        r"run 3 of [0-9-]{10}, commit 3333333, pull request 7", found.granted
    )
    assert found.approver == "ben"
    assert found.use == "2026-11-22"
    sales = row_of("orders/api", "group", "sales")
    assert sales.granted == "before the first record"
    assert sales.use == "none since 2026-11-20"
    assert row_of("reports/console", "waiver", "LINT305").use == "not recorded"


def test_a_report_says_what_is_not_known(cli: Cli) -> None:
    """The notes name the options that add the rest."""
    cli("audit", "report", "-o", "report.html")
    assert row_of(*CHECKOUT).granted == "not recorded"
    assert row_of(*CHECKOUT).use == "no records"
    notes = " ".join(data_of()["notes"])
    assert "ends at groups" in notes
    for option in ("--members", "--runs", "--uses"):
        assert option in notes


def test_a_report_names_changes_that_are_not_in_force(cli: Cli) -> None:
    """The records have another model than the Applications."""
    replace_once(
        Path("applications/orders.yaml"),
        "groups: [sales], ",
        "groups: [sales, support], ",
    )
    cli(*REPORT)
    (note,) = (each for each in data_of()["notes"] if "differ" in each)
    assert "support" in note


def test_users_of_groups_come_from_a_file(cli: Cli) -> None:
    """A group without users may be spelled otherwise in the file."""
    Path("members.csv").write_text("group,user\nsales,ann\nsales,ben\n")
    cli(*REPORT, "--members", "members.csv")
    assert data_of()["members"]["sales"] == ["ann", "ben"]
    assert not [note for note in data_of()["notes"] if "ends at groups" in note]
    Path("members.csv").write_text("group,user\nsales\n")
    assert "members.csv:2: not a group and a user" in cli.usage(
        *REPORT, "--members", "members.csv"
    )


def test_the_ages_of_keys_come_from_saved_outputs(cli: Cli) -> None:
    """A key is overdue after the day of its next step."""
    key = {
        "generation": 2,
        "since": "2026-01-01",
        "due": "2026-04-01",
        "before": "ended",
    }
    outputs = {"credentials": {"shop/checkout at okta": key}}
    Path("outputs.json").write_text(json.dumps(outputs))
    cli(*REPORT, "--outputs", "outputs.json")
    (section,) = (
        each
        for each in data_of()["sections"]
        if each["title"].startswith("Key")
    )
    assert section["rows"] == [
        [
            "shop/checkout at okta",
            "since 2026-01-01, overdue since 2026-04-01",
        ]
    ]


def test_decisions_become_a_record_and_a_patch(cli: Cli) -> None:
    """The patch applies, and removes the client from the role and the call."""
    cli(*REPORT)
    file = decided((*CHECKOUT, "revoke", "not used"), KEPT)
    private, public = key_pair(Path(), "ours")
    patch = cli(
        "audit", "attest", str(file), *ATTEST, "Ann Lee", "--sign", str(private)
    )
    assert signature_problem(EVIDENCE / "000002.json", public) == ""
    subprocess.run(["git", "apply", "-"], input=patch.encode(), check=True)
    cli("check")
    cli(*REPORT)
    assert not [
        line
        for line in data_of()["lines"]
        if data_of()["names"][line[2]] == "shop/checkout"
    ]
    review = read_runs(EVIDENCE)[-1]
    assert review.kind == "review"
    fields = review.data["review"]
    assert (fields["name"], fields["team"], fields["lines"]) == (
        "Ann Lee",
        "team-orders",
        17,
    )
    assert [each["decision"] for each in fields["decisions"]] == [
        "revoke",
        "keep",
    ]
    assert all(each["ownTeam"] for each in fields["decisions"])


def test_a_revocation_that_opens_another_path_is_done_by_hand(
    cli: Cli,
) -> None:
    """Without the public rule, the shorter rule lists more methods."""
    cli(*REPORT)
    health = "orders/api", "public", "GET /orders/health"
    file = decided((*health, "revoke", "probes moved"))
    problems = cli.error("audit", "attest", str(file), *ATTEST, "Ann", status=1)
    assert (
        "to remove by hand: public GET /orders/health at orders/api, applications/orders.yaml:26: "
        "without it, another rule applies"
    ) in problems


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"snapshot": "', '"snapshot": "0', "about another snapshot"),
        ("they sell", " ", "has no reason"),
        ("sales", "none", "the report has no line 'orders/api group none'"),
        ('"keep"', '"perhaps"', "no decisions: save them in the page"),
        ("{", "[", "no decisions"),
    ],
)
def test_other_decisions_are_not_recorded(
    old: str, new: str, message: str, cli: Cli
) -> None:
    """The message has the remedy. No record is written."""
    cli(*REPORT)
    file = decided(KEPT)
    file.write_text(file.read_text().replace(old, new, 1))
    assert message in cli.usage("audit", "attest", str(file), *ATTEST, "Ann")
    assert len(read_runs(EVIDENCE)) == 1


def test_a_changed_report_is_not_attested(cli: Cli) -> None:
    """Its digest differs from the digest of its data."""
    cli(*REPORT)
    decisions = decided(KEPT)
    file = Path("report.html")
    file.write_text(file.read_text().replace("shop/checkout", "shop/checkin"))
    problem = cli.usage("audit", "attest", str(decisions), *ATTEST, "Ann")
    assert "the data of the report was changed" in problem


def test_a_line_that_another_line_needs_is_removed_by_hand(cli: Cli) -> None:
    """A call gives a grant and an old credential. The patch removes both only if both are revoked."""
    prices = ORDERS.replace("orders", "prices").replace(
        "acme/partner", "jobs/job"
    )
    Path("applications/prices.yaml").write_text(prices)
    Path("applications/jobs.yaml").write_text(JOBS)
    cli(*REPORT)
    grant = "prices/api", "client", "jobs/job"
    credential = "prices/api", "old credential", "jobs/job as jobs by key"
    file = decided((*grant, "revoke", "moved"))
    problems = cli.error("audit", "attest", str(file), *ATTEST, "Ann", status=1)
    assert (
        "to remove by hand: client jobs/job at prices/api, applications/jobs.yaml:15: the same "
        "entry gives old credential jobs/job as jobs by key at prices/api; revoke it, too"
    ) in problems
    file = decided(
        (*grant, "revoke", "moved"), (*credential, "revoke", "moved")
    )
    assert "-            calls:" in cli(
        "audit", "attest", str(file), *ATTEST, "Ann"
    )


PAGE = page("how-to/review-access.md")
REVOKING = revoking("team-orders", "shop/checkout", "not used since spring")


@IN_A_BROWSER
def test_a_review_in_a_browser(
    cli: Cli, tmp_path: Path, capsys: Capsys
) -> None:
    """A line is revoked and its removal deployed. The next report shows the run and the denied
    calls. The commands print the output on their page."""
    denied = {"decision": "refused", "code": "scope-missing", "status": 403}
    recorded_calls({"time": "2026-12-20T08:00:00.000Z", **denied})
    _prints("audit report", capsys)
    with browser(tmp_path) as shown_page:
        shown_page.open(tmp_path / "report.html")
        assert shown_page.run(REVOKING) == (
            "17 lines of 17; kept 16, revoked 1, without a decision 0"
        )
        shown_page.downloaded().rename("decisions.json")
        printed = shown_page.pdf()
    assert printed.startswith(b"%PDF-") and len(printed) > 20_000
    patch = _prints("audit attest", capsys)
    subprocess.run(["git", "apply", "-"], input=patch.encode(), check=True)
    deployed("4444444", "1 change")
    recorded_calls(
        {"time": "2099-01-01T08:00:00.000Z", **denied},
        {"time": "2099-01-02T08:00:00.000Z", "requestId": "b", **denied},
    )
    cli(*REPORT, "--uses", "uses.parquet")
    sections = {each["title"]: each["rows"] for each in data_of()["sections"]}
    ((line, reviewer, reason, since),) = sections["Revoked in earlier reviews"]
    assert line == "orders/api client shop/checkout"
    assert reviewer.startswith("Ann Lee, ")
    assert reason == "not used since spring"
    days = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
    expected = block(PAGE, "text").strip()
    assert days.sub("DAY", since) == days.sub("DAY", expected)
    assert since.endswith("2099-01-02")
    with browser(tmp_path / "again") as shown_page:
        shown_page.open(tmp_path / "report.html")
        assert since in shown_page.run("document.body.innerText")


def _prints(command: str, capsys: Capsys) -> str:
    """Run a command of the page. It prints the output on the page. Return its standard output."""
    arguments, expected = shown(PAGE, command)
    capsys.readouterr()
    assert main(arguments) == 0
    printed = capsys.readouterr()
    # In a page, `...` replaces omitted lines.
    parts = re.split(r"\n?\.\.\.(?:\n|$)", "\n".join(expected))
    pattern = r"\n(?:.*\n)*".join(map(re.escape, parts))
    assert re.fullmatch(f"{pattern}\n?", printed.err + printed.out), printed
    return printed.out


STEPS = """
(async () => {
  const status = () => document.getElementById("status").textContent;
  const row = () => [...document.querySelectorAll("tr")].find((row) => row.textContent.includes("sales"));
  const click = (name) => [...row().querySelectorAll("button")].find((button) => button.textContent === name).click();
  const found = [];
  click("Revoke");
  found.push(status());
  document.getElementById("save").click();
  found.push(status());
  click("Revoke");
  found.push(status());
  document.getElementById("team").value = "team-orders";
  document.getElementById("state").value = "own";
  show();
  found.push(status());
  await load(new File([JSON.stringify({snapshot: "other"})], "decisions.json"));
  found.push(status());
  const decided = {component: "orders/api", kind: "group", holder: "sales", decision: "keep", reason: "they sell"};
  await load(new File([JSON.stringify({snapshot: digest, team: "team-shop", decisions: [decided]})], "decisions.json"));
  found.push(status(), document.getElementById("team").value);
  return found;
})()
"""


@IN_A_BROWSER
def test_a_reviewer_continues_with_saved_decisions(
    cli: Cli, tmp_path: Path
) -> None:
    """A second click takes a decision back. Each saved decision has a reason."""
    cli(*REPORT)
    with browser(tmp_path) as shown_page:
        shown_page.open(tmp_path / "report.html")
        assert shown_page.run(STEPS) == [
            "17 lines of 17; kept 0, revoked 1, without a decision 16; 1 decision without a reason",
            "1 decision without a reason: write the reasons, then save again",
            "17 lines of 17; kept 0, revoked 0, without a decision 17",
            "5 lines of 17; kept 0, revoked 0, without a decision 17",
            "The file is not read: these decisions are about another snapshot",
            "2 lines of 17; kept 1, revoked 0, without a decision 16",
            "team-shop",
        ]


SHOWN = """
[document.querySelectorAll("img, b i").length, document.title, document.querySelector("main").innerText]
"""


@IN_A_BROWSER
def test_texts_of_applications_are_no_html(cli: Cli, tmp_path: Path) -> None:
    """A reason, an owner and a file of decisions are texts."""
    hostile = "</script><img src=x onerror=document.title='run'> & $data"
    replace_once(
        Path("applications/orders.yaml"),
        "probes of the load balancer",
        hostile.replace(":", ""),
    )
    replace_once(Path("applications/orders.yaml"), "team-orders", '"=1+1"')
    cli(*REPORT)
    with browser(tmp_path) as shown_page:
        shown_page.open(tmp_path / "report.html")
        count, title, text = shown_page.run(SHOWN)
    assert count == 0
    assert title.startswith("Review of access: local")
    assert hostile in text
    cli("audit", "report", "-o", "report.csv")
    assert "'=1+1" in Path("report.csv").read_text()
    assert ",=1+1" not in Path("report.csv").read_text()
