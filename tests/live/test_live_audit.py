"""Evidence from a real Kong: its logs, written to a file and sent to OpenTelemetry, replay without
a difference."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from kong_oam.access.settings.logs import LogSettings, OtlpSink
from kong_oam.access.stack import Records
from kong_oam.audit.uses.declared import declared_in
from kong_oam.audit.uses.logs import collect
from kong_oam.audit.uses.model import Uses
from kong_oam.audit.uses.replay import replay
from kong_oam.audit.uses.store import read_uses
from kong_oam.kong.revisions import revisions
from tests.support import gateway_estates
from tests.support.estates import estate
from tests.support.gateway_cases import Case, cases, landmarks, refusals
from tests.support.gateway_estates import (
    Scene,
    generated_applications,
    nested_applications,
)
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway, await_true
from tests.support.live.run import RUN, SEED, issuers, upstream_host
from tests.support.live.telemetry import collector_file
from tests.support.receivers import Receiver

pytest.importorskip("duckdb", reason="the extra `audit` is not installed")

CASES = int(os.environ.get("LIVE_CASES") or 500)
NAME = f"{RUN}-audit"
DOMAIN = f"audit.{RUN}.example.com"
STACK = replace(
    gateway_estates.stack(NAME, "http"), records=Records(("page",), otlp=True)
)
SCENE = Scene(
    estate(
        *nested_applications(DOMAIN),
        *generated_applications(f"more.{DOMAIN}", 4, SEED),
        stack=STACK,
    ),
    issuers(NAME),
)


@dataclass(frozen=True, slots=True)
class Logs:
    """The log of a gateway: a file of Kong, and requests to a collector."""

    file: Path
    collector: Receiver

    def uses(self, folder: Path) -> dict[str, Uses]:
        """Return the uses of the file and of the collector's file."""
        telemetry = folder / "telemetry.jsonl"
        telemetry.write_text(collector_file(self.collector.payloads), "utf-8")
        return {
            log.name: _uses_of(log, folder) for log in (self.file, telemetry)
        }


def _uses_of(log: Path, folder: Path) -> Uses:
    target = folder / f"{log.name}.parquet"
    declared = declared_in([SCENE.estate])
    collect([log], declared, [NAME], target, lambda *_: None)
    return read_uses([target])


@pytest.fixture(scope="module")
def logs(live: LiveGateway) -> Iterator[Logs]:
    """A gateway with both sinks, once every worker sees all entities."""
    host, target = upstream_host(), live.target
    if host != "127.0.0.1":
        pytest.skip("the sinks listen on loopback, and this Kong is elsewhere")
    with target.admin() as admin:
        schema = admin.get("/schemas/plugins/opentelemetry").text
    if "logs_endpoint" not in schema:
        pytest.skip("this Kong sends no logs of requests to OpenTelemetry")
    with _folder_of_kong() as folder, Receiver() as collector:
        made = Logs(folder / "requests.jsonl", collector)
        sinks = LogSettings(
            file=str(made.file), otlp=OtlpSink(logs=collector.url, queue=10_000)
        )
        with Entities(target.admin_url, target.token, logs=sinks) as entities:
            entities.estate(SCENE.estate, SCENE.pems, host, live.upstream.port)
            steady = [
                (case, case.meant(SCENE).status)
                for case in (*landmarks(SCENE), *refusals(SCENE))
            ]
            live.await_steady(steady, bound=60)
            yield made


@contextmanager
def _folder_of_kong() -> Iterator[Path]:
    """Yield a folder that Kong's workers can write, since they run as another user."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _ask_everything(live: LiveGateway) -> None:
    """Send generated requests: any path, method, host, header and token."""

    @seed(SEED)
    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(SCENE))
    def ask(case: Case) -> None:
        live.send(case)

    ask()


@pytest.mark.timeout(0)
def test_the_same_log_replays_from_a_file_and_from_opentelemetry(
    live: LiveGateway,
    logs: Logs,
    tmp_path: Path,
    report: Callable[[str], None],
) -> None:
    """Both have the same classes, times and numbers. No call was decided otherwise than intended, no
    revision is unknown, and no record is missing."""
    _ask_everything(live)

    def incomplete() -> str | None:
        written = logs.file.read_bytes().count(b"\n")
        sent = collector_file(logs.collector.payloads).count('"requestId"')
        return None if sent == written else f"{sent} of {written} were sent"

    time.sleep(1)
    await_true(incomplete, bound=60)
    found = logs.uses(tmp_path)
    file, telemetry = found.values()
    assert telemetry.classes == file.classes
    assert telemetry.blocks == file.blocks
    assert telemetry.days == file.days
    assert file.count > CASES / 2
    gates = revisions(SCENE.estate, "oss")
    models = {
        (component, port, revision): SCENE.estate
        for component, ports in gates.items()
        for port, revision in ports.items()
    }
    for name, uses in found.items():
        result = replay(uses, models)
        codes = {call.code for call in uses.classes}
        report(
            f"{name}: {uses.count} records in {len(uses.classes)} classes with {len(codes)} codes; "
            f"{result.judged} judged, {len(result.differences)} differences"
        )
        assert result.differences == ()
        assert (result.unknown_revisions, result.gaps) == ({}, ())
        assert result.earlier == 0
        assert uses.unread == ()
        assert {
            "allowed",
            "public",
            "scope-missing",
            "ambiguous-path",
            "token-needed",
        } <= codes
