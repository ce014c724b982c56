"""The real `pulumi` CLI on a small estate of the live tier: stand-ins for Okta and cluster, a
live Kong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from kong_oam.kong.account import Account
from kong_oam.kong.preflight import inspect
from sandbox import caller
from sandbox.local import PASSPHRASE, Local
from tests.support.engine.deployment import named, operations
from tests.support.gateway_cases import Case
from tests.support.live.gateway import LiveGateway
from tests.support.live.projects import link_project
from tests.support.live.run import RUN, upstream_host

_STACK_FILE = """
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway:
    scheme: http
    cidrs: [127.0.0.1/32]
    reach: loadBalancer
    metrics: true
    logs: {http: {url: "http://127.0.0.1:9/", headers: {X-Tenant: a}}, tcp: {host: 127.0.0.1, port: 9}, file: /dev/null}
  kong-oam:identityProviders: %(providers)s
"""
_OKTA: Mapping[str, Any] = {"name": "okta", "type": "okta"}

_APPLICATION = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: registry.example.com/orders:1, ports: [{port: %(port)d}]}
      traits:
        - type: gateway
          properties: {domain: %(host)s, http: {/orders: %(port)d}}
        - type: access
          properties:
            owner: team-orders
            scopes: {orders.read: Read orders, orders.write: Change orders}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [orders.read]}
              - {paths: [/orders], methods: [POST, PUT], scopes: [orders.write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles:
              reader: {scopes: [orders.read], components: [orders/report]}
              editor: {scopes: [orders.write], components: [orders/import]}
    - name: report
      type: worker
      properties: {image: registry.example.com/report:1}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [orders.read]}]}
    - name: import
      type: worker
      properties: {image: registry.example.com/import:1}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [orders.write]}]}
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """The estate's project in `folder`, its stack `stack`, on `live`. Every run of the CLI ends within 300 seconds."""

    local: Local
    folder: Path
    live: LiveGateway
    stack: str

    @property
    def host(self) -> str:
        """Return the host of orders/api."""
        return f"orders.{self.stack}.example.com"

    @property
    def settle(self) -> float:
        """Return the seconds after which every worker has seen a change."""
        return inspect(
            Account(self.live.target.admin_url, self.live.target.token)
        ).settle

    @property
    def bound(self) -> float:
        """Return the seconds within which every worker must show a change."""
        return 2 * self.settle + 15

    @property
    def port(self) -> int:
        """Return the port of orders/api, which is the upstream's: the load balancer stand-in forwards to
        it."""
        return self.live.upstream.port

    def pulumi(
        self, *arguments: str, check: bool = True
    ) -> CompletedProcess[str]:
        return self.local.pulumi(
            *arguments, cwd=self.folder, check=check, timeout=300
        )

    def changes(self, verb: str, *arguments: str) -> dict[str, str]:
        """Return the changes of `up` by the engine's events, or the planned changes of `preview`:
        {logical name: operation}.

        For a refresh the events do not help: each of its steps is called `refresh`, changed or not.
        """
        yes = () if verb == "preview" else ("--yes", "--skip-preview")
        printed = self.pulumi(
            verb, "-s", self.stack, *yes, *arguments, "--json"
        ).stdout
        if verb == "preview":
            return named(
                {
                    step["urn"]: step["op"]
                    for step in json.loads(printed)["steps"]
                }
            )
        return named(operations(printed))

    def up(self) -> None:
        self.pulumi("up", "-s", self.stack, "--yes", "--skip-preview")

    def refresh(self) -> None:
        self.pulumi("refresh", "-s", self.stack, "--yes", "--skip-preview")

    def destroy(self) -> None:
        self.pulumi("destroy", "-s", self.stack, "--yes", "--skip-preview")

    def edit(self, old: str, new: str) -> None:
        """Replace `old`, which occurs exactly once, in the Application."""
        assert self._file.read_text("utf-8").count(old) == 1
        self._replace(old, new)

    def configure(self, setting: str) -> None:
        """Add a setting of the gateway, `name: value`."""
        text, before = (
            self.stack_file.read_text("utf-8"),
            "    reach: loadBalancer\n",
        )
        assert text.count(before) == 1
        self.stack_file.write_text(
            text.replace(before, f"{before}    {setting}\n"), "utf-8"
        )

    def add(self, name: str, text: str) -> None:
        """Add an Application in its own file."""
        (self.folder / "applications" / f"{name}.yaml").write_text(
            text, "utf-8"
        )

    def hand_over(self, old: str, new: str) -> None:
        """Replace component `old` by `new`: the same host and path, the same callers, another name."""
        self._replace(f"- name: {old}\n", f"- name: {new}\n")
        self._replace(f"orders/{old},", f"orders/{new},")

    @property
    def stack_file(self) -> Path:
        return self.folder / f"stacks/Pulumi.{self.stack}.yaml"

    @property
    def _file(self) -> Path:
        return self.folder / "applications" / "orders.yaml"

    def _replace(self, old: str, new: str) -> None:
        text = self._file.read_text("utf-8")
        assert old in text
        self._file.write_text(text.replace(old, new), "utf-8")

    @property
    def has_issuer(self) -> bool:
        """Return whether an issuer of tokens exists."""
        return bool(self.local.okta.objects("authorizationServers"))

    def case(
        self,
        method: str,
        path: str,
        component: str | None = None,
        user: str | None = None,
    ) -> Case:
        """Return an anonymous request, or a component's for itself or a user, with the token for
        its own Secret."""
        if component is None:
            return Case(method, self.host, path.encode())
        environment = caller.environment(
            self.local.cluster.url, "orders", component
        )
        token, _ = caller.token(environment, user)
        return Case(method, self.host, path.encode(), (f"Bearer {token}",))


@contextmanager
def engine(
    live: LiveGateway,
    folder: Path,
    name: str,
    provider: Mapping[str, Any] = _OKTA,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Engine]:
    """The estate's project with an empty stack. At the end the stack is destroyed, and its remains
    are removed.

    The stack is the run's `name`, a single word. `provider` is its identity provider, `environment`
    the provider's address and administrator.
    """
    stack = f"{RUN}-{name}"
    link_project(folder)
    (folder / "stacks" / f"Pulumi.{stack}.yaml").write_text(
        _STACK_FILE % {"providers": json.dumps([provider])}
    )
    with Local(balancer=upstream_host()) as local:
        local.env |= {
            "KONG_ADMIN_ADDR": live.target.admin_url,
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        }
        local.env["KONG_PROXY_ADDR"] = "http://{}:{}".format(*live.target.proxy)
        local.env |= environment or {}
        local.env.pop("KONG_ADMIN_TOKEN")
        if live.target.token:
            local.env["KONG_ADMIN_TOKEN"] = live.target.token
        made = Engine(local, folder, live, stack)
        text = _APPLICATION % {"port": made.port, "host": made.host}
        (folder / "applications" / "orders.yaml").write_text(text)
        made.pulumi("stack", "init", stack)
        try:
            yield made
        finally:
            if stack in str(live.target.entities()):
                try:
                    made.pulumi(
                        "destroy",
                        "-s",
                        stack,
                        "--yes",
                        "--skip-preview",
                        check=False,
                    )
                finally:  # a CLI that hangs is killed, and leaves all entities
                    live.target.remove_all_of(stack)
