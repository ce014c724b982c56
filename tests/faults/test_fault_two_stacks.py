"""Two deployed stacks on one Kong and one cluster go through all verbs under permanent calls to
both."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import yaml

from sandbox import caller
from sandbox.kong import Lags
from sandbox.local import Local
from tests.support.faults.stacks import Stack, start
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, TINY
from tests.support.json_object import JsonObject

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

HOSTS = {"local": HOST, "prod": "tiny.prod.example.com"}


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[dict[str, Stack]]:
    """Yield both stacks, deployed: each has its own hosts, namespace and issuer."""
    with Local(lags=Lags()) as local:
        found = {}
        for name, host in HOSTS.items():
            text = TINY.replace(HOST, host).replace(
                "{name: tiny}", f"{{name: tiny, namespace: {name}}}"
            )
            found[name] = start(local, tmp_path / name, name, [text])
            _settings(found[name])
            found[name].run("up")
        yield found


def _settings(stack: Stack) -> None:
    """Write the settings of the stack `local` for this stack."""
    folder = stack.folder / "stacks"
    settings = yaml.safe_load((folder / "Pulumi.local.yaml").read_text("utf-8"))
    settings["config"]["kong-oam:cluster"] = {"createNamespaces": True}
    (folder / f"Pulumi.{stack.name}.yaml").write_text(
        yaml.safe_dump(settings), "utf-8"
    )


class Callers:
    """Callers of both stacks, who call all the time: without a token, with a stack's own client,
    and with the other stack's client.

    `wrong` lists the callers who were allowed or denied wrongly. The stacks in `apart` are not
    checked.
    """

    def __init__(self, stacks: dict[str, Stack]) -> None:
        self._stacks = stacks
        self._tokens = {name: _token(stack) for name, stack in stacks.items()}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._turn = 0
        self._apart: frozenset[str] = frozenset()
        self.wrong: list[tuple[str, str, int]] = []
        self.asked = dict.fromkeys(stacks, 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._done.set()
        self._thread.join(10)

    @contextmanager
    def apart(self, *stacks: str) -> Iterator[None]:
        """Do not check these stacks within the block."""
        self._apart, self._turn = frozenset(stacks), self._turn + 1
        yield
        self._apart, self._turn = frozenset(), self._turn + 1

    def _run(self) -> None:
        while not self._done.is_set():
            for name, stack in self._stacks.items():
                self._ask(name, stack)
            time.sleep(0.01)

    def _ask(self, name: str, stack: Stack) -> None:
        (other,) = (
            token for owner, token in self._tokens.items() if owner != name
        )
        own = self._tokens[name]
        for who, path, token, expected in (
            ("nobody", PROTECTED, None, 401),
            ("the other stack's client", PROTECTED, other, 401),
            ("nobody, in public", PUBLIC, None, 200),
            ("its own client", PROTECTED, own, 200),
        ):
            turn, apart = self._turn, self._apart
            status = stack.status("GET", HOSTS[name], path, token)
            if name in apart or turn != self._turn:
                continue
            self.asked[name] += 1
            if status != expected:
                self.wrong.append((name, who, status))


def _token(stack: Stack) -> str:
    return caller.token(
        caller.environment(stack.local.cluster.url, stack.name, "job")
    )[0]


def _output(stack: Stack, verb: str, *arguments: str, status: int = 0) -> str:
    """Return a verb's output on the stack."""
    done = stack.module("kong_oam", verb, "--stack", stack.name, *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def _of(stack: Stack) -> dict[str, JsonObject]:
    """Return all entities of Kong with the stack's tag, and its objects in the cluster."""
    kinds = (
        "services",
        "routes",
        "plugins",
        "upstreams",
        "consumers",
        "jwt_secrets",
    )
    found: dict[str, JsonObject] = {}
    for kind in kinds:
        for entity in stack.local.kong.entities(kind):
            if f"kong-oam-stack:{stack.name}" in (entity.get("tags") or ()):
                found[entity["id"]] = {
                    key: value
                    for key, value in entity.items()
                    if key != "updated_at"
                }
    return found


def test_two_stacks_go_through_every_verb_and_leave_each_other_alone(
    stacks: dict[str, Stack],
) -> None:
    """No caller is allowed or denied wrongly, and no entity of the other stack changes."""
    local, prod = stacks["local"], stacks["prod"]
    prods = _of(prod)
    with Callers(stacks) as callers:
        for stack in stacks.values():
            assert "enforces the Applications" in _output(stack, "verify")
            assert "0 created, but missing in the state" in _output(
                stack, "recover"
            )
            stack.assert_unchanged("up", "--refresh")
        with callers.apart("local"):
            opened = _output(
                local,
                "emergency",
                "open",
                "tiny/api",
                PROTECTED,
                "--reason",
                "x",
            )
            assert (
                f"GET http://{HOST}{PROTECTED} without a token: the gateway passes it on (200)"
                in opened
            )
            assert _output(prod, "emergency") == "no emergency opening exists\n"
            assert "enforces the Applications" in _output(prod, "verify")
            assert (
                _output(prod, "emergency", "close")
                == "no emergency opening exists\n"
            )
            assert "closed: tiny/api" in _output(local, "emergency", "close")
        with callers.apart("local"):
            (admission,) = (
                key
                for key, item in _of(local).items()
                if item.get("name") == "pre-function"
            )
            local.kong("PATCH", f"/plugins/{admission}", {"enabled": False})
            found = _output(local, "verify", "--only", "gateway", status=1)
            assert [line for line in found.splitlines() if "to do" in line] == [
                "    to do: pulumi up -s local --refresh"
            ]
            assert "enforces the Applications" in _output(prod, "verify")
            local.run("up", "--refresh")
        local.edit(
            "stacks/Pulumi.local.yaml",
            "  kong-oam:gateway:",
            "  kong-oam:partitions: {all: ['*']}\n  kong-oam:gateway:",
        )
        _output(local, "move", "--yes")
        _output(local, "up", "--yes")
        for stack in stacks.values():
            assert "enforces the Applications" in _output(stack, "verify")
        assert _of(prod) == prods
        with callers.apart("local"):
            _output(local, "destroy", "--yes")
            assert (_of(local), _of(prod)) == ({}, prods)
            assert "enforces the Applications" in _output(prod, "verify")
            prod.assert_unchanged("up", "--refresh")
        with callers.apart("local", "prod"):
            prod.run("destroy")
            assert _of(prod) == {}
            callers.stop()
    assert callers.wrong == []
    assert min(callers.asked.values()) > 100
