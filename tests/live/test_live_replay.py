"""Many calls to a real Kong, some during an `up`, replay without a difference. A wrong gate has
exactly its calls as differences, and deleted records are exactly the missing records.

LIVE_CASES is the number of calls.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.gateway_cases import Case
from tests.support.json_object import JsonObject
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway, await_true
from tests.support.live.load import Load
from tests.support.live.run import upstream_host
from tests.support.projects import replace_once

pytest.importorskip("duckdb", reason="the extra `audit` is not installed")
pytestmark = pytest.mark.timeout(0)

CALLS = int(os.environ.get("LIVE_CASES") or 3000)
LOST = 100

# The log of the tier's stacks, which this test replaces.
LOGS = 'logs: {http: {url: "http://127.0.0.1:9/", headers: {X-Tenant: a}}, tcp: {host: 127.0.0.1, port: 9}, file: /dev/null}'
READ, WRITE = "[['orders.read']]", "[['orders.write']]"


@dataclass(frozen=True, slots=True)
class Audited:
    """A deployed estate with records of runs, and the log of its calls."""

    engine: Engine
    log: Path

    def audit(self, *arguments: str, status: int = 0) -> str:
        """Run a verb of `audit`. Return its output."""
        command = [sys.executable, "-m", "kong_oam", "audit", *arguments]
        done = subprocess.run(
            command,
            cwd=self.engine.folder,
            env=self.engine.local.env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def run(self) -> None:
        """Deploy the Applications, and record the run."""
        self.engine.up()
        self.audit("record", "-s", self.engine.stack)

    def replay(self, log: Path, status: int = 0) -> JsonObject:
        """Return the result of `audit replay` on a log."""
        stack = ("-s", self.engine.stack)
        self.audit("uses", str(log), "-o", "uses.parquet", *stack)
        arguments = ("replay", "uses.parquet", "--json", *stack)
        found: JsonObject = json.loads(self.audit(*arguments, status=status))
        return found

    def await_records(self, count: int) -> None:
        """Wait until the log has a record of each call."""

        def incomplete() -> str | None:
            lines = self.log.read_bytes().count(b"\n")
            return None if lines == count else f"{lines} of {count} records"

        await_true(incomplete, bound=30)

    def requests(self) -> dict[str, Case]:
        """Return requests of every kind of answer, by a name."""
        case = self.engine.case
        return {
            "read": case("GET", "/orders/7", "report"),
            "read deeper": case("GET", "/orders/8/lines", "report"),
            "write": case("POST", "/orders", "import"),
            "read by a writer": case("GET", "/orders/7", "import"),
            "write by a reader": case("PUT", "/orders/7", "report"),
            "delete": case("DELETE", "/orders/7", "import"),
            "without a token": case("GET", "/orders"),
            "health": case("GET", "/orders/health"),
            "ambiguous": case("GET", "/orders/health;x"),
            "wrong token": Case(
                "GET", self.engine.host, b"/orders", ("Bearer a.b.c",)
            ),
        }


@pytest.fixture(scope="module")
def audited(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Audited]:
    """The estate after its first recorded run."""
    if upstream_host() != "127.0.0.1":
        pytest.skip("the log is a file of this machine, and Kong is elsewhere")
    logs = Path(tempfile.mkdtemp())
    logs.chmod(0o777)  # Kong's workers run as another user
    try:
        with engine(live, tmp_path_factory.mktemp("live"), "replay") as made:
            log = logs / "requests.jsonl"
            replace_once(made.stack_file, LOGS, f"logs: {{file: {log}}}")
            cloud = "  kong-oam:cloud: local\n"
            evidence = "  kong-oam:evidence: evidence\n"
            replace_once(made.stack_file, cloud, cloud + evidence)
            audited = Audited(made, log)
            audited.run()
            health = made.case("GET", "/orders/health")
            live.await_steady([(health, 200)], made.bound)
            # Kong writes a record some time after its answer.
            time.sleep(2)
            yield audited
    finally:
        shutil.rmtree(logs)


def _without_change(load: Load) -> str | None:
    is_seen = load.answers["delete", 200] > 0
    return None if is_seen else "no worker has the changed gate"


def test_calls_during_a_run_replay_exactly(
    audited: Audited, tmp_path: Path, report: Callable[[str], None]
) -> None:
    """The log alone shows each wrong decision and each lost record."""
    log = audited.log
    before = log.read_bytes().count(b"\n")
    with Load(audited.engine.live.target.proxy, audited.requests()) as load:
        load.await_answers(CALLS // 4)
        audited.engine.edit("[POST, PUT]", "[POST, PUT, DELETE]")
        at_start = load.answers.total()
        audited.run()
        during = load.answers.total() - at_start
        # On a fast machine, workers see the change after the last call.
        await_true(lambda: _without_change(load), audited.engine.bound)
        load.await_answers(CALLS)
    answers = load.answers
    assert load.failed == []
    assert during > 0
    assert answers["delete", 403] > 0 and answers["delete", 200] > 0
    count = before + answers.total()
    audited.await_records(count)
    found = audited.replay(log)
    records = records_in(log)
    mixed = sum(1 for record in records if "admitted" in record)
    report(
        f"{count} calls, {during} during a run and its record, {mixed} with two revisions: "
        f"{found['judged']} judged, {len(found['differences'])} differences"
    )
    assert (found["records"], found["judged"]) == (count, count)
    assert found["differences"] == found["gaps"] == []
    assert found["unknownRevisions"] == found["problems"] == []
    assert (found["earlier"], found["unnumbered"]) == (0, 0)

    lost = tmp_path / "lost.jsonl"
    lost.write_text("".join(without_some(log, records)), "utf-8")
    found = audited.replay(lost, status=1)
    missing = [gap["last"] - gap["first"] + 1 for gap in found["gaps"]]
    report(f"{LOST} records deleted: {sum(missing)} missing")
    assert sum(missing) == LOST
    assert (found["records"], found["earlier"]) == (count - LOST, 0)
    assert found["differences"] == []


def _wrong_answers(load: Load) -> dict[tuple[str, int], int]:
    """Return the calls that a gate with two swapped scopes answers wrongly, by name and status."""
    wrong = (("read", 403), ("read deeper", 403), ("read by a writer", 200))
    return {key: load.answers[key] for key in wrong}


def _with_change(load: Load) -> str | None:
    is_seen = all(_wrong_answers(load).values())
    return None if is_seen else "no worker has the changed gate"


def test_a_wrong_gate_has_exactly_its_calls(
    audited: Audited, report: Callable[[str], None]
) -> None:
    """Somebody swaps two scopes in the scripts of a component at Kong."""
    before = audited.log.read_bytes().count(b"\n")
    target = audited.engine.live.target
    scripts = {
        path: entity["config"]
        for path, entity in target.entities().items()
        if entity.get("name") in ("pre-function", "post-function")
        and f"kong-oam-stack:{audited.engine.stack}" in (entity["tags"] or ())
    }
    with target.admin() as admin:
        for path, config in scripts.items():
            text = json.dumps(config)
            wrong = text.replace(f"'GET':{READ}", f"'GET':{WRITE}")
            assert wrong != text
            body = {"config": json.loads(wrong)}
            admin.patch(path, json=body).raise_for_status()
    try:
        with Load(target.proxy, audited.requests()) as load:
            load.await_answers(CALLS // 10)
            # On a fast machine, workers see the change after the last call.
            await_true(lambda: _with_change(load), audited.engine.bound)
    finally:
        audited.engine.pulumi(
            "up",
            "-s",
            audited.engine.stack,
            "--yes",
            "--skip-preview",
            "--refresh",
        )
    answers = load.answers
    assert load.failed == []
    audited.await_records(before + answers.total())
    wrong_answers = _wrong_answers(load)
    found = audited.replay(audited.log, status=1)
    seen: Counter[tuple[str, str, str]] = Counter()
    for each in found["differences"]:
        seen[each["method"], each["caller"], each["code"]] += each["count"]
    report(f"a wrong gate for {answers.total()} calls: {seen.total()} found")
    refused = wrong_answers["read", 403] + wrong_answers["read deeper", 403]
    assert seen == {
        ("GET", "orders/report", "scope-missing"): refused,
        ("GET", "orders/import", "allowed"): wrong_answers[
            "read by a writer", 200
        ],
    }
    assert found["gaps"] == []


def records_in(log: Path) -> list[JsonObject]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def without_some(log: Path, records: list[JsonObject]) -> list[str]:
    """Return the lines of a log without LOST records. The first and the last record of each counter
    stay, since no number shows their loss."""
    lines = log.read_text("utf-8").splitlines(keepends=True)
    last: Counter[tuple[str, ...]] = Counter()
    for record in records:
        key = counter(record)
        last[key] = max(last[key], record["sequence"])
    inner = [
        number
        for number, record in enumerate(records)
        if 1 < record["sequence"] < last[counter(record)]
    ]
    chosen = {*random.Random(1).sample(inner, LOST)}
    return [line for number, line in enumerate(lines) if number not in chosen]


def counter(record: JsonObject) -> tuple[str, ...]:
    return (
        record["component"],
        record["port"],
        record["node"],
        record["worker"],
    )
