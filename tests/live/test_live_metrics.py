"""The dashboard on a real Prometheus that scrapes a real Kong, and the exporter that reads its records."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kong_oam.access.settings.logs import LogSettings
from kong_oam.access.stack import Records
from tests.support import gateway_estates
from tests.support.estates import estate
from tests.support.gateway_cases import landmarks
from tests.support.gateway_estates import Scene, nested_applications
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, issuers, upstream_host
from tests.support.prometheus import (
    NEEDED,
    Prometheus,
    exporter,
    panels,
    prometheus,
)

pytestmark = NEEDED

NAME = f"{RUN}-metrics"
STACK = replace(gateway_estates.stack(NAME, "http"), records=Records())
SCENE = Scene(
    estate(*nested_applications(f"metrics.{RUN}.example.com"), stack=STACK),
    issuers(NAME),
)


@pytest.fixture(scope="module")
def server(live: LiveGateway, metrics: tuple[str, ...]) -> Iterator[Prometheus]:
    """A Prometheus that has scraped each node and the exporter, after allowed and denied calls."""
    if upstream_host() != "127.0.0.1":
        pytest.skip("records are read from a file, and this Kong is elsewhere")
    if live.target.token and not live.target.metrics:
        pytest.skip(
            "/metrics of this Admin API needs a token: LIVE_METRICS_URL may name the status API's"
        )
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)  # Kong's workers run as another user
    records, outputs = folder / "records", folder / "outputs.json"
    records.touch()
    records.chmod(0o666)
    outputs.write_text(
        json.dumps(
            {"credentials": {"shop/checkout at okta": {"due": "2027-02-23"}}}
        )
    )
    nodes = {f"kong-{number}": url for number, url in enumerate(metrics)}
    case = next(case for case in landmarks(SCENE) if case.authorization)
    refused = replace(case, authorization=())
    try:
        with (
            Entities(
                live.target.admin_url,
                live.target.token,
                logs=LogSettings(file=str(records)),
                metrics=True,
            ) as entities,
            exporter("--logs", records, "--outputs", outputs) as counts,
            prometheus(folder, {**nodes, "kong-oam": counts}) as found,
        ):
            entities.estate(
                SCENE.estate, SCENE.pems, upstream_host(), live.upstream.port
            )
            live.await_steady([(case, 200), (refused, 401)], bound=60)
            found.await_data(f"count(up == 1) == {len(nodes) + 1}")
            for _ in range(5):  # a rate needs a first value
                for sent in (case, refused):
                    for _ in range(4):
                        live.send(sent)
                time.sleep(1.2)
            yield found
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(("title", "query"), panels())
def test_every_panel_shows_something(
    server: Prometheus, title: str, query: str
) -> None:
    """Kong's own names are used, of calls that left a record."""
    assert server.await_data(query), title


def test_no_call_is_without_a_record(server: Prometheus) -> None:
    """The records equal the counts of Kong's nodes, by component and status."""
    own = f'service=~"kong-oam[.]{NAME}[.].+"'
    counted = {
        sample["metric"]["code"]: int(sample["value"][1])
        for sample in server.ask(
            f"sum by (code) (kong_http_requests_total{{{own}}})"
        )
    }
    recorded = {
        sample["metric"]["status"]: int(sample["value"][1])
        for sample in server.ask(
            f'sum by (status) (kong_oam_decisions_total{{stack="{NAME}"}})'
        )
    }
    assert counted
    assert recorded == counted
