"""A rehearsal of the live tier on the stand-in for Kong: it shows that the tier works, and nothing
about a Kong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import pytest

from sandbox.keycloak import UnavailableError, distribution
from sandbox.kong import Kong, Lags
from sandbox.kong.upstream import Resolve, resolve_by_name
from tests.support.json_object import JsonObject
from tests.support.live import old_estates
from tests.support.projects import replace_once
from tests.support.redis import program
from tests.support.repository import ROOT
from tests.support.tiers import deep_after

pytestmark = pytest.mark.engine

TOKEN = "rehearsal-admin-token"
WITH_KEYCLOAK = "tests/live/test_live_keycloak.py"
ROTATION = "tests/live/test_live_rotation.py"
FLAGS = "tests/live/test_live_flags.py"
WEBSOCKETS = "tests/live/test_live_websockets.py"
LIMITS = "tests/live/test_live_limits.py"
RECORDS = (
    "tests/live/test_live_records.py"  # with plugins that the stand-in lacks
)
EDGE = "tests/live/test_live_edge.py"
ATTACKS = "tests/live/test_live_attacks.py"
ADOPTED = "tests/live/test_live_adopted.py"
NOT_IN_THE_STAND_IN = (
    RECORDS,
    *(
        f"tests/live/test_live_{name}.py"
        for name in (
            "kong_plugins",
            "metrics",
            "streams",
            "streams_traits",
            "upstream_tls",
        )
    ),
)
"""Tests that need features of Kong beyond the stand-in: plugins of other kinds, and connections
that stay open. Metrics need a Prometheus."""
LACKING = (
    "this Kong sends no logs of requests to OpenTelemetry",
    "no listener of the gateway has HTTP/2 without TLS",
    "LIVE_NODES and LIVE_RESTART name no nodes",
    "LIVE_MCP_NODE does not name a folder",
    "LIVE_UPSTREAM_HOST must be an address beside loopback",
)
"""Beginnings of the reasons why tests are skipped: the stand-in lacks a feature, or the command a
setting that names other servers."""
KINDS = (
    "services",
    "routes",
    "plugins",
    "upstreams",
    "consumers",
    "jwt_secrets",
)


NOTHING: JsonObject = {kind: [] for kind in KINDS}


def entities_of(kong: Kong) -> JsonObject:
    return {kind: kong.entities(kind) for kind in KINDS}


def _live_tier(
    kong: Kong,
    *arguments: str,
    folder: Path = ROOT,
    timeout: float = 300,
    **settings: str,
) -> CompletedProcess[str]:
    """`python -m pytest` as `make test-live` calls it, on `kong`, `timeout` seconds at most."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("KONG_ADMIN", "KONG_PROXY", "LIVE_"))
    }
    environment |= {
        "KONG_ADMIN_URL": kong.admin_url,
        "KONG_PROXY_URL": kong.proxy_url,
        "KONG_ADMIN_TOKEN": TOKEN,
        "LIVE_METRICS_URL": f"{kong.admin_url}/metrics",  # it does not report its proxy's address
        "LIVE_CASES": "300",
        **settings,
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except BaseException:
            process.terminate()  # it then ends its child processes
            process.communicate(timeout=60)
            raise
    return CompletedProcess(command, process.returncode, output)


def _kong(
    lags: Lags, seconds: float, resolve: Resolve = resolve_by_name
) -> Kong:
    """Return a stand-in that reports updates of its view every `seconds`."""
    settings = {
        "worker_state_update_frequency": seconds,
        "db_update_frequency": seconds,
    }
    return Kong(
        lags=lags,
        admin_token=TOKEN,
        configuration=settings,
        resolve=resolve,
    )


@pytest.mark.deep
@pytest.mark.timeout(390)
def test_the_live_tier_passes_on_the_stand_in_and_names_it() -> None:
    """Tests are skipped only for known reasons. No entity of the run is left, and another entity
    does not change."""
    with _kong(Lags(0.4, 0.4, 0.4), 0.4) as kong:
        theirs = {
            "name": "theirs",
            "host": "theirs.example.com",
            "tags": ["theirs"],
        }
        headers = {"Kong-Admin-Token": TOKEN}
        httpx.post(
            f"{kong.admin_url}/services", json=theirs, headers=headers
        ).raise_for_status()
        before = entities_of(kong)
        apart = [
            f"--ignore={file}"
            for file in (
                WITH_KEYCLOAK,
                ROTATION,
                FLAGS,
                LIMITS,
                WEBSOCKETS,
                EDGE,
                ATTACKS,
                ADOPTED,
                *NOT_IN_THE_STAND_IN,
            )
        ]
        # By Kong's own plugin.
        apart += [
            "--deselect=tests/live/test_live_engine.py::test_calls_are_counted_for_prometheus"
        ]
        completed = _live_tier(kong, "-rs", "tests/live", *apart, timeout=370)
        assert completed.returncode == 0, completed.stdout
        assert (
            f"{kong.admin_url} is NOT A KONG but a stand-in for Kong Gateway"
            in completed.stdout
        )
        assert "engine tests drive it with " in completed.stdout
        reasons = re.findall(
            r"^SKIPPED \[\d+\] \S+: (.+)$", completed.stdout, re.MULTILINE
        )
        assert reasons
        assert [r for r in reasons if not r.startswith(LACKING)] == []
        assert entities_of(kong) == before


def _old_kong() -> Kong:
    """Return a stand-in that resolves the names of old services."""
    addresses = old_estates.addresses()

    def resolve(host: str, port: int) -> tuple[str, int] | None:
        if address := addresses.get(host):
            return address, port
        return resolve_by_name(host, port)

    return _kong(Lags(0.4, 0.4, 0.4), 0.4, resolve)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "chosen",
    deep_after(
        1,
        [
            "retired and own-keys",
            "retired and own-mixed",
            "global",
            "ends and own",
        ],
    ),
)
def test_old_kongs_are_adopted_in_the_live_tier(chosen: str) -> None:
    """Small Kongs, with keys, passwords and tokens."""
    with _old_kong() as kong:
        completed = _live_tier(kong, ADOPTED, "-k", chosen)
        assert completed.returncode == 0, completed.stdout
        assert "1 passed" in completed.stdout
        assert entities_of(kong) == NOTHING


UNREFUSED = (
    "kong_oam/kong/lua/gate.lua",
    "if not refuses(entry[2], text, signs, gate.depth) then",
    "if true then",
)


@pytest.mark.deep
@pytest.mark.timeout(400)
def test_an_adopted_call_that_opens_is_detected(tmp_path: Path) -> None:
    """A gate that ignores refusals opens the texts that continue a protected path."""
    folder = _with_fault(tmp_path / "project", *UNREFUSED)
    with _old_kong() as kong:
        completed = _live_tier(
            kong, ADOPTED, "-k", "retired and own-keys", folder=folder
        )
        assert completed.returncode == 1, completed.stdout
        assert "opened: " in completed.stdout
        assert entities_of(kong) == NOTHING


@pytest.mark.deep
@pytest.mark.timeout(400)
def test_limits_hold_in_the_live_tier() -> None:
    """In a separate run; in a Redis if a redis-server is installed."""
    without = (
        ()
        if program()
        else (
            "--deselect",
            f"{LIMITS}::test_redis_counts_the_same_and_away_it_refuses_unless_it_opens",
        )
    )
    with _kong(Lags(0.4, 0.4, 0.4), 0.4) as kong:
        completed = _live_tier(kong, LIMITS, *without, timeout=380)
        assert completed.returncode == 0, completed.stdout
        assert "skipped" not in completed.stdout


@pytest.mark.deep
@pytest.mark.timeout(400)
def test_bounds_marks_and_attacks_hold_in_the_live_tier() -> None:
    """Except for HTTP/2 and WebSockets, which the stand-in does not support."""
    with _kong(Lags(0.4, 0.4, 0.4), 0.4) as kong:
        completed = _live_tier(
            kong,
            EDGE,
            ATTACKS,
            "-k",
            "not http2 and not websocket",
            timeout=380,
        )
        assert completed.returncode == 0, completed.stdout
        assert "skipped" not in completed.stdout


@pytest.mark.deep
@pytest.mark.timeout(400)
def test_keys_change_in_the_live_tier() -> None:
    """In a separate run, since it takes a while."""
    with _kong(Lags(0.4, 0.4, 0.4), 0.4) as kong:
        completed = _live_tier(kong, ROTATION)
        assert completed.returncode == 0, completed.stdout
        assert "1 passed" in completed.stdout
        assert entities_of(kong) == NOTHING


@pytest.mark.deep
@pytest.mark.timeout(400)
def test_the_live_tier_passes_with_a_real_keycloak() -> None:
    """Skipped, with the reason, without a Keycloak."""
    try:
        distribution()
    except UnavailableError as error:
        pytest.skip(str(error))
    with _kong(Lags(0.4, 0.4, 0.4), 0.4) as kong:
        completed = _live_tier(kong, WITH_KEYCLOAK)
        assert completed.returncode == 0, completed.stdout
        assert (
            "3 passed" in completed.stdout and "skipped" not in completed.stdout
        )
        assert entities_of(kong) == NOTHING


@pytest.mark.deep
def test_the_live_tier_waits_until_guards_are_visible() -> None:
    """Kong shows routes and plugins on separate timers: a route without visible guards answers 503
    to everybody.

    The seed is chosen so that every landmark is allowed to somebody.
    """
    with _kong(Lags(plugins=8.0), 8.0) as kong:
        completed = _live_tier(
            kong,
            "tests/live/test_live_decisions.py",
            "-k",
            "without_a_token",
            LIVE_SEED="4",
        )
        assert completed.returncode == 0, completed.stdout


LEADS = (
    "components/gateway/service.py",
    "host=args.workspace.nowhere",
    'host="127.0.0.1"',
)
UNCUT = (
    "kong_oam/kong/lua/gate.lua",
    "then return granted_scopes(scopes, { client }, gate.services) end",
    "then return scopes end",
)


@pytest.mark.deep
@pytest.mark.timeout(380)
@pytest.mark.parametrize(
    "chosen",
    [
        "single_resources or without_one_guard",
        "exchange_their_scopes or are_replaced or took_away",
        "component_moves or are_killed",
        "destroyed_by_target or has_forgotten",
    ],
)
def test_any_flag_in_the_live_tier(chosen: str) -> None:
    """In runs of their own, since they take a while."""
    with _kong(Lags(0.4, 0.4, 0.4), 0.4) as kong:
        completed = _live_tier(kong, FLAGS, "-k", chosen, timeout=360)
        assert completed.returncode == 0, completed.stdout
        assert (
            " passed" in completed.stdout and "skipped" not in completed.stdout
        )
        assert entities_of(kong) == NOTHING


@pytest.mark.deep
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("lags", "fault", "file", "chosen", "stages"),
    [
        (Lags(plugins=8.0), LEADS, "test_live_hammering.py", "program", ("pulumi up",)),
        (Lags(plugins=8.0), LEADS, "test_live_flags.py", "single_resources", ("--target of all of a new Application",)),
        (Lags(routes=8.0), LEADS, "test_live_flags.py", "destroyed_by_target", ("destroy --target of one component",)),
        (Lags(), UNCUT, "test_live_flags.py", "exchange", ("an exchange of scopes in one run",)),
    ],
    ids=["up, plugins late", "--target, plugins late", "destroy --target, routes late", "scopes are not cut"],
)  # fmt: skip
def test_hammering_detects_wrongly_allowed_calls(
    tmp_path: Path,
    lags: Lags,
    fault: tuple[str, str, str],
    file: str,
    chosen: str,
    stages: tuple[str, ...],
) -> None:
    """Services with the address of their workloads, which order alone does not guard; tokens that
    are valid for every scope in them."""
    folder = _with_fault(tmp_path / "project", *fault)
    with _kong(lags, 0.4) as kong:
        completed = _live_tier(
            kong, f"tests/live/{file}", "-k", chosen, folder=folder
        )
        assert completed.returncode == 1, completed.stdout
        records = "\n".join(
            line
            for line in completed.stdout.splitlines()
            if line.startswith("  {")
        )
        for stage in stages:
            assert f"('{stage}', " in records, (
                stage,
                records,
                completed.stdout,
            )
        assert entities_of(kong) == NOTHING


def _with_fault(folder: Path, file: str, old: str, new: str) -> Path:
    """This project in `folder`, with `new` in place of `old` in one file, whose package is a copy."""
    folder.mkdir()
    package = Path(file).parts[0]
    for entry in ROOT.iterdir():
        if entry.name not in (".git", package):
            (folder / entry.name).symlink_to(entry)
    shutil.copytree(ROOT / package, folder / package)
    replace_once(folder / file, old, new)
    return folder
