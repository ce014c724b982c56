"""A machine that loses power in the middle of a run, its remaining state, and the documented
recovery."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from subprocess import CompletedProcess
from typing import Any, TypeVar

from sandbox.cluster import Key
from tests.support.engine.inventory import KONG, OKTA
from tests.support.faults.stacks import Stack
from tests.support.json_object import JsonObject

T = TypeVar("T")
PLUGINS_END = 0.7
"""Seconds. Plugins look for their parent every half second (sandbox/serving.py)."""


@dataclass(slots=True)
class Blackout:
    """Cut off a run of the CLI after the `nth` request that changes Kong, Okta or the cluster.

    The engine is killed before it gets the answer, and later requests change nothing. `seen` counts
    requests; `nth` 0 only counts.
    """

    stack: Stack
    nth: int
    seen: list[str] = field(default_factory=list)
    dark: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def up(self) -> None:
        """Run `up` until the blackout. Kong, Okta and the cluster return afterwards. Raises
        AssertionError where `up` ends before."""
        local = self.stack.local
        create, apply, delete = (
            local.cluster.create,
            local.cluster.apply,
            local.cluster.delete,
        )
        local.kong.faults = lambda request, answer: self._pass(
            request.method, request.target, answer
        )
        local.okta.faults = self._pass

        # A plugin that outlives the engine may still get requests, without effect.
        def created(manifest: JsonObject) -> JsonObject:
            return (
                self._pass(
                    "POST", str(Key.of(manifest)), lambda: create(manifest)
                )
                or manifest
            )

        def applied(manifest: JsonObject, **how: bool) -> JsonObject:
            return (
                self._pass(
                    "PATCH",
                    str(Key.of(manifest)),
                    lambda: apply(manifest, **how),
                )
                or manifest
            )

        def removed(key: Key) -> bool:
            return self._pass("DELETE", str(key), lambda: delete(key)) or True

        cluster = local.cluster
        cluster.create, cluster.apply, cluster.delete = (
            created,
            applied,
            removed,
        )  # type: ignore[method-assign]
        try:
            done = self.stack.run("up", check=False)
            assert self.dark == bool(self.nth), (
                f"operation {self.nth} of {len(self.seen)}: {done.stdout}{done.stderr}"
            )
            if self.dark:
                time.sleep(PLUGINS_END)
        finally:
            local.kong.faults = local.okta.faults = None
            cluster.create, cluster.apply, cluster.delete = (
                create,
                apply,
                delete,
            )  # type: ignore[method-assign]

    def _pass(
        self, method: str, path: str, answer: Callable[[], T]
    ) -> T | None:
        if method == "GET":
            return None if self.dark else answer()
        with self._lock:  # in turn, so that the n-th is the last
            if self.dark:
                return None
            done = answer()
            self.seen.append(f"{method} {path}")
            if len(self.seen) != self.nth:
                return done
            self.dark = True
            self.stack.local.kill()
            return None


def recover(stack: Stack) -> str:
    """Run the documented commands: `cancel`, `kong_oam recover --remove` with its `kubectl`
    commands, `refresh --clear-pending-creates`, `up`. Return the output of `recover`."""
    printed = recover_stack(stack)
    stack.run("up")
    return printed


def recover_stack(stack: Stack) -> str:
    """Run the documented commands without the last `up`. A command over several stacks does this
    `up`."""
    stack.pulumi("cancel", "--yes")
    printed = lost(stack, "--remove").stdout
    run_kubectl(stack, printed)
    stack.run("refresh", "--clear-pending-creates")
    return printed


def run_kubectl(stack: Stack, printed: str) -> None:
    """Run the `kubectl` commands that `recover` printed."""
    for line in printed.splitlines():
        if line.startswith("  kubectl "):
            subprocess.run(
                line, shell=True, check=True, timeout=60, env=stack.local.env
            )


def lost(
    stack: Stack, *arguments: str, status: int = 0
) -> CompletedProcess[str]:
    """Run `python -m kong_oam recover` on the stack. Raises AssertionError at any other exit
    status."""
    done = stack.module(
        "kong_oam", "recover", "--stack", stack.name, *arguments
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


_DROPPED = frozenset(
    [
        *(
            "created_at",
            "updated_at",
            "created",
            "lastUpdated",
            "lastMembershipUpdated",
            "lastRotated",
            "nextRotation",
        ),
        *(
            "uid",
            "clusterIP",
            "orn",
            "client_id",
            "kid",
            "n",
            "rsa_public_key",
            "data",
            "_links",
        ),
    ]
)


_MADE_UP = {
    r'"[0-9a-f]{16}"': '"<digest>"',
    r'"pks\w{17}"': '"<key of a client>"',
    r'"key": "[\w-]{43}"': '"key": "<key>"',  # the issuer's key, by the digest that is its id
}


def shape(stack: Stack) -> dict[str, list[str]]:
    """Return all objects without ids, times, keys, secrets and their digests, and without the order
    of policies, which Okta assigns. References are names."""
    local = stack.local
    kinds: dict[str, list[Any]] = {
        kind: local.kong.entities(kind) for kind in KONG
    }
    kinds |= {kind: local.okta.objects(kind) for kind in OKTA}
    kinds["objects"] = local.cluster.objects()
    names = {local.okta.url: "ORG"}
    for found in (
        *(item for kind in kinds.values() for item in kind),
        *local.okta.objects("groups"),
    ):
        names |= _names(found)
    return {
        kind: sorted(_named(kind, thing, names) for thing in item)
        for kind, item in kinds.items()
        if item
    }


def _names(found: JsonObject) -> dict[str, str]:
    """Return the id of an object with the name that replaces it: its name, a client's label, a
    consumer's username or a group's name."""
    name = (
        found.get("label")
        or found.get("name")
        or found.get("username")
        or found.get("profile", {}).get("name")
    )
    known = {found["id"]: f"<{name}>"} if "id" in found and name else {}
    credentials = found.get("credentials", {})
    if client := credentials.get("oauthClient", {}).get("client_id"):
        known[client] = f"<{name}>"
    if key := credentials.get("signing", {}).get("kid"):
        known[key] = "<key>"
    return known


def _named(kind: str, found: JsonObject, names: dict[str, str]) -> str:
    left_out = {"assignments": (), "policies": ("id", "priority")}.get(
        kind, ("id",)
    )
    text = json.dumps(
        _plain({k: v for k, v in found.items() if k not in left_out}),
        sort_keys=True,
    )
    for identifier, name in names.items():
        text = text.replace(identifier, name)
    for made_up, name in _MADE_UP.items():
        text = re.sub(made_up, name, text)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _plain(item)
            for key, item in value.items()
            if key not in _DROPPED
        }
    return (
        [_plain(item) for item in value] if isinstance(value, list) else value
    )
