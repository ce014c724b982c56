"""Real estates in a live Kong: adopted, deployed beside the old routes, compared, and retired,
while callers repeat requests without pause."""

from __future__ import annotations

import datetime
import os
import string
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.demo.existing import TOKENS
from sandbox.issuer import Issuer
from sandbox.local import Local
from tests.support.json_object import JsonObject
from tests.support.live import old_estates
from tests.support.live.adopting import (
    Project,
    project,
    settle_seconds,
    token,
)
from tests.support.live.old_estates import Caller, Loader
from tests.support.live.own_estates import OWN
from tests.support.live.run import RUN, Target
from tests.support.live.samples import (
    HOST,
    Ask,
    Callers,
    answers,
    sample,
    send,
)
from tests.support.live.takeover import Takeover, groups_of, paths_in, steady
from tests.support.live.workloads import Workloads
from tests.support.workload_tls import authority, signed

pytestmark = pytest.mark.timeout(900)

WITH_KEYS = "IDP-One-calendar-2026__infra-config__kong__kong.yaml"
KILLED = "GabrielMoody__MikroNet__config__kong.yml"
ESTATES = (
    *OWN,
    "4yrg__gradeloop-core-v2__apps__api-gateway__config__kong.yml",
    "Ashour158__People__kong__kong.yml",
    "BackendWorks__nestjs-microservices__kong__config.yml",
    "ChakshuGautam__digit-2.9lts-core-storm__kong__kong.yml",
    "DungxND__banking-demo__kong__kong.yml",
    "GSA-TTS__identity-idva-api-gateway__ingress__kong-config.yaml",
    "GSA-TTS__identity-idva-api-gateway__internal__kong-config.yaml",
    "GabrielMoody__MikroNet__config__gateway__kong.yml",
    KILLED,
    WITH_KEYS,
    old_estates.SUNBIRD,
)
MOST = int(os.environ.get("LIVE_CASES") or 800)
"""The most requests of a sample."""
TODAY = datetime.datetime.now(datetime.UTC).date()
UNTIL = (TODAY + datetime.timedelta(days=120)).isoformat()
# A last day that is over by the gate's clock, and not by the stack's `asOf`.
_LAST_DAY = "2025-01-31"
_STACKS = iter(string.ascii_lowercase)
AUDIENCE = "api://adopted"


@dataclass(frozen=True, slots=True)
class Old:
    """The shared parts of the tests: the Kong, an issuer, and the CLI's folders."""

    target: Target
    local: Local
    issuer: Issuer


@pytest.fixture(scope="module")
def old(kong: Target, before: dict[str, JsonObject]) -> Iterator[Old]:
    """The Kong, an issuer, and the CLI's folders."""
    with Local() as local, Issuer(AUDIENCE) as issuer:
        local.env["KONG_ADMIN_ADDR"] = kong.admin_url
        local.env.pop("KONG_ADMIN_TOKEN")
        if kong.token:
            local.env["KONG_ADMIN_TOKEN"] = kong.token
        yield Old(kong, local, issuer)


def _check(kong: Target, name: str) -> None:
    """Skip without the estate, and without a Kong that resolves the names of its services."""
    if name not in OWN and not old_estates.is_there():
        pytest.skip("the real estates are not beside the repository")
    root = kong.get("/").json()
    if "stand_in" in root:
        return
    try:
        file = Path(root["configuration"].get("dns_hostsfile") or "")
        lines = file.read_text("utf-8").splitlines()
    except OSError:
        lines = []
    if not old_estates.host_lines(name) <= {*lines}:
        pytest.skip(
            "Kong needs the output of `python -m tests.support.live.old_estates` as dns_hostsfile"
        )


@contextmanager
def takeover(
    old: Old,
    name: str,
    folder: Path,
    report: Callable[[str], None],
) -> Iterator[Takeover]:
    """An estate in Kong with its workloads, its answers, and an empty stack beside it."""
    _check(old.target, name)
    report(f"--- {name}")
    read = old_estates.document(name)
    addresses = old_estates.addresses()
    places = old_estates.places(read)
    names = sorted({host for host, _ in places})
    ca = authority(f"ca of {RUN}")
    listening = [(addresses[host], port) for host, port in places]
    with ExitStack() as opened:
        admin = opened.enter_context(old.target.admin())
        loader = Loader(admin, f"{RUN}-old")
        certificate = signed(ca, *names)
        opened.enter_context(Workloads(listening, certificate))
        tags = [f"kong-oam-stack:{RUN}-adopted"]
        made = admin.post(
            "/ca_certificates", json={"cert": ca.certificate, "tags": tags}
        )
        assert made.status_code == 201, made.text
        opened.callback(admin.delete, f"/ca_certificates/{made.json()['id']}")
        loader.remove()
        opened.callback(loader.remove)
        loaded = loader.load(read)
        report(
            f"{len(loaded.routes)} routes, {loaded.made} entities; rejected by this Kong: "
            f"{len(loaded.rejected)} ({', '.join(sorted({*loaded.rejected}))})"
        )
        configuration = old.target.get("/").json()["configuration"]
        time.sleep(settle_seconds(configuration))
        made_project = opened.enter_context(
            project(old.local, folder, old.target, f"{RUN}-{next(_STACKS)}")
        )
        groups = {
            f"{address}:{port}": f"{host}:{port}"
            for host, port in places
            for address in (addresses[host],)
        }
        groups |= groups_of(read, addresses)
        made_project.adopt(
            UNTIL, TODAY.isoformat(), old.issuer.url, ca.certificate
        )
        with made_project.settings() as config:
            provider = config["kong-oam:identityProviders"][0]
            provider |= {"audience": AUDIENCE, "tokens": TOKENS}
        exposed = paths_in(made_project.components())
        asks = sample(loaded.routes, exposed, loaded.callers, 7, MOST)
        recorded = steady(lambda: answers(old.target.proxy, asks), groups)
        passed = sum(seen.passes for seen in recorded.values())
        report(
            f"{len(recorded)} of {len(asks)} requests of {len(loaded.callers)} callers have steady "
            f"answers, {passed} pass"
        )
        assert passed
        taken = Takeover(made_project, loaded, groups, recorded, report)
        report(_routes_of(made_project))
        made_project.command("check", "--stack", made_project.stack)
        yield taken
        assert taken.unannounced == []


def _routes_of(made: Project) -> str:
    """Return the counts of the report in words."""
    text = (made.folder / "adopt-report.md").read_text("utf-8")
    rows = [line.split("|") for line in text.splitlines()]
    counts = [
        f"{row[2].strip()} {row[1].strip()}"
        for row in rows
        if len(row) > 3
        and row[1].strip() in ("adopted", "partly", "left", "closed")
    ]
    return f"routes: {', '.join(counts)}"


@pytest.mark.parametrize("name", ESTATES)
def test_a_real_estate_is_adopted_and_retired(
    old: Old, name: str, tmp_path: Path, report: Callable[[str], None]
) -> None:
    """No call changes that `adopt compare` does not name, at no moment passes a call that the old
    Kong denies, and further runs change nothing."""
    with takeover(old, name, tmp_path, report) as taken:
        made = taken.project
        proxy = old.target.proxy
        with Callers(proxy, taken.before, taken.places) as callers:
            callers.stage("up")
            if name == KILLED:
                made.killed_up(3)
                callers.stage("killed")
                time.sleep(made.settle)
                callers.stage("recovery")
                made.recover()
            changes = made.changes()
            assert set(changes.values()) <= {"create", "update"}
            time.sleep(made.settle)
            callers.stage("both")
            compared = made.compare()
            opened = [row for row in compared.rows if row.kind == "opened"]
            assert opened == []
            taken.judge("both", compared)
            assert made.changes() == {}
            retired = made.compare("--retired")
            script = made.retire()
            callers.stage("retire")
            made.run_script(script)
            time.sleep(made.settle)
            callers.stage("retired")
            taken.judge("retired", compared, retired)
        taken.judge_callers(callers, compared, retired)
        assert made.changes() == {}
        assert "curl" not in made.retire()


def test_a_global_plugin_stops_the_run(
    old: Old, tmp_path: Path, report: Callable[[str], None]
) -> None:
    """Before anything is made."""
    with takeover(old, "own-keys", tmp_path, report) as taken:
        plugin = {"name": "request-termination", "tags": [f"{RUN}-old"]}
        with old.target.admin() as admin:
            assert admin.post("/plugins", json=plugin).status_code == 201
        assert "ENV427" in taken.project.failed_up()
        assert taken.project.entities() == 0


@pytest.mark.parametrize(
    ("name", "client", "scope", "path"),
    [
        ("own-keys", "acme", "orders.partners", "/orders/x"),
        (
            WITH_KEYS,
            "admin-basic-auth",
            "db-manage-auth-service.admin",
            "/db-manage-auth/x",
        ),
    ],
)
def test_a_key_ends_and_a_token_works(
    old: Old,
    name: str,
    client: str,
    scope: str,
    path: str,
    tmp_path: Path,
    report: Callable[[str], None],
) -> None:
    """After the last day, the gate answers 401 to the key, and the client's token passes."""
    with takeover(old, name, tmp_path, report) as taken:
        made = taken.project
        by_key = next(each for each in taken.loaded.callers if each.consumer)
        _move_to_tokens(made, client)
        made.changes()
        time.sleep(made.settle)
        bearer = token(old.issuer, "new-app", (scope,))
        header = f"Authorization: Bearer {bearer}".encode()
        by_token = Caller(by_key.consumer, "token", (header,))
        both = Caller("", "both", (*by_key.headers, header))
        asks = [
            Ask("GET", HOST, path, each) for each in (by_key, by_token, both)
        ]
        proxy = old.target.proxy
        statuses = [send(proxy, ask).status for ask in asks]
        assert statuses[:2] == [200, 200] and statuses[2] in (400, 401)
        text = made.application_file.read_text("utf-8")
        assert text.count(UNTIL) > 1
        lines = [
            line.replace(UNTIL, _LAST_DAY) if "public" not in line else line
            for line in text.splitlines()
        ]
        made.application_file.write_text("\n".join(lines) + "\n", "utf-8")
        with made.settings() as config:
            config["kong-oam:asOf"] = _LAST_DAY
        made.changes()
        time.sleep(made.settle)
        statuses = [send(proxy, ask).status for ask in asks]
        report(f"after the last day: {statuses}")
        assert statuses[:2] == [401, 200] and statuses[2] in (400, 401)


def _move_to_tokens(made: Project, client: str) -> None:
    """Give the client of an old credential a client at the issuer, too."""
    text = made.application_file.read_text("utf-8")
    old = f"    - name: {client}\n      type: external\n"
    assert text.count(old) == 1
    keys = "      properties: {jwksUri: 'https://new.example.com/keys.json'}\n"
    made.application_file.write_text(text.replace(old, old + keys), "utf-8")
    with made.settings() as config:
        provider = config["kong-oam:identityProviders"][0]
        provider["clients"] = {f"kong/{client}": {"id": "new-app"}}
