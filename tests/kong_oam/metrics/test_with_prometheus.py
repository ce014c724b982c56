"""The alert rules and the dashboard on a real Prometheus, which scrapes the exporter and the
sandbox's stand-in for Kong."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from kong_oam.access.settings.logs import HttpSink, LogSettings
from kong_oam.access.stack import Records
from sandbox.kong import Kong
from tests.support import kong_deployment
from tests.support.estates import estate
from tests.support.gateway_cases import landmarks
from tests.support.gateway_estates import (
    Scene,
    issuers,
    nested_applications,
    stack,
)
from tests.support.prometheus import (
    ALERTS,
    NEEDED,
    RULES,
    Prometheus,
    exporter,
    panels,
    prometheus,
    promtool,
)

pytestmark = NEEDED

STACK = replace(stack("tests"), records=Records())
SCENE = Scene(
    estate(*nested_applications("example.com"), stack=STACK),
    issuers(STACK, time.time()),
)
CASE = next(case for case in landmarks(SCENE) if case.authorization)
ALLOWED, REFUSED = CASE.raw(), replace(CASE, authorization=()).raw()


def history() -> str:
    """A day of allowed calls, until a quarter of an hour ago."""
    component = CASE.meant(SCENE).component
    assert component is not None
    labels = f'stack="tests",component="{component.key}",decision="allowed",code="allowed",status="200"'
    now = int(time.time())
    lines = ["# TYPE kong_oam_decisions counter"]
    for count, moment in enumerate(range(now - 86_000, now - 900, 60)):
        lines.append(
            f"kong_oam_decisions_total{{{labels}}} {100 * count} {moment}"
        )
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Two gateways, of which one has lost its sink, and an exporter: after allowed, denied, lost
    and failed calls."""
    folder = tmp_path_factory.mktemp("prometheus")
    records, outputs = folder / "records", folder / "outputs.json"
    records.touch()
    due = (date.today() + timedelta(days=1)).isoformat()
    outputs.write_text(
        json.dumps({"credentials": {"shop/checkout at okta": {"due": due}}})
    )
    with ExitStack() as opened:
        taken = opened.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))  # and does not listen
        away = LogSettings(
            HttpSink(f"http://127.0.0.1:{taken.getsockname()[1]}/")
        )
        kongs = [
            opened.enter_context(Kong(now=lambda: SCENE.now)) for _ in range(2)
        ]
        for kong, logs in zip(
            kongs, (LogSettings(file=str(records)), away), strict=True
        ):
            kong_deployment.deploy(
                kong.admin_url,
                SCENE.estate,
                SCENE.pems,
                logs=logs,
                metrics=True,
            )
        targets = {
            f"kong-{number}": f"{kong.admin_url}/metrics"
            for number, kong in enumerate(kongs)
        }
        targets["kong-oam"] = opened.enter_context(
            exporter("--logs", records, "--outputs", outputs)
        )
        found = opened.enter_context(prometheus(folder, targets, history()))
        found.await_data(f"count(up == 1) == {len(targets)}")
        for round_ in range(4):  # counters have to be seen before they rise
            for kong in kongs:
                assert kong.handle(ALLOWED, STACK.scheme).status == 200
                for _ in range(50):
                    assert kong.handle(REFUSED, STACK.scheme).status == 401
            with records.open("a") as log:
                log.write(
                    '{"version": 1, "code": "record-failed"}\nno record\n'
                    if round_
                    else ""
                )
            time.sleep(1.1)
        yield found


def test_all_are_scraped(server: Prometheus) -> None:
    """Prometheus accepts the rules too."""
    up = server.await_data("up == 1")
    assert {target["metric"]["job"] for target in up} == server.jobs
    assert "SUCCESS: 5 rules found" in promtool("check", "rules", ALERTS)


@pytest.mark.parametrize(("title", "query"), panels())
def test_every_panel_shows_something(
    server: Prometheus, title: str, query: str
) -> None:
    """The gateway and the exporter print the metrics of the rules."""
    found = server.await_data(query)
    if "component" in query:
        assert all(
            entry["metric"]["component"]
            for entry in found
            if entry["metric"].get("code") != "record-failed"
        ), title


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_finds_its_problem(
    server: Prometheus, rule: dict[str, str]
) -> None:
    """The test caused each problem before."""
    assert server.await_data(rule["expr"])


SERIES = 'kong_oam_decisions_total{{stack="prod",component="orders/api",decision="{0}",code="{1}",status="{2}"}}'
CALM = {
    SERIES.format("allowed", "allowed", 200): "0+600x1500",
    SERIES.format("refused", "token-needed", 401): "0+20x1500",
    'kong_http_requests_total{service="kong-oam.prod.orders.api.80",code="200"}': "0+620x1500",
    "kong_oam_failures_total": "0x1500",
    "kong_oam_unread_lines_total": "0x1500",
    'kong_oam_key_due_timestamp_seconds{client="shop/web",provider="okta"}': f"{86_400 * 30}x1500",
}
"""A day and an hour, a sample a minute."""


@pytest.mark.parametrize(
    ("series", "values", "alert"),
    [
        ("", "", None),
        (SERIES.format("refused", "token-needed", 401), "0+20x1450 29000+600x50", "KongOamRefusalsRise"),
        (SERIES.format("refused", "scope-missing", 403), "_x1450 0+600x50", "KongOamRefusalsRise"),
        ("kong_oam_failures_total", "0x1490 1x10", "KongOamGateFails"),
        ("kong_oam_unread_lines_total", "0x1450 0+1x50", "KongOamRecordsUnread"),
        ('kong_http_requests_total{service="kong-oam.prod.orders.api.80",code="200"}', "0+700x1500", "KongOamRecordsLost"),
        ('kong_http_requests_total{service="kong-oam.new.site.orders.api.80",code="200"}', "0+6x1500", "KongOamRecordsLost"),
        ('kong_oam_key_due_timestamp_seconds{client="shop/web",provider="okta"}', f"{86_400 * 3}x1500", "KongOamKeyDue"),
    ],
)  # fmt: skip
def test_only_the_right_alert_fires(
    tmp_path: Path, series: str, values: str, alert: str | None
) -> None:
    """No alert fires on a calm day. A small stack that loses all records is noticed beside a large
    stack that loses none."""
    samples = {**CALM, **({series: values} if series else {})}
    expected = [
        {"alertname": rule["alert"], "eval_time": "1500m", "exp_alerts": []}
        for rule in RULES
        if rule["alert"] != alert
    ]
    tests = {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": text} for name, text in samples.items()
        ],
        "alert_rule_test": expected,
    }
    if alert:
        tests["promql_expr_test"] = [
            {
                "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": "1500m",
                "exp_samples": [{"labels": "{}", "value": 1}],
            }
        ]
    file = tmp_path / "rules.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(ALERTS)],
                "evaluation_interval": "1m",
                "tests": [tests],
            }
        ),
        "utf-8",
    )
    assert "SUCCESS" in promtool("test", "rules", file)
