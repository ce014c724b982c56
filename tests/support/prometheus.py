"""Debian's Prometheus on loopback, the exporter in its usual form, and the queries of the alert
rules and the dashboard."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from kong_oam import metrics
from sandbox.server import free_port
from tests.support.json_object import JsonObject

NEEDED = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="needs Debian's prometheus",
)
FOLDER = Path(metrics.__file__).parent
ALERTS = FOLDER / "alerts.yaml"
RULES: Sequence[Mapping[str, Any]] = yaml.safe_load(ALERTS.read_text("utf-8"))[
    "groups"
][0]["rules"]
DASHBOARD: Mapping[str, Any] = json.loads(
    (FOLDER / "dashboard.json").read_text("utf-8")
)
_VARIABLES = {"$__rate_interval": "1m", "$__range": "1h", "$stack": ".+"}


def panels() -> list[tuple[str, str]]:
    """Return title and query of all panels, as Grafana sends them for all stacks."""
    return [
        (panel["title"], _filled(target["expr"]))
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    ]


def _filled(query: str) -> str:
    for name, value in _VARIABLES.items():
        query = query.replace(name, value)
    assert not re.search(r"\$[a-z_]", query), f"Grafana's variables in {query}"
    return query


def promtool(*arguments: str | Path) -> str:
    """Run promtool and return its output; fails at an error status."""
    ran = subprocess.run(
        ["promtool", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server; `jobs` are its jobs, which it scrapes once a second."""

    url: str
    jobs: frozenset[str]

    def ask(self, query: str) -> list[JsonObject]:
        """Return the present samples of a query."""
        answer = httpx.get(
            f"{self.url}/api/v1/query", params={"query": query}, trust_env=False
        ).json()
        assert answer["status"] == "success", (query, answer)
        found: list[JsonObject] = answer["data"]["result"]
        return [sample for sample in found if sample["value"][1] != "NaN"]

    def await_data(self, query: str) -> list[JsonObject]:
        """Wait for samples of a query, and return them. Fails where none come in time."""
        until = time.monotonic() + 20
        while not (found := self.ask(query)):
            assert time.monotonic() < until, f"nothing is known of {query}"
            time.sleep(0.2)
        return found


@contextmanager
def prometheus(
    folder: Path, targets: Mapping[str, str], history: str = ""
) -> Iterator[Prometheus]:
    """Scrape `targets` (job: URL of its /metrics) with the alert rules loaded; `history` is earlier
    data in OpenMetrics' text."""
    jobs = [_job(name, httpx.URL(url)) for name, url in targets.items()]
    (folder / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s"},
                "rule_files": [str(ALERTS)],
                "scrape_configs": jobs,
            }
        )
    )
    if history:
        (folder / "history").write_text(history)
        promtool(
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            folder / "history",
            folder / "data",
        )
    port = free_port()
    options = [f"--{name}={value}" for name, value in (
        ("config.file", folder / "prometheus.yml"), ("storage.tsdb.path", folder / "data"),
        ("web.listen-address", f"127.0.0.1:{port}"), ("log.level", "warn"),
    )]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", *options], stdout=log, stderr=log
        )
        try:
            server = Prometheus(f"http://127.0.0.1:{port}", frozenset(targets))
            _await_ready(process, server, folder / "log")
            yield server
        finally:
            process.terminate()
            process.wait(10)


def _job(name: str, url: httpx.URL) -> JsonObject:
    static = [{"targets": [f"{url.host}:{url.port}"]}]
    return {
        "job_name": name,
        "scheme": url.scheme,
        "metrics_path": url.path,
        "static_configs": static,
    }


def _await_ready(
    process: subprocess.Popen[bytes], server: Prometheus, log: Path
) -> None:
    until = time.monotonic() + 30
    while True:
        assert process.poll() is None and time.monotonic() < until, (
            log.read_text()
        )
        try:
            if (
                httpx.get(f"{server.url}/-/ready", trust_env=False).status_code
                == 200
            ):
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)


@contextmanager
def exporter(*arguments: str | Path) -> Iterator[str]:
    """Run the verb `metrics` with these arguments on a free port; yield its URL. Ctrl-C ends it."""
    command = [
        sys.executable,
        "-m",
        "kong_oam",
        "metrics",
        "--listen",
        "127.0.0.1:0",
        *map(str, arguments),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            found = re.match(
                r"serving (http://127\.0\.0\.1:\d+/metrics); Ctrl-C stops\n",
                line,
            )
            assert found, line
            yield found[1]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stdout.read() == "\nstopped\n"
            assert process.wait(10) == 0
