"""State backends: files and PostgreSQL, two runs at once, and a lost connection in the middle of a
run."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.kong.http import Request, Response
from tests.support.documentation import page
from tests.support.engine.calls import service_token
from tests.support.faults.blackout import lost, recover
from tests.support.faults.stacks import Empty, Stack, object_counts, within
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, TINY
from tests.support.faults.watch import Watch
from tests.support.postgresql import PASSWORD, PostgreSql, Wire
from tests.support.tiers import deep_after

PAGE = "how-to/choose-a-backend.md"
ZSTD = {"PULUMI_DIY_BACKEND_ZSTD": "true"}
RULE = ("[GET], scopes: [things.read]", "[GET, POST], scopes: [things.read]")
STATE = ".pulumi/stacks/kong-oam/local.json"

On = Callable[..., Stack]
"""A function that makes an empty stack on a backend: `on("PostgreSQL", port=...,
PULUMI_DIY_BACKEND_ZSTD="true")`."""


@pytest.fixture
def on(empty: Empty, request: pytest.FixtureRequest) -> On:
    def make(backend: str, port: int | None = None, **settings: str) -> Stack:
        stack = empty(applications=[TINY])
        stack.local.env |= settings
        if backend == "PostgreSQL":
            server: PostgreSql = request.getfixturevalue("server")
            server.ask("DROP TABLE IF EXISTS pulumi_state")
            _move(stack, server.url(port))
        return stack

    return make


def _move(stack: Stack, url: str) -> None:
    """Make an empty stack of the same name on another backend."""
    stack.local.env["PULUMI_BACKEND_URL"] = url
    stack.local.pulumi("stack", "init", stack.name, cwd=stack.folder)


def _states(stack: Stack, server: PostgreSql | None) -> list[str]:
    """Return the names of the backend's states, without backups."""
    folder = stack.local.folder / "state"
    names = (
        server.names()
        if server
        else [str(file.relative_to(folder)) for file in folder.rglob("*")]
    )
    return [name for name in names if name in (STATE, f"{STATE}.zst")]


@pytest.mark.parametrize(
    ("backend", "settings"),
    deep_after(
        1,
        [
            ("PostgreSQL", {}),
            ("files", ZSTD),
            ("PostgreSQL", ZSTD),
            ("files", {}),
        ],
    ),
)
def test_a_stack_comes_changes_and_goes(
    on: On,
    backend: str,
    settings: dict[str, str],
    request: pytest.FixtureRequest,
) -> None:
    """All backends give the same result. A compressed state has another name, which older versions
    of the CLI do not look for. A run without the variable reads it, and writes it uncompressed."""
    stack = on(backend, **settings)
    server = (
        request.getfixturevalue("server") if backend == "PostgreSQL" else None
    )
    stack.run("up")
    stack.assert_unchanged()
    assert _states(stack, server) == [f"{STATE}.zst" if settings else STATE]
    stack.edit("applications/app0.yaml", *RULE)
    stack.local.env |= dict.fromkeys(settings, "false")
    assert set(stack.changes("up").values()) == {"update"}
    assert _states(stack, server) == [STATE]
    token = service_token(stack.local, "job")
    assert [
        stack.status("POST", HOST, PROTECTED, credential)
        for credential in (None, token)
    ] == [
        401,
        200,
    ]
    assert "0 created, but missing in the state" in lost(stack).stdout
    stack.run("destroy")
    assert object_counts(stack.local) == {}


@pytest.mark.deep
def test_a_state_moves_to_postgresql(on: On, server: PostgreSql) -> None:
    """The documented commands move it: no resource is created again, and its secrets are still
    readable."""
    stack = on("files")
    stack.run("up")
    before = object_counts(stack.local)
    server.ask("DROP TABLE IF EXISTS pulumi_state")
    file = str(stack.local.folder / "state.json")
    stack.pulumi("stack", "export", "--file", file)
    _move(stack, server.url())
    stack.pulumi("stack", "import", "--file", file)
    for command in (
        "stack export -s STACK --file",
        "stack init STACK",
        "stack import -s STACK --file",
    ):
        assert f"pulumi {command}" in page(PAGE)
    assert stack.changes("up") == {} and object_counts(stack.local) == before
    stack.edit("applications/app0.yaml", *RULE)
    assert stack.changes("up") != {}


# Two runs at once


@contextmanager
def _held(stack: Stack) -> Iterator[subprocess.Popen[str]]:
    """Start an `up` that changes a rule, while Kong does not answer. It completes afterwards."""
    asked, answered = threading.Event(), threading.Event()

    def held(request: Request, answer: Callable[[], Response]) -> Response:
        if request.method == "PATCH" and not asked.is_set():
            asked.set()
            answered.wait(90)
        return answer()

    stack.local.kong.faults = held
    command = [
        "pulumi",
        "up",
        "--yes",
        "--skip-preview",
        "--stack",
        stack.name,
        "--non-interactive",
    ]
    with subprocess.Popen(
        command,
        cwd=stack.folder,
        env=stack.local.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            within(60, asked.is_set)
            yield running
        finally:
            answered.set()
            running.communicate(timeout=60)
            stack.local.kong.faults = None
    assert running.returncode == 0


@pytest.mark.deep
@pytest.mark.parametrize("backend", deep_after(1, ["PostgreSQL", "files"]))
def test_a_second_run_names_the_owner_of_the_lock(on: On, backend: str) -> None:
    """The message also gives the remedy. Reading commands continue, with the state of the last run;
    they disturb no run."""
    stack = on(backend)
    stack.run("up")
    stack.edit("applications/app0.yaml", *RULE)
    known = "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file"
    with _held(stack) as running:
        for verb in ("up", "refresh", "destroy"):
            refused = stack.run(verb, check=False)
            assert (
                refused.returncode != 0
                and known in refused.stderr
                and f"(pid {running.pid})" in refused.stderr
            )
        refused = stack.module(
            "kong_oam", "recover", "-s", stack.name, "--remove"
        )
        assert (
            refused.returncode == 2
            and known in refused.stderr
            and PASSWORD not in refused.stderr
        )
        assert known in page(PAGE)
        assert "2 to update" in stack.pulumi("preview").stdout
        granted = stack.module(
            "kong_oam", "diff", f"deployed:{stack.name}", "applications"
        )
        assert granted.stdout.startswith(
            "granted to tiny/job: POST http://tiny.example.com/things"
        )
        assert (
            stack.module("kong_oam", "verify", "--stack", stack.name).returncode
            == 1
        )  # half of it exists
        for words in (
            ("who", "--component", "tiny/api"),
            ("what", "tiny/job"),
            ("matrix",),
            ("emergency", "-s", stack.name),
        ):
            assert stack.module("kong_oam", *words).returncode == 0
    stack.assert_unchanged()
    assert (
        stack.module("kong_oam", "verify", "--stack", stack.name).returncode
        == 0
    )


# A lost connection


@contextmanager
def _at_change(
    stack: Stack, nth: int, do: Callable[[], object]
) -> Iterator[None]:
    """Act after Kong has carried out the n-th change, before it answers."""
    changes = iter(range(1, 1000))

    def counted(request: Request, answer: Callable[[], Response]) -> Response:
        done = answer()
        if request.method != "GET" and next(changes) == nth:
            do()
        return done

    stack.local.kong.faults = counted
    try:
        yield
        assert next(changes) > nth, "it did not come to that"
    finally:
        stack.local.kong.faults = None


def _open(stack: Stack) -> list[int]:
    return [stack.status("GET", HOST, path) for path in (PROTECTED, PUBLIC)]


@pytest.mark.deep
@pytest.mark.parametrize(
    ("deployed", "nth"),
    [(False, 4), (False, 1), (False, 9), (True, 1), (True, 2)],
)
def test_a_run_that_loses_its_backend_is_recovered(
    on: On, server: PostgreSql, deployed: bool, nth: int
) -> None:
    """It ends by itself and leaves its lock. After the page's commands no entity is lost, and none
    exists twice.

    Operations run in turn, since each running operation waits half a minute, and so does the end.
    """
    stack = on("PostgreSQL")
    if deployed:
        stack.run("up")
        stack.edit("applications/app0.yaml", *RULE)
    try:
        with (
            Watch(stack, ((HOST, PROTECTED),)) as watch,
            _at_change(stack, nth, server.stop),
        ):
            begun = time.monotonic()
            command = (
                "up",
                "--parallel",
                "1",
                "--yes",
                "--skip-preview",
                "--stack",
                stack.name,
            )
            failed = stack.local.pulumi(
                *command, cwd=stack.folder, check=False, timeout=300
            )
            assert failed.returncode != 0 and time.monotonic() - begun > 20
        away = stack.module("kong_oam", "recover", "-s", stack.name)
    finally:
        if server.process is None:
            server.start()
    assert not watch.let_in
    for message in (
        "failed to save snapshot: An IO error occurred",
        "there was a problem deleting the lock at postgres://****",
    ):
        assert message in failed.stdout + failed.stderr and message in page(
            PAGE
        )
    assert (
        away.returncode == 2
        and "connection refused" in away.stderr
        and PASSWORD not in away.stderr
    )
    assert (
        "currently locked by 1 lock(s)" in stack.run("up", check=False).stderr
    )
    assert "currently locked by 1 lock(s)" in lost(stack, status=2).stderr
    recover(stack)
    assert stack.changes("up") == {} and _open(stack) == [401, 200]
    token = service_token(stack.local, "job")
    assert stack.status("POST", HOST, PROTECTED, token) == (
        200 if deployed else 403
    )
    stack.run("destroy")
    assert object_counts(stack.local) == {}


PROGRAM = """
import pathlib, time

asked = pathlib.Path({file!r})
asked.touch()
end = time.monotonic() + 30
while asked.exists() and time.monotonic() < end:
    time.sleep(0.05)

from components.program import deploy

deploy()
"""
"""Wait until another process has removed the file."""


@pytest.mark.deep
def test_a_backend_lost_before_any_change_is_reported(
    on: On, server: PostgreSql, tmp_path: Path
) -> None:
    """The engine has already opened it, and the program reads the state of its stack; without the
    state it creates none."""
    with Wire(server.port) as wire:
        stack = on("PostgreSQL", port=wire.port)
        stack.run("up")
        stack.edit("applications/app0.yaml", *RULE)
        begun, program = tmp_path / "begun", stack.folder / "__main__.py"
        program.unlink()
        program.write_text(PROGRAM.format(file=str(begun)), "utf-8")

        def cut() -> None:
            while not begun.exists():
                time.sleep(0.05)
            wire.cut()
            begun.unlink()

        cutting = threading.Thread(target=cut, daemon=True)
        cutting.start()
        failed = stack.pulumi("preview", check=False)
        cutting.join(10)
    output = failed.stdout + failed.stderr
    assert failed.returncode != 0 and "Traceback" not in output
    assert (
        "Kong-OAM: cannot read the state of this stack from its backend, so nothing was provisioned"
        in output
    )


@pytest.mark.deep
def test_a_rejected_database_login_is_reported_without_its_password(
    on: On, server: PostgreSql
) -> None:
    """Commands that read the state report it; the others need no backend."""
    stack = on("PostgreSQL")
    stack.run("up")
    outputs = stack.folder / "outputs.json"
    outputs.write_text(stack.pulumi("stack", "output", "--json").stdout)
    stack.local.env["PULUMI_BACKEND_URL"] = server.url(
        login="deployer:another-password"
    )
    for words in (
        ("recover", "-s", "local"),
        ("verify", "--stack", "local"),
        ("diff", "deployed:local", "applications"),
    ):
        refused = stack.module("kong_oam", *words)
        assert refused.returncode == 2 and "Traceback" not in refused.stderr
        assert (
            "password authentication failed" in refused.stderr
            and "another-password" not in refused.stderr
        )
    assert (
        stack.module(
            "kong_oam", "verify", "--stack", "local", "--outputs", str(outputs)
        ).returncode
        == 0
    )
    for words in (
        ("who", "--component", "tiny/api"),
        ("emergency", "-s", "local"),
    ):
        assert stack.module("kong_oam", *words).returncode == 0


@pytest.mark.deep
def test_a_role_that_may_only_read_previews_and_verifies(
    on: On, server: PostgreSql
) -> None:
    """The page gives this role to the job that runs a change's program; writing commands stop at
    once."""
    stack = on("PostgreSQL")
    stack.run("up")
    grants = [
        line.strip()
        for line in page(PAGE).splitlines()
        if line.strip().startswith("CREATE ROLE reviewer")
    ]
    assert grants == [
        "CREATE ROLE reviewer LOGIN PASSWORD 'CHOOSE-ONE'; GRANT SELECT ON pulumi_state TO reviewer;"
    ]
    server.ask("DROP ROLE IF EXISTS reviewer")
    server.ask(grants[0])
    stack.local.env |= {
        "PULUMI_BACKEND_URL": server.url(login="reviewer"),
        "PGPASSWORD": "CHOOSE-ONE",
    }
    before = stack.local.kong.past()
    stack.edit("applications/app0.yaml", *RULE)
    assert "2 to update" in stack.pulumi("preview").stdout
    granted = stack.module("kong_oam", "diff", "deployed:local", "applications")
    assert granted.stdout.startswith("granted to tiny/job: POST")
    refused = stack.run("up", check=False)
    assert (
        refused.returncode != 0
        and "permission denied for table pulumi_state" in refused.stderr
    )
    assert "permission denied for table" in lost(stack, status=2).stderr
    assert stack.local.kong.past() == before
    server.ask("DROP OWNED BY reviewer; DROP ROLE reviewer")
