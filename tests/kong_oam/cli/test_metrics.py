"""The verb `metrics`: served metrics, printed files and errors."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from kong_oam.__main__ import main
from tests.support.cli import Cli
from tests.support.prometheus import exporter
from tests.support.streams import Capsys

OUTPUTS = {"credentials": {"shop/checkout at okta": {"due": "2027-02-23"}}}
RECORD = '{"version":1,"stack":"s","component":"a/b","decision":"refused","code":"no-rule","status":403}\n'


def served(url: str, wanted: str) -> str:
    """Return the served text, once it has the wanted lines."""
    until = time.monotonic() + 10
    while wanted not in (text := httpx.get(url, trust_env=False).text):
        assert time.monotonic() < until, text
        time.sleep(0.05)
    return text


def test_it_serves_counts_of_the_log_and_due_dates_of_keys(
    tmp_path: Path,
) -> None:
    """The outputs are read for each scrape. While they are incomplete, the earlier dates stay."""
    log, outputs = tmp_path / "records", tmp_path / "outputs.json"
    log.write_text("not this one\n")
    outputs.write_text(json.dumps(OUTPUTS))
    with exporter("--logs", log, "--outputs", outputs) as url:
        assert "kong_oam_unread_lines_total 0\n" in served(
            url, 'client="shop/checkout",provider="okta"} 1803340800\n'
        )
        with log.open("a") as appended:
            appended.write(RECORD)
        served(url, 'code="no-rule",status="403"} 1\n')
        outputs.write_text("{")
        served(url, "} 1803340800\n")
        outputs.write_text(
            json.dumps(
                {
                    "credentials": {
                        "shop/checkout at okta": {"due": "2027-02-24"}
                    }
                }
            )
        )
        served(url, "} 1803427200\n")
        answer = httpx.get(url, trust_env=False)
        assert (
            answer.headers["content-type"]
            == "text/plain; version=0.0.4; charset=utf-8"
        )
        assert (
            httpx.get(url.replace("/metrics", "/"), trust_env=False).status_code
            == 404
        )


def test_standard_input_is_counted_and_served_after_its_end() -> None:
    """From any program."""
    command = [
        sys.executable,
        "-m",
        "kong_oam",
        "metrics",
        "--logs",
        "-",
        "--listen",
        "127.0.0.1:0",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        url = process.stdout.readline().split(";")[0].removeprefix("serving ")
        process.stdin.write(RECORD)
        process.stdin.close()
        served(url, 'code="no-rule",status="403"} 1\n')
        process.terminate()


@pytest.mark.parametrize("output", ["--alerts", "--dashboard"])
def test_it_prints_the_files_unchanged(output: str, cli: Cli) -> None:
    """As Prometheus and Grafana read them."""
    printed = cli("metrics", output)
    read = (
        yaml.safe_load(printed) if output == "--alerts" else json.loads(printed)
    )
    assert read["groups" if output == "--alerts" else "panels"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--logs", "nowhere"], "nowhere: No such file or directory"),
        (["--logs", "-", "--listen", "9542"], "invalid address '9542': write HOST:PORT"),
        (["--logs", "-", "--listen", "127.0.0.1:70000"], "invalid address '127.0.0.1:70000': write HOST:PORT"),
        (["--logs", "-", "--listen", "192.0.2.1:9542"], "cannot listen at '192.0.2.1:9542': "),
        (["--logs", "-", "--outputs", "nowhere"], "nowhere: No such file or directory"),
        (["--logs", "-", "--outputs", "list"], "'list' has no stack outputs: no JSON object"),
        (["--logs", "-", "--outputs", "empty"], "'empty' has no stack outputs: the stack has no output"),
    ],
)  # fmt: skip
def test_unusable_arguments_are_an_error(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
) -> None:
    """At once, and not at the first scrape."""
    monkeypatch.chdir(tmp_path)
    Path("list").write_text("[]")
    Path("empty").write_text("{}")
    assert reason in cli.error("metrics", *arguments)


def test_a_used_port_is_an_error(
    capsys: Capsys,
) -> None:
    """With the address."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        assert main(["metrics", "--logs", "-", "--listen", where]) == 2
    assert (
        f"cannot listen at '{where}': Address already in use"
        in capsys.readouterr().err
    )
