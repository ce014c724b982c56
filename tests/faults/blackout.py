"""A machine that loses power in the middle of a run, what is left of it, and the documented way back."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sandbox.cluster import Key
from tests.faults.stacks import KONG, OKTA, Stack

T = TypeVar("T")
_PLUGINS_END = 0.7
"""Seconds. Plugins look for their parent every half second (sandbox/serving.py)."""


@dataclass(slots=True)
class Blackout:
    """Cuts off a run of the CLI when the `nth` request that changes Kong, Okta or the cluster was carried out.

    The engine is killed before it hears the answer, and nothing that is sent afterwards is carried out. `seen` counts
    requests; `nth` 0 only counts.
    """

    stack: Stack
    nth: int
    seen: list[str] = field(default_factory=list)
    dark: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def up(self) -> None:
        """Runs `up` until then. Kong, Okta and the cluster are there again afterwards. Raises AssertionError where it
        never came to that."""
        local = self.stack.local
        put, delete = local.cluster.put, local.cluster.delete
        local.kong.faults = lambda request, answer: self._pass(request.method, request.target, answer)
        local.okta.faults = self._pass

        # A plugin that outlives the engine may still be told something: nobody hears of it.
        def stored(manifest: dict[str, Any], create: bool = False) -> dict[str, Any]:
            return self._pass("PUT", str(Key.of(manifest)), lambda: put(manifest, create)) or manifest

        def removed(key: Key) -> bool:
            return self._pass("DELETE", str(key), lambda: delete(key)) or True

        local.cluster.put, local.cluster.delete = stored, removed  # type: ignore[method-assign]
        try:
            done = self.stack.run("up", check=False)
            assert self.dark == bool(self.nth), f"operation {self.nth} of {len(self.seen)}: {done.stdout}{done.stderr}"
            if self.dark:
                time.sleep(_PLUGINS_END)
        finally:
            local.kong.faults = local.okta.faults = None
            local.cluster.put, local.cluster.delete = put, delete  # type: ignore[method-assign]

    def _pass(self, method: str, path: str, answer: Callable[[], T]) -> T | None:
        if method == "GET":
            return None if self.dark else answer()
        with self._lock:  # one after the other, so that the n-th is the last
            if self.dark:
                return None
            done = answer()
            self.seen.append(f"{method} {path}")
            if len(self.seen) != self.nth:
                return done
            self.dark = True
            self.stack.local.kill()
            return None


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the way back took: the objects that had to be removed by hand, and whether `up` had said so."""

    removed: tuple[str, ...]
    refused: bool


def recover(stack: Stack) -> Recovery:
    """The documented commands: `cancel`, `refresh --clear-pending-creates`, `up`; where that stops on a name that is
    taken, the object of that name is removed, and `up` is said again."""
    stack.pulumi("cancel", "--yes")
    stack.run("refresh", "--clear-pending-creates")
    first = stack.run("up", check=False)
    if first.returncode:
        assert re.search(r"HTTP status 409|already exists|E0000001|already in use", first.stdout), first.stdout
    removed = tuple(_remove_lost(stack))
    if first.returncode:
        assert removed, first.stdout
        stack.run("up")
    return Recovery(removed, bool(first.returncode))


def _remove_lost(stack: Stack) -> Iterator[str]:
    """Removes what the stack made and the state does not know: created, but the answer was lost."""
    known = json.dumps([one.get("id") for one in stack.state()])
    local = stack.local
    for kind in ("routes", "plugins", "services", "jwt_secrets", "consumers"):
        for entity in local.kong.entities(kind):
            if entity["id"] not in known:
                path = "jwts" if kind == "jwt_secrets" else kind
                owner = f"/consumers/{entity['consumer']['id']}/jwt" if kind == "jwt_secrets" else f"/{path}"
                stack.kong("DELETE", f"{owner}/{entity['id']}")
                yield f"Kong: {kind}"
    for kind, path in (("apps", "/apps"), ("authorizationServers", "/authorizationServers")):
        for found in local.okta.objects(kind):
            if found["id"] not in known:
                stack.okta("POST", f"{path}/{found['id']}/lifecycle/deactivate")
                stack.okta("DELETE", f"{path}/{found['id']}")
                yield f"Okta: {kind}"
    for server in local.okta.objects("authorizationServers"):
        base = f"/authorizationServers/{server['id']}"
        for kind in ("scopes", "claims", "policies"):
            for found in stack.okta("GET", f"{base}/{kind}"):
                if found["id"] not in known and not found.get("system"):
                    stack.okta("DELETE", f"{base}/{kind}/{found['id']}")
                    yield f"Okta: {kind}"
                elif kind == "policies":
                    rules = f"{base}/policies/{found['id']}/rules"
                    for rule in stack.okta("GET", rules):
                        if rule["id"] not in known:
                            stack.okta("DELETE", f"{rules}/{rule['id']}")
                            yield "Okta: rules"
    for manifest in local.cluster.objects():
        key = Key.of(manifest)
        mine = [one for one in stack.state() if one["type"].endswith(f":{key.kind}")]
        if f"{key.namespace}/{key.name}" not in [one.get("id") for one in mine]:
            local.cluster.delete(key)
            yield f"cluster: {key.kind}"


_DROPPED = frozenset(
    [
        *("created_at", "updated_at", "created", "lastUpdated", "lastMembershipUpdated", "lastRotated", "nextRotation"),
        *("uid", "clusterIP", "orn", "client_id", "kid", "rsa_public_key", "data", "_links"),
    ]
)


def shape(stack: Stack) -> dict[str, list[str]]:
    """Everything there is, but for ids, times, keys, secrets and their digests: references are written as names."""
    local = stack.local
    kinds: dict[str, list[Any]] = {kind: local.kong.entities(kind) for kind in KONG}
    kinds |= {kind: local.okta.objects(kind) for kind in OKTA}
    kinds["objects"] = local.cluster.objects()
    names = {local.okta.url: "ORG"}
    for found in (*(one for ones in kinds.values() for one in ones), *local.okta.objects("groups")):
        names |= _names(found)
    return {kind: sorted(_named(kind, one, names) for one in ones) for kind, ones in kinds.items() if ones}


def _names(found: dict[str, Any]) -> dict[str, str]:
    """What stands for the ids of an object: its name, a client's label, a consumer's username, a group's name."""
    name = found.get("label") or found.get("name") or found.get("username") or found.get("profile", {}).get("name")
    known = {found["id"]: f"<{name}>"} if "id" in found and name else {}
    credentials = found.get("credentials", {})
    if client := credentials.get("oauthClient", {}).get("client_id"):
        known[client] = f"<{name}>"
    if key := credentials.get("signing", {}).get("kid"):
        known[key] = "<key>"
    return known


def _named(kind: str, found: dict[str, Any], names: dict[str, str]) -> str:
    text = json.dumps(_plain({k: v for k, v in found.items() if k != "id" or kind == "assignments"}), sort_keys=True)
    for identifier, name in names.items():
        text = text.replace(identifier, name)
    return re.sub(r'"[0-9a-f]{16}"', '"<digest>"', text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key not in _DROPPED}
    return [_plain(one) for one in value] if isinstance(value, list) else value
