"""One run of the live tier: its gateway, and names that only this run uses."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from kong_oam.access.model import Stack
from kong_oam.kong import versions
from tests.support import gateway_estates
from tests.support.estates import estate
from tests.support.gateway_estates import (
    Scene,
    generated_applications,
    nested_applications,
)
from tests.support.gateway_tokens import Issuer
from tests.support.json_object import JsonObject
from tests.support.kong_deployment import Entities

RUN: Final = f"live-{secrets.token_hex(4)}"
"""The prefix of a run's stacks, hosts, issuers and key ids, so that the run never touches other
entities."""

CASES_DOMAIN: Final = f"cases.{RUN}.example.com"
GENERATED_DOMAIN: Final = f"generated.{RUN}.example.com"
HAMMER_DOMAIN: Final = f"hammer.{RUN}.example.com"


SEED: Final = int(os.environ.get("LIVE_SEED") or 7)
"""The seed of generated Applications and requests."""


def stack(name: str = RUN) -> Stack:
    """A stack with its own issuers. `name` starts with RUN."""
    return gateway_estates.stack(name, "http")


def issuers(name: str = RUN) -> Mapping[str, Issuer]:
    """Return the issuers of `stack(name)`."""
    return _issuers(name)


@cache
def _issuers(name: str) -> Mapping[str, Issuer]:
    # Cached: keys must stay the same. Runs with millions of cases take days, and their tokens must
    # outlive them.
    return gateway_estates.issuers(
        stack(name), time.time(), lifetime=7 * 86_400
    )


def issuer(name: str = RUN) -> Issuer:
    """Return the issuer whose tokens components require by default."""
    return issuers(name)["main"]


@cache
def scene() -> Scene:
    """The estates that the tier's requests need: an estate written by hand, and generated
    Applications."""
    texts = [
        *nested_applications(CASES_DOMAIN),
        *generated_applications(GENERATED_DOMAIN, 6, SEED),
    ]
    return Scene(estate(*texts, stack=stack()), issuers())


@dataclass(frozen=True, slots=True)
class Target:
    """The gateway under test: its Admin API, and its proxy's address for plain HTTP.

    `metrics` has the URL of /metrics of each node that answers at the proxy, if the environment
    names them. `http2` is the address of the listener with HTTP/2 without TLS; the proxy's, if the
    environment names none.
    """

    admin_url: str
    proxy: tuple[str, int]
    token: str | None
    http2: tuple[str, int]
    metrics: tuple[str, ...] = ()

    def deploying(self) -> Entities:
        """Return a context that makes entities, and removes them at its end."""
        return Entities(self.admin_url, self.token)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | str:
        """Return a target from KONG_ADMIN_URL, KONG_PROXY_URL and optional KONG_ADMIN_TOKEN,
        LIVE_HTTP2_URL and LIVE_METRICS_URL. Without them, return the reason.

        Raises ValueError for invalid addresses: a typing error must not skip the tier.
        """
        missing = [
            name
            for name in ("KONG_ADMIN_URL", "KONG_PROXY_URL")
            if not environment.get(name)
        ]
        if missing:
            return f"{' and '.join(missing)} not set: no Kong to run the live tier on"
        admin = urlsplit(environment["KONG_ADMIN_URL"])
        proxy = urlsplit(environment["KONG_PROXY_URL"])
        http2 = urlsplit(environment.get("LIVE_HTTP2_URL") or proxy.geturl())
        if admin.scheme not in ("http", "https") or not admin.hostname:
            raise ValueError(
                "KONG_ADMIN_URL must be http://HOST:PORT, or with https"
            )
        if proxy.scheme != "http" or not proxy.hostname:
            raise ValueError(
                "KONG_PROXY_URL must be http://HOST:PORT: the live tier sends raw bytes, without TLS"
            )
        if http2.scheme != "http" or not http2.hostname:
            raise ValueError(
                "LIVE_HTTP2_URL must be http://HOST:PORT, of a listener with http2 and without ssl"
            )
        token = environment.get("KONG_ADMIN_TOKEN") or None
        metrics = tuple(
            filter(None, environment.get("LIVE_METRICS_URL", "").split(","))
        )
        return cls(
            environment["KONG_ADMIN_URL"].rstrip("/"),
            (proxy.hostname, proxy.port or 80),
            token,
            (http2.hostname, http2.port or 80),
            metrics,
        )

    @property
    def version(self) -> str:
        """Return the version of this Kong, from its Admin API."""
        return _version(self)

    def lacks(self, feature: str) -> str | None:
        """Return the reason why this Kong lacks a feature of kong_oam.kong.versions, or None."""
        if versions.has(self.version, feature):
            return None
        since = versions.in_words(versions.SINCE[feature])
        return f"Kong {self.version} lacks {feature}, which came with {since}"

    @property
    def workers(self) -> int:
        """Return the number of processes that answer at the proxy; 1 where Kong does not report it."""
        return _workers(self)

    def admin(self) -> httpx.Client:
        """Return a client of the Admin API, which the caller closes."""
        headers = {"Kong-Admin-Token": self.token} if self.token else {}
        return httpx.Client(
            base_url=self.admin_url, headers=headers, timeout=30
        )

    def get(self, path: str) -> httpx.Response:
        """Send GET to the Admin API; fails at any status but 200."""
        with self.admin() as admin:
            answer = admin.get(path)
        assert answer.status_code == 200, (
            f"{path}: {answer.status_code} {answer.text}"
        )
        return answer

    def page(self, url: str) -> str:
        """Return the text at a URL of the gateway. Only the Admin API gets the token."""
        if url.startswith(f"{self.admin_url}/"):
            return self.get(url).text
        return httpx.get(url, timeout=30).raise_for_status().text

    def entities(self) -> dict[str, JsonObject]:
        """Return all services, routes, plugins, Upstreams, consumers and credentials by path, of
        any owner."""
        found: dict[str, JsonObject] = {}
        for kind in (
            "plugins",
            "routes",
            "services",
            "upstreams",
            "jwts",
            "consumers",
        ):
            path: str | None = f"/{kind}?size=1000"
            while path:
                page = self.get(path).json()
                found |= {
                    _path(kind, entity): entity for entity in page["data"]
                }
                path = page["next"]
        return found

    def remove_all_of(self, name: str) -> None:
        """Delete entities with the tag of the stack `name` that the engine could not delete."""
        self._remove(
            path
            for path, entity in self.entities().items()
            if f"kong-oam-stack:{name}" in _tags(entity)
        )

    def remove_what_earlier_runs_left(self) -> int:
        """Delete entities of this tier's runs that were killed an hour ago or earlier. Return their
        number.

        Only this tier sets their tags; another run may be in progress.
        """
        begun = time.time() - 3600
        left = [
            path
            for path, entity in self.entities().items()
            if entity["created_at"] < begun
            and any(_OF_A_RUN.fullmatch(tag) for tag in _tags(entity))
        ]
        self._remove(left)
        return len(left)

    def _remove(self, paths: Iterable[str]) -> None:
        with self.admin() as admin:
            for path in paths:
                answer = admin.delete(path)
                # 404: a credential that was deleted with its consumer, or by a killed run that was
                # not yet over
                assert answer.status_code in (204, 404), (
                    f"{path}: {answer.status_code} {answer.text}"
                )

    def product(self) -> str:
        """Describe the product behind the Admin API in one line."""
        answer = self.get("/")
        root = answer.json()
        configuration = root.get("configuration") or {}
        settings = (
            "database",
            "worker_consistency",
            "worker_state_update_frequency",
            "db_update_frequency",
        )
        text = ", ".join(
            f"{name} {configuration.get(name)}" for name in settings
        )
        kind = (
            f"NOT A KONG but a {root['stand_in']}"
            if "stand_in" in root
            else "Kong"
        )
        server = answer.headers.get("Server")
        return f"{kind}; version {root.get('version')} {root.get('edition', '')}, Server: {server}; {text}"


@cache
def _version(target: Target) -> str:
    return str(target.get("/").json()["version"])


@cache
def _workers(target: Target) -> int:
    pids = target.get("/").json().get("pids") or {}
    return len(pids.get("workers") or [0])


_OF_A_RUN = re.compile(r"kong-oam-stack:live-[0-9a-f]{8}(-[a-z]+)?")


def _tags(entity: Mapping[str, Any]) -> Sequence[str]:
    return entity["tags"] or ()


def _path(kind: str, entity: Mapping[str, Any]) -> str:
    if kind == "jwts":
        return f"/consumers/{entity['consumer']['id']}/jwt/{entity['id']}"
    return f"/{kind}/{entity['id']}"


def upstream_host() -> str:
    """Return this machine's address for Kong: LIVE_UPSTREAM_HOST, for a Kong in a container."""
    return os.environ.get("LIVE_UPSTREAM_HOST") or "127.0.0.1"


def bind_address() -> str:
    """Return the address on which workloads listen: beyond loopback only for a remote Kong."""
    return "127.0.0.1" if upstream_host() == "127.0.0.1" else "0.0.0.0"
