"""Yearly work of operators: restore an older state, revert a release, upgrade Kong."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from sandbox.kong.plugin_schemas import PLUGIN_SCHEMAS
from tests.support.documentation import page
from tests.support.engine.calls import service_token
from tests.support.faults.blackout import lost, run_kubectl, shape
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import HOST, PROTECTED, TINY
from tests.support.faults.watch import Caller, Watch

GET, MORE = (
    "{paths: [/things], methods: [GET], scopes",
    "{paths: [/things], methods: [GET, POST], scopes",
)


def other(name: str) -> str:
    """Return the same Application with its own namespace, host and scope."""
    text = TINY.replace(
        "{name: tiny}", f"{{name: {name}, namespace: {name}}}"
    ).replace("tiny.example", f"{name}.example")
    return text.replace("things.read", f"{name}.read").replace(
        "tiny/", f"{name}/"
    )


def steps(name: str) -> list[str]:
    """Return the commands of a page, in its order."""
    lines = page(f"how-to/{name}").splitlines()
    return [
        line.strip()
        for line in lines
        if line.startswith("    ") and "STACK" in line
    ]


@pytest.mark.deep
def test_an_older_state_is_put_back(empty: Empty) -> None:
    """The older state has an Application less, an Application more and a changed Application. No
    caller is allowed wrongly until all is right again."""
    stack = empty(applications=[TINY, other("gone")])
    stack.run("up")
    backup = stack.folder / "BACKUP.json"
    backup.write_text(stack.pulumi("stack", "export").stdout, "utf-8")
    (stack.folder / "applications/app1.yaml").write_text(other("come"), "utf-8")
    stack.edit("applications/app0.yaml", GET, MORE)
    stack.run("up")
    before = shape(stack)
    hosts = tuple(
        (host, PROTECTED)
        for host in (HOST, "gone.example.com", "come.example.com")
    )
    with Watch(stack, hosts) as anonymous:
        put_back, listed, removed, refreshed, stopped, ended = steps(
            "restore-a-state.md"
        )
        assert put_back == "pulumi stack import -s STACK --file BACKUP.json"
        stack.pulumi("stack", "import", "--file", str(backup))
        failed = stack.run("up", check=False).stdout
        assert (
            "ENV406" in failed
            and "kong_oam recover" in failed
            and "0 created" not in failed
        )
        refused = lost(stack, "--remove", status=2).stderr
        assert (
            "If you restored an older state on purpose, add --older-state"
            in refused
        )
        assert (
            listed
            == ".venv/bin/python -m kong_oam recover -s STACK --older-state"
        )
        lost(stack, "--older-state", status=1)
        assert (
            removed
            == ".venv/bin/python -m kong_oam recover -s STACK --older-state --remove"
        )
        printed = lost(stack, "--older-state", "--remove", status=1).stdout
        run_kubectl(stack, printed)
        assert refreshed == "pulumi refresh -s STACK --yes"
        assert (
            "okta-app-gone/job" in stack.run("refresh", check=False).stdout
        )  # deleted at Okta, where the run stops
        lost(stack, "--older-state", "--remove")
        stack.run("refresh")
        assert stopped == ended == "pulumi up -s STACK"
        output = stack.run("up", check=False).stdout
        for command in dict.fromkeys(
            line.strip()
            for line in output.splitlines()
            if line.strip().startswith("echo '")
        ):
            subprocess.run(
                command,
                shell=True,
                check=True,
                timeout=60,
                cwd=stack.folder,
                env=stack.local.env,
                capture_output=True,
            )
        stack.run("up")
    assert anonymous.let_in == set() and anonymous.asked > 20
    assert shape(stack) == before
    stack.assert_unchanged()


NEXT = (
    ("kong_oam/kong/table.py", "VERSION = 4", "VERSION = 5"),
    ("kong_oam/kong/lua/gate.lua", "VERSION = 4", "VERSION = 5"),
    ("kong_oam/access/diff/snapshot.py", "VERSION = 1", "VERSION = 2"),
)
"""The changes of a release that reads tables and models in another way."""


def _release(stack: Stack, *, forth: bool) -> None:
    for file, now, later in NEXT:
        stack.edit(file, *((now, later) if forth else (later, now)))


@pytest.mark.deep
def test_a_release_is_taken_back(empty: Empty) -> None:
    """The release's gates read other tables: paths are closed while admission and gate are of
    different releases."""
    stack = empty(applications=[TINY], copied=("components", "kong_oam"))
    stack.run("up")
    token = service_token(stack.local, "job")
    before = shape(stack)
    for forth in (True, False):
        _release(stack, forth=forth)
        with (
            Watch(stack, ((HOST, PROTECTED),)) as anonymous,
            Caller(stack, token) as caller,
        ):
            output = stack.run("up").stdout
        assert anonymous.let_in == set() and anonymous.asked > 20
        assert caller.answers.keys() <= {200, 500} and caller.answers[200] > 20
        assert stack.status("GET", HOST, PROTECTED, token) == 200
        assert "but this version of the program reads format" in output
        stack.assert_unchanged()
    assert shape(stack) == before


@pytest.mark.deep
def test_a_kong_is_upgraded_under_a_stack(
    empty: Empty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new Kong's `jwt` has one more field (3.8 added `realm`); this test assumes that Kong
    fills it in existing plugins."""
    jwt = PLUGIN_SCHEMAS["jwt"]
    config = jwt.fields["config"]
    fields = {
        name: item for name, item in config.fields.items() if name != "realm"
    }
    older = replace(
        jwt, fields={**jwt.fields, "config": replace(config, fields=fields)}
    )
    with monkeypatch.context() as before:
        before.setitem(PLUGIN_SCHEMAS, "jwt", older)  # type: ignore[arg-type]
        stack = empty(applications=[TINY])
        stack.run("up")
        stack.assert_unchanged()
    token = service_token(stack.local, "job")
    with (
        Watch(stack, ((HOST, PROTECTED),)) as anonymous,
        Caller(stack, token) as caller,
    ):
        assert stack.changes("up") == {"tiny/api-8080-jwt": "update"}
        stack.assert_unchanged()
    assert anonymous.let_in == set() and anonymous.asked > 20
    assert caller.answers.keys() == {200}
    assert steps("upgrade-kong.md") == [
        ".venv/bin/python -m kong_oam verify --stack STACK",
        "pulumi preview -s STACK --diff",
        "pulumi up -s STACK",
        ".venv/bin/python -m kong_oam verify --stack STACK",
    ]
