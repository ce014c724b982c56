"""A broken invariant is an error of `check`, in text, JSON and SARIF, and of the policy pack."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies import deployed
from policies.catalogue import RULES
from policies.deployed import Deployment
from tests.support.cli import Cli
from tests.support.projects import commit_all, copy_sample, git, replace_once
from tests.support.repository import ROOT

ORDERS = Path("applications/orders.yaml")
ONLY = 'only: {who: [group order-desk], may: "POST,PUT,DELETE orders.example.com/orders"'
NARROW = "groups: [order-desk], components: [shop/web]"
WIDE = "groups: [order-desk, sales], components: [shop/web]"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The sample estate with its invariants, in a repository."""
    copy_sample(tmp_path)
    shutil.copy(ROOT / "invariants.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    git("init", "--initial-branch=main")
    commit_all("first")
    deployed.model.cache_clear()
    yield tmp_path
    deployed.model.cache_clear()


def test_a_session_with_json_only(cli: Cli) -> None:
    """An edit widens access, the errors lead to its cause, and nothing opens in the end."""
    assert cli.json("check", "--json")["diagnostics"] == []
    replace_once(ORDERS, NARROW, WIDE)
    [error] = cli.json("check", "--json", status=1)["diagnostics"]
    assert error["severity"] == "error"
    assert error["code"] == "INV702"
    assert error["file"] == str(ORDERS)
    assert error["line"] == 25
    places = [
        (place["label"], place["file"], place["line"])
        for place in error["related"]
    ]
    assert places == [
        ("invariant", "invariants.yaml", 3),
        ("role 'editor'", str(ORDERS), 29),
        ("call of shop/web", "applications/shop.yaml", 38),
    ]
    assert (
        error["command"]
        == "python -m kong_oam explain POST http://orders.example.com/orders --as shop/web --user-in sales"
    )
    words = shlex.split(error["command"])[3:]
    answer = cli.json(*words, "--json")
    assert answer["allowed"]
    assert answer["rule"]["line"] == 25
    guard = ("diff", "HEAD", ".", "--exit-code", "opening", "--json")
    [change] = cli.json(*guard, status=1)["changes"]
    assert change["opens"]
    replace_once(ORDERS, WIDE, NARROW)
    assert cli.json("check", "--json")["diagnostics"] == []
    assert cli.json(*guard)["changes"] == []


@pytest.mark.parametrize("stack", ["local", "aws", "gcp", "bare-metal"])
def test_every_stack_judges_the_invariants(cli: Cli, stack: str) -> None:
    """The command explains the request on this stack."""
    replace_once(ORDERS, NARROW, WIDE)
    [error] = cli.json("check", "--json", "-s", stack, status=1)["diagnostics"]
    assert error["code"] == "INV702"
    words = shlex.split(error["command"])[3:]
    assert cli.json(*words, "--json")["allowed"]


def test_sarif_has_related_locations(cli: Cli) -> None:
    """Code scanning shows the invariant beside the rule."""
    replace_once(ORDERS, NARROW, WIDE)
    cli("check", "--sarif", "check.sarif", status=1)
    document = json.loads(Path("check.sarif").read_text("utf-8"))
    [result] = document["runs"][0]["results"]
    assert result["ruleId"] == "INV702"
    assert result["level"] == "error"
    labels = [place["message"]["text"] for place in result["relatedLocations"]]
    assert labels == ["invariant", "role 'editor'", "call of shop/web"]
    command = "Run: python -m kong_oam explain POST http://orders.example.com"
    assert command in result["message"]["text"]


@pytest.mark.parametrize(
    ("file", "status"),
    [
        ("applications/orders.yaml", 1),
        ("applications/shop.yaml", 1),
        ("applications/hello.yaml", 0),
    ],
)
def test_a_check_of_a_file_has_its_broken_invariants(
    cli: Cli, file: str, status: int
) -> None:
    """The rule or a grant may be in the file."""
    replace_once(ORDERS, NARROW, WIDE)
    assert ("INV702" in cli("check", file, status=status)) == bool(status)


def test_an_error_in_the_file_of_invariants_hides_nothing(cli: Cli) -> None:
    """Every check prints it."""
    replace_once(Path("invariants.yaml"), "group order-desk", "group order-dsk")
    printed = cli("check", "applications/hello.yaml", status=1)
    assert "invariants.yaml:3:16: error INV711" in printed


def test_a_named_file_must_exist(cli: Cli) -> None:
    """A stack names another file, and the default file does not count."""
    stack = Path("stacks/Pulumi.local.yaml")
    replace_once(
        stack,
        "  kong-oam:cloud: local\n",
        "  kong-oam:cloud: local\n  kong-oam:invariants: stacks/rules.yaml\n",
    )
    printed = cli("check", status=1)
    assert "stacks/rules.yaml:1:1: error INV715: stacks/rules.yaml cannot be read: No such file or directory" in printed  # fmt: skip
    Path("stacks/rules.yaml").write_text("[]\n", "utf-8")
    replace_once(ORDERS, NARROW, WIDE)
    cli("check")
    Path("stacks/rules.yaml").unlink()
    shutil.move("invariants.yaml", "stacks/rules.yaml")
    assert "INV702" in cli("check", status=1)


def test_a_link_to_a_missing_file_is_an_error(cli: Cli) -> None:
    """Without it, no invariant would hold, and nobody would notice."""
    Path("invariants.yaml").unlink()
    Path("invariants.yaml").symlink_to("missing.yaml")
    printed = cli("check", status=1)
    assert "invariants.yaml:1:1: error INV715: invariants.yaml cannot be read: No such file or directory" in printed  # fmt: skip


def test_a_waiver_accepts_no_broken_invariant(cli: Cli) -> None:
    """Its finding is no finding of lint."""
    replace_once(ORDERS, NARROW, WIDE)
    replace_once(
        ORDERS,
        "            scopes:\n",
        "            waivers: [{finding: INV702, reason: x, until: '2099-01-01'}]\n            scopes:\n",
    )
    printed = cli("check", status=1)
    assert "OAM103" in printed
    assert "INV702" in printed.splitlines()[0]


def test_idle_exceptions_and_invariants_are_findings(cli: Cli) -> None:
    """`--since` knows the earlier findings."""
    idle = """\
- never:
    who: [anybody]
    may: "* reports.example.com/reports"
    reason: r
    except:
      - {who: [anybody], may: "GET */reports/published", reason: r, until: "2099-01-01"}
      - {who: [shop/web], reason: r, until: "2099-01-01"}
- never: {who: [anybody], may: "* report.example.com/", reason: r, except: [{reason: r, until: "2099-01-01"}]}
"""
    Path("invariants.yaml").write_text(idle, "utf-8")
    found = cli.json("check", "--json", status=1)
    assert [
        (entry["code"], entry["line"], entry["message"])
        for entry in found["findings"]
    ] == [
        ("LINT319", 7, "the exception (r) permits no call"),
        ("LINT320", 8, "no component answers these requests; did you mean 'reports.example.com'?"),
    ]  # fmt: skip
    assert "fix" not in found["findings"][0]
    commit_all("idle")
    cli("check", "--since", "HEAD")


def test_the_policy_pack_rejects_a_broken_invariant() -> None:
    """A preview of a partition would judge the whole estate, too."""
    [rule] = [rule for rule in RULES if rule.id == "invariants-hold"]
    assert rule.level == "mandatory"

    def found() -> list[str]:
        deployed.model.cache_clear()
        deployment = Deployment((), deployed.model("local"))
        return [finding.message for finding in rule.findings(deployment, {})]

    assert found() == []
    replace_once(ORDERS, NARROW, WIDE)
    [message] = found()
    assert message.startswith("applications/orders.yaml:25:17: INV702: ")


def test_a_partition_judges_the_whole_estate() -> None:
    """The broken component belongs to another partition."""
    replace_once(ORDERS, NARROW, WIDE)
    stack = Path("stacks/Pulumi.local.yaml")
    replace_once(
        stack,
        "  kong-oam:cloud: local\n",
        "  kong-oam:cloud: local\n  kong-oam:partitions: {rest: ['*'], a: [orders]}\n",
    )
    for name in ("rest", "a"):
        Path(f"stacks/Pulumi.local-{name}.yaml").write_text(
            "config: {kong-oam:estate: local}\n", "utf-8"
        )
    model = deployed.model("local-rest")
    assert model.estate is not None
    assert len(model.broken_invariants) == 1
