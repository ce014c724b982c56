"""Time and memory of `audit uses` and `audit replay`, compared with DuckDB reading the columns.

    python -m benchmarks.audit [--records 1000000] [--applications 500] [--folder FOLDER]

Two components of each application get calls, by two clients. Each part runs in a separate process
with one thread. DuckDB reads the same columns of the same file and takes the maximum of each. In
JSON, it fails at a line that is no JSON, converts other types silently, and numbers no lines. Exits
1 if a ratio is above 5, or a part needs more than 1 GiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

from benchmarks.compile import APPLICATION, compiled
from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import read_file
from kong_oam.audit.uses.declared import declared_in
from kong_oam.audit.uses.logs import collect
from kong_oam.audit.uses.replay import replay
from kong_oam.audit.uses.statement import FIELDS
from kong_oam.audit.uses.store import read_uses
from kong_oam.kong.revisions import revisions

LIMIT = 5.0
LARGEST = 1024
"""MiB."""
STACK = Path("stacks/Pulumi.local.yaml")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--applications", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="keeps the generated logs")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        PARTS[options.part](options.log, options.applications)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        return _compare(folder, options.records, options.applications)


def _compare(folder: Path, records: int, applications: int) -> int:
    print(
        f"{records:,} records of {2 * applications} components; CPU seconds and MiB"
    )
    is_over = False
    for form in ("json", "parquet"):
        log = folder / f"{records}-{applications}.{form}"
        if not log.exists():
            _in_process("generate", log, applications)
        read = _in_process("read", log, applications)
        uses = _in_process("uses", log, applications)
        replayed = _in_process("replay", log, applications)
        empty = _in_process("load", log, applications)
        seconds = uses["seconds"] + replayed["seconds"] - 2 * empty["seconds"]
        ratio = seconds / read["seconds"]
        largest = max(uses["memory"], replayed["memory"])
        print(
            f"{form:<8} read {read['seconds']:7.1f}   uses {uses['seconds']:7.1f}   replay "
            f"{replayed['seconds']:5.1f}   (Applications {empty['seconds']:4.1f})   ratio "
            f"{ratio:4.1f} (at most {LIMIT:g})   memory {largest:5.0f} (at most {LARGEST})"
        )
        is_over |= ratio > LIMIT or largest > LARGEST
    return int(is_over)


def _in_process(part: str, log: Path, applications: int) -> Mapping[str, float]:
    """Run a part in a separate process. Return its CPU seconds and its memory in MiB."""
    command = [sys.executable, "-m", "benchmarks.audit", "--part", part]
    arguments = ["--log", str(log), "--applications", str(applications)]
    done = subprocess.run(
        [*command, *arguments], check=True, capture_output=True, text=True
    )
    measured: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _measured(work: Callable[[], object]) -> None:
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "memory": memory}))


def _estate(applications: int) -> Estate:
    texts = (APPLICATION.format(n=number) for number in range(applications))
    return compiled(texts, read_file(STACK).stack)


def _generate(log: Path, applications: int) -> None:
    """Write records: reads and writes of items with ids, probes, pages, and denied calls."""
    records = int(log.name.partition("-")[0])
    gates = revisions(_estate(applications), "oss")
    database = duckdb.connect()
    database.execute("SET threads = 1")
    database.execute(
        "CREATE TABLE gates (component VARCHAR, port VARCHAR, revision VARCHAR)"
    )
    rows = [
        (component, port, revision)
        for component, ports in gates.items()
        for port, revision in ports.items()
    ]
    database.executemany("INSERT INTO gates VALUES (?, ?, ?)", rows)
    form = "JSON" if log.suffix == ".json" else "PARQUET, COMPRESSION zstd"
    database.execute(
        f"COPY ({_RECORDS.format(records=records, applications=applications)}) "
        f"TO '{log}' (FORMAT {form})"
    )
    _measured(lambda: None)


_RECORDS = """\
WITH calls AS (
  SELECT i, hash(i) % {applications} AS app, hash(i * 7 + 1) % 20 AS kind,
    hash(i * 17 + 3) AS random, hash(i * 13 + 5) % 8 AS worker
  FROM range({records}) AS numbers(i)
),
named AS (
  SELECT *, 'app' || app || CASE WHEN kind < 17 THEN '/api' ELSE '/web' END AS component FROM calls
)
SELECT 1 AS version,
  strftime(TIMESTAMP '2026-10-01' + to_milliseconds(CAST(i * 86400000.0 / {records} AS BIGINT)),
    '%Y-%m-%dT%H:%M:%S.%gZ') AS time,
  md5(CAST(i AS VARCHAR)) AS requestId, 'local' AS stack, component, port,
  CASE WHEN kind = 16 THEN 'POST' ELSE 'GET' END AS method,
  CASE WHEN kind < 17 THEN 'app' ELSE 'web' END || app || '.example.com' AS host,
  CASE WHEN kind = 0 THEN '/items/health' WHEN kind < 17
    THEN '/items/' || (random % 100000) || '/lines/' || (random % 77)
    ELSE '/pages/' || (random % 5000) END AS path,
  CASE WHEN kind BETWEEN 1 AND 16 THEN '0oa' || app || kind % 2 END AS client,
  CASE WHEN kind BETWEEN 1 AND 16 THEN 'app' || app
    || CASE WHEN kind % 2 = 0 THEN '/job' ELSE '/web' END END AS caller,
  CASE WHEN kind BETWEEN 1 AND 16 THEN kind % 2 = 1 END AS "user",
  CASE WHEN kind BETWEEN 1 AND 16 THEN md5(CAST(random % 5000 AS VARCHAR)) END AS subject,
  CASE WHEN kind BETWEEN 1 AND 16 AND kind % 2 = 1 THEN CASE WHEN kind < 8 THEN ['readers']
    ELSE ['readers', 'writers'] END END AS groups,
  CASE WHEN kind BETWEEN 1 AND 16 THEN ['app' || app || '.read'] END AS scopes,
  CASE WHEN kind = 16 THEN 'refused' ELSE 'allowed' END AS decision,
  CASE WHEN kind = 16 THEN 'scope-missing' WHEN kind BETWEEN 1 AND 15 THEN 'allowed'
    ELSE 'public' END AS code,
  CASE WHEN kind = 16 THEN 403 ELSE 200 END AS status,
  'applications/app' || app || '.yaml:31' AS rule,
  CASE WHEN kind = 0 THEN '/items/health' WHEN kind < 17 THEN '/items' ELSE '/' END AS rulePath,
  revision, '10.0.' || (random % 200) || '.' || (random % 250) AS address,
  {{'request': 12, 'kong': 1, 'proxy': 11}} AS latencies,
  {{'name': 'local-app' || app || '-api'}} AS service,
  {{'name': 'local-app' || app || '-api-items'}} AS route,
  {{'status': 200}} AS response, 'default' AS workspace_name,
  '6f0b7c0e-7a55-4c8e-9d3a-0d0f4f3a1b0' || worker % 3 AS node,
  (40 + worker) || '-1790812800123' AS worker,
  row_number() OVER (PARTITION BY component, worker ORDER BY i) AS sequence
FROM named JOIN gates USING (component) ORDER BY i"""


def _read(log: Path, _: int) -> None:
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in FIELDS.items())
    source = (
        f"read_json('{log}', format = 'newline_delimited', columns = {{{types}}})"
        if log.suffix == ".json"
        else f"read_parquet('{log}')"
    )
    names = [name for name in FIELDS if name not in ("by", "admitted")]
    columns = ", ".join(f'max("{name}")' for name in names)
    database = duckdb.connect()
    database.execute("SET threads = 1")
    _measured(
        lambda: database.execute(f"SELECT {columns} FROM {source}").fetchall()
    )


def _uses(log: Path, applications: int) -> None:
    def work() -> None:
        declared = declared_in([_estate(applications)])
        target = log.with_suffix(".uses")
        collect([log], declared, ["local"], target, lambda *_: None)

    _measured(work)


def _replay(log: Path, applications: int) -> None:
    def work() -> None:
        estate = _estate(applications)
        models = {
            (component, port, revision): estate
            for component, ports in revisions(estate, "oss").items()
            for port, revision in ports.items()
        }
        uses = read_uses([log.with_suffix(".uses")])
        result = replay(uses, models)
        assert not result.has_findings and not uses.unread
        assert result.judged == int(log.name.partition("-")[0])

    _measured(work)


def _load(_: Path, applications: int) -> None:
    _measured(lambda: revisions(_estate(applications), "oss"))


PARTS = {
    "generate": _generate,
    "read": _read,
    "uses": _uses,
    "replay": _replay,
    "load": _load,
}


if __name__ == "__main__":
    sys.exit(main())
