"""Check a gateway's TLS to workloads, on any Kong: the live tier's, and the stand-in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from kong_oam.access.model import Component, Estate, Stack
from tests.support.estates import estate
from tests.support.kong_deployment import Entities
from tests.support.workload_tls import (
    Pair,
    Workload,
    authority,
    settings,
    signed,
)

_TRAIT = "        - {type: upstream-tls, properties: {}}\n"


def application(domain: str) -> str:
    """Return an Application of two components that speak TLS and have only public rules: `right`
    and `other`, in the namespace `shop`."""
    return (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: tls, namespace: shop}\n"
        "spec:\n  components:\n"
    ) + "".join(
        f"    - name: {name}\n      type: webservice\n      properties: {{image: x}}\n      traits:\n"
        f"        - {{type: gateway, properties: {{domain: {name}.{domain}, http: {{/: 8443}}}}}}\n"
        "        - {type: access, properties: {owner: team, rules: [{public: {reason: test}}]}}\n"
        + _TRAIT
        for name in ("right", "other")
    )


@dataclass(frozen=True)
class TlsGateway:
    """A Kong with the estate, whose gates lead to workloads that all show the certificate of
    `right`."""

    entities: Entities
    estate: Estate
    proxy: str
    domain: str
    host: str
    ca: Pair
    bound: float

    def serve(self, name: str, workload: Workload, **fields: Any) -> None:
        """Let the gate of a component lead to a workload, with these additional fields of its
        service."""
        component = self._component(name)
        (own,) = component.backends
        (service,) = [
            path
            for path, sent in self.entities.made.items()
            if sent.get("name", "").endswith(f".{name}.{own}")
        ]
        self.entities.change(
            service,
            {
                **self.entities.made[service],
                "client_certificate": None,
                **fields,
            },
        )
        config = self.entities.configs(
            self.estate, component, own, self.host, workload.port
        )["post-function"]
        (gate,) = self.entities.paths(
            "/plugins",
            name="post-function",
            service={"id": service.rpartition("/")[2]},
        )
        self.entities.change(gate, {"config": config})

    def expect(
        self, name: str, status: int, spared: Workload | None = None
    ) -> Any:
        """Wait until a call gets this status, several times in a row. Return the workload's record
        of the last call. A worker with an old view may still give another answer. Calls with
        this status must not reach `spared`."""
        until = time.monotonic() + self.bound
        right = 0
        while right < 8:
            before = spared.answered if spared else 0
            answer = httpx.get(
                f"{self.proxy}/",
                headers={"Host": f"{name}.{self.domain}"},
                trust_env=False,
                timeout=30,
            )
            right = right + 1 if answer.status_code == status else 0
            if spared and right:
                assert spared.answered == before
            assert time.monotonic() < until, (
                f"{name}: {answer.status_code} and not {status}: {answer.text}"
            )
            time.sleep(0 if right else 0.05)
        return json.loads(answer.text) if status == 200 else None

    def _component(self, name: str) -> Component:
        return self.estate.components[f"tls/{name}"]


@contextmanager
def tls_gateway(
    admin: str,
    token: str | None,
    proxy: str,
    stack: Stack,
    domain: str,
    host: str,
    bound: float,
) -> Iterator[TlsGateway]:
    """Yield the estate on a Kong, with its CA certificate; all entities are deleted at the end."""
    ca = authority(f"ca of {stack.name}")
    made = estate(application(domain), stack=replace(stack, upstream_tls="tls"))
    with Entities(admin, token) as entities:
        loaded = entities.make(
            "/ca_certificates",
            {"cert": ca.certificate, "tags": [f"kong-oam-stack:{stack.name}"]},
        )
        entities.over_tls, entities.authorities = (
            settings(ca),
            {ca.fingerprint: loaded["id"]},
        )
        entities.estate(made, {}, host, 1)
        yield TlsGateway(entities, made, proxy, domain, host, ca, bound)


def workloads_are_verified(asked: TlsGateway, bind: str = "127.0.0.1") -> None:
    """Check all cases: the right name passes; another name, another CA, an expired certificate and
    a missing client certificate do not."""
    entities, ca = asked.entities, asked.ca
    shown = signed(ca, "right.shop.svc", "right.shop.svc.cluster.local")
    stranger, client = authority("stranger"), signed(ca, "the gateway")
    late = signed(ca, "right.shop.svc", days=-1)
    with (
        Workload(shown, bind=bind) as workload,
        Workload(shown, callers=ca, bind=bind) as mutual,
        Workload(late, bind=bind) as ended,
    ):
        asked.serve("right", workload)
        asked.serve("other", workload)
        assert asked.expect("right", 200) == {
            "host": "right.shop.svc",
            "public": f"right.{asked.domain}",
            "asked": "right.shop.svc",
            "client": None,
        }
        asked.expect("other", 502, workload)
        asked.serve("right", ended)
        asked.expect("right", 502, ended)
        tags = [f"kong-oam-stack:{asked.estate.stack.name}"]
        theirs = entities.make(
            "/ca_certificates", {"cert": stranger.certificate, "tags": tags}
        )
        asked.serve("right", workload, ca_certificates=[theirs["id"]])
        asked.expect("right", 502, workload)
        asked.serve("right", workload, tls_verify=False)
        asked.expect("right", 500, workload)
        asked.serve("right", mutual)
        asked.expect("right", 502, mutual)
        pair = {"cert": client.certificate, "key": client.key, "tags": tags}
        mine = entities.make("/certificates", pair)
        asked.serve("right", mutual, client_certificate={"id": mine["id"]})
        assert asked.expect("right", 200)["client"] == "the gateway"
        asked.serve(
            "right", workload
        )  # no service uses the certificate any more, so it can be deleted
