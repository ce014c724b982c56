"""The literal `pulumi` CLI on a small estate of the tier's own: stand-ins for Okta and cluster, a live Kong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

from sandbox import caller
from sandbox.local import PASSPHRASE, ROOT, Local
from tests.engine.deployment import named, operations
from tests.gateway_cases import Case
from tests.live.live_gateway import LiveGateway
from tests.live.live_run import ENGINE_DOMAIN, RUN, upstream_host

STACK: Final = f"{RUN}-engine"
HOST: Final = f"orders.{ENGINE_DOMAIN}"
_LINKED = ("__main__.py", "Pulumi.yaml", "oam", "access", "components", "definitions", ".venv")

_STACK_FILE = """
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway: {scheme: http, cidrs: [127.0.0.1/32], reach: loadBalancer}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""

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
    """The estate's project in `folder`, deployed on `live`. Every run of the CLI ends within 120 seconds."""

    local: Local
    folder: Path
    live: LiveGateway

    @property
    def port(self) -> int:
        """The port of orders/api, which is the upstream's: the load balancer stand-in leads to it."""
        return self.live.upstream.port

    def pulumi(self, *arguments: str, check: bool = True) -> CompletedProcess[str]:
        return self.local.pulumi(*arguments, cwd=self.folder, check=check, timeout=120)

    def changes(self, verb: str, *arguments: str) -> dict[str, str]:
        """What `up` or `refresh` changed by the engine's events, or `preview` would: {logical name: operation}."""
        yes = () if verb == "preview" else ("--yes", "--skip-preview")
        said = self.pulumi(verb, "-s", STACK, *yes, *arguments, "--json").stdout
        if verb == "preview":
            return named({step["urn"]: step["op"] for step in json.loads(said)["steps"]})
        return named(operations(said))

    def edit(self, old: str, new: str) -> None:
        """Replaces `old`, which stands exactly once, in the Application."""
        file = self.folder / "applications" / "orders.yaml"
        text = file.read_text("utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), "utf-8")

    def case(self, method: str, path: str, component: str | None = None) -> Case:
        """A request of nobody, or of a component with the token that it gets with its own Secret."""
        if component is None:
            return Case(method, HOST, path.encode())
        environment = caller.environment(self.local.cluster.url, "orders", component)
        token, _ = caller.token(environment)
        return Case(method, HOST, path.encode(), (f"Bearer {token}",))


@contextmanager
def engine(live: LiveGateway, folder: Path) -> Iterator[Engine]:
    """The estate's project with an empty stack; at the end the stack is destroyed, and what is left of it removed."""
    for name in _LINKED:
        (folder / name).symlink_to(ROOT / name)
    for name in ("applications", "stacks"):
        (folder / name).mkdir()
    (folder / "stacks" / f"Pulumi.{STACK}.yaml").write_text(_STACK_FILE)
    text = _APPLICATION % {"port": live.upstream.port, "host": HOST}
    (folder / "applications" / "orders.yaml").write_text(text)
    with Local(balancer=upstream_host()) as local:
        local.env |= {"KONG_ADMIN_ADDR": live.target.admin_url, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
        local.env.pop("KONG_ADMIN_TOKEN")
        if live.target.token:
            local.env["KONG_ADMIN_TOKEN"] = live.target.token
        made = Engine(local, folder, live)
        made.pulumi("stack", "init", STACK)
        try:
            yield made
        finally:
            if STACK in str(live.target.entities()):
                made.pulumi("destroy", "-s", STACK, "--yes", "--skip-preview", check=False)
                live.target.remove_all_of(STACK)
