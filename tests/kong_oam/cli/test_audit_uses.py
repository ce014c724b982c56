"""`audit uses`, `audit replay`, `audit unused` and `audit impact`, in a project with records."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.access.model import Estate
from kong_oam.cli.estates import read_estate, settings_of
from kong_oam.kong.revisions import revisions
from tests.support.cli import Cli
from tests.support.estates import api
from tests.support.history import write_chain
from tests.support.json_object import JsonObject
from tests.support.projects import commit_all, git
from tests.support.recorded_calls import (
    ACCESS,
    BEHIND,
    CLIENTS,
    IP_ALLOW,
    records,
    write_log,
)

pytest.importorskip("duckdb", reason="the extra `audit` is not installed")

STACK = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:evidence: runs
  kong-oam:gateway: {namespace: kong, podLabels: {app: kong}}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with a record of a run in July, and 5,000 records of requests in November."""
    monkeypatch.chdir(tmp_path)
    for file, text in {
        "applications/orders.yaml": api(access=ACCESS) + IP_ALLOW,
        "applications/behind.yaml": BEHIND,
        "applications/shop.yaml": CLIENTS,
        "stacks/Pulumi.local.yaml": STACK,
    }.items():
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_text(text)
    write_run("2026-07-01T10:00:00Z")


def current() -> Estate:
    return read_estate(None, settings_of("local"))


def write_run(time: str) -> None:
    """Record the Applications as the model in force."""
    settings = settings_of("local")
    estate = current()
    model = dump_model(model_of(estate, settings)).splitlines()
    gates = revisions(estate, settings.gateway.edition)
    write_chain(
        Path("runs"), {"time": time, "model": model, "revisions": gates}
    )


def requests(count: int = 5000) -> list[JsonObject]:
    """Return records of calls, with the revisions of the Applications."""
    gates = revisions(current(), settings_of("local").gateway.edition)
    made = records(current(), count)
    for fields in made:
        [(fields["port"], fields["revision"])] = gates[
            fields["component"]
        ].items()
    return made


def aggregate(cli: Cli, made: list[JsonObject]) -> None:
    write_log(Path("log.jsonl"), made)
    assert cli("audit", "uses", "log.jsonl", "-o", "uses.parquet").endswith(
        "classes: uses.parquet\n"
    )


def test_calls_replay_without_a_finding(cli: Cli) -> None:
    aggregate(cli, requests())
    printed = cli("audit", "replay", "uses.parquet")
    assert (
        printed.splitlines()[-1]
        == "5,000 of 5,000 calls judged; 0 decided otherwise than intended"
    )


def test_a_wrong_decision_is_shown_with_rule_and_example(cli: Cli) -> None:
    made = requests()
    wrong = next(
        fields
        for fields in made
        if fields["code"] == "method-not-listed"
        and fields["path"] == "/orders/health"
    )
    wrong |= {"decision": "allowed", "code": "allowed"}
    aggregate(cli, made)
    printed = cli("audit", "replay", "uses.parquet", status=1)
    [row] = [
        line for line in printed.splitlines() if wrong["requestId"] in line
    ]
    assert "orders.example.com/orders/health by" in row
    assert "allowed allowed /orders/health" in row
    assert (
        "refused method-not-listed /orders/health  applications/orders.yaml:"
        in row
    )
    [difference] = cli.json(
        "audit", "replay", "uses.parquet", "--json", status=1
    )["differences"]
    assert (difference["count"], difference["intended"]["code"]) == (
        1,
        "method-not-listed",
    )


def test_unread_lines_are_listed_and_end_with_status_1(cli: Cli) -> None:
    write_log(Path("log.jsonl"), requests(10))
    with Path("log.jsonl").open("a") as log:
        log.write("{torn\n")
    printed = cli("audit", "uses", "log.jsonl", "-o", "uses.parquet", status=1)
    assert printed.splitlines()[1].split(maxsplit=3) == [
        "log.jsonl",
        "1",
        "11",
        "no JSON object",
    ]


def test_old_revisions_come_from_records_of_runs(cli: Cli) -> None:
    """The Applications change after the calls. The record of the run has the model in force."""
    aggregate(cli, requests(500))
    orders = Path("applications/orders.yaml")
    orders.write_text(
        orders.read_text().replace(
            "methods: [GET], scopes: [orders.read]",
            "methods: [GET], scopes: [orders.write]",
        )
    )
    assert "0 decided otherwise" in cli("audit", "replay", "uses.parquet")
    Path("runs/000001.json").unlink()
    printed = cli("audit", "replay", "uses.parquet", status=1)
    assert "calls of orders/api, port 8080: nobody recorded revision" in printed


def needs_write_or_health(fields: JsonObject) -> bool:
    """Whether a call was allowed by orders.write, or by the public rule for probes."""
    if fields["decision"] != "allowed":
        return False
    needs_write = (
        fields["method"] == "POST"
        or fields["rulePath"] == "/orders/Items/secret"
    )
    return needs_write or fields["rulePath"] == "/orders/health"


def test_unused_access_is_removed_by_a_patch_that_denies_nothing(
    cli: Cli,
) -> None:
    aggregate(
        cli,
        [fields for fields in requests() if not needs_write_or_health(fields)],
    )
    found = cli.json(
        "audit", "unused", "uses.parquet", "--since", "90d", "--json", status=1
    )
    unused = {
        (each["kind"], each["holder"], each["detail"])
        for each in found["unused"]
    }
    assert unused == {
        ("grant", "shop/web", "orders.write"),
        ("public rule", "/orders/health", "GET"),
    }
    assert {each["since"] for each in found["unused"]} == {"2026-07-01"}
    assert found["refused"] == 0 and not found["byHand"]
    assert len(found["daysWithoutRecords"]) == 89
    patch = cli("audit", "unused", "uses.parquet", "--patch", status=1)
    Path("removal.patch").write_text(patch)
    git("init", "-q")
    git("apply", "-p0", "removal.patch")
    shop = Path("applications/shop.yaml").read_text()
    assert shop.count("orders.write") == 0 and shop.count("orders.read") == 2
    assert "probes" not in Path("applications/orders.yaml").read_text()


def test_a_waiver_keeps_unused_access(cli: Cli) -> None:
    orders = Path("applications/orders.yaml")
    waiver = "waivers: [{finding: LINT318, reason: yearly audit, until: '2027-06-30'}], rules: ["
    orders.write_text(orders.read_text().replace("rules: [", waiver, 1))
    write_run("2026-07-01T10:00:00Z")
    assert "LINT310" not in cli("check", status=1)
    aggregate(
        cli,
        [
            fields
            for fields in requests()
            if fields.get("rulePath") != "/orders/health"
        ],
    )
    found = cli.json("audit", "unused", "uses.parquet", "--json")
    assert found["unused"] == []
    assert {each["holder"] for each in found["waived"]} == {"/orders/health"}


def test_young_access_is_not_listed(cli: Cli) -> None:
    write_run("2026-10-01T10:00:00Z")
    aggregate(
        cli,
        [
            fields
            for fields in requests()
            if fields.get("rulePath") != "/orders/health"
        ],
    )
    found = cli.json("audit", "unused", "uses.parquet", "--json")
    assert found["unused"] == []
    assert "/orders/health" in {each["holder"] for each in found["young"]}


def test_a_change_shows_the_calls_that_it_denies(cli: Cli) -> None:
    made = requests()
    aggregate(cli, made)
    git("init", "-q")
    commit_all("before")
    assert (
        cli("audit", "impact", "uses.parquet")
        == "would have denied none of 0 calls of 0 touched components\n"
    )
    orders = Path("applications/orders.yaml")
    orders.write_text(
        orders.read_text().replace(
            "methods: [GET], scopes: [orders.read]",
            "methods: [GET], scopes: [orders.write]",
        )
    )
    denied = [
        fields
        for fields in made
        if fields["decision"] == "allowed"
        and fields["rulePath"] == "/orders"
        and fields["method"] in ("GET", "HEAD")
        and (
            "orders.write" not in fields["scopes"]
            or fields["caller"] == "shop/job"
            or "desk" not in fields["groups"]
        )
    ]
    found = cli.json("audit", "impact", "uses.parquet", "--json", status=1)
    assert found["touched"] == ["orders/api"]
    assert sum(each["count"] for each in found["denied"]) == len(denied)
    assert not found["allowedEstimate"]
    printed = cli("audit", "impact", "uses.parquet", "--markdown", status=1)
    assert "calls of shop/web" in printed and printed.startswith(
        "- would have denied"
    )


def test_bad_usage_is_named(cli: Cli) -> None:
    assert (
        cli.usage("audit", "uses", "log.jsonl")
        == "specify logs and -o FILE, or --sql DIALECT\n"
    )
    assert (
        cli.usage("audit", "uses", "log.jsonl", "-o", "x")
        == "'log.jsonl' is no file\n"
    )
    assert cli.usage("audit", "uses", "--sql", "nosuch").startswith(
        "unknown dialect 'nosuch': use a dialect of sqlglot"
    )
    Path("uses.parquet").write_text("x")
    assert (
        cli.usage("audit", "replay", "uses.parquet")
        == "uses.parquet cannot be read as Parquet: write it with `audit uses LOGS -o FILE`\n"
    )
    aggregate(cli, requests(10))
    assert (
        cli.usage("audit", "unused", "uses.parquet", "--since", "3 months")
        == "'3 months' is no number of days: write --since 90d\n"
    )
