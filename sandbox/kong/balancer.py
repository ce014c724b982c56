"""The balancer of the Kong stand-in: it picks the address of a request after its plugins have run.

Seen on a Kong 3.10, with an Upstream without Targets, a Service of its name, and functions that
choose:

* A Service whose host is an Upstream's name is balanced; its port makes no difference. If no Target
  with a weight above 0 resolves, the answer is 503, "failure to get a peer from the ring-balancer",
  in the client's format. It takes about a millisecond (0.4 to 4 ms). header_filter runs on it as on
  any answer.
* A Target of a weight above 0 is chosen. The Host header is the Target's own name with its port
  (none for 80), or the Upstream's `host_header` with the Target's port.
* `kong.service.set_target(host, port)` bypasses the Upstream. If its host is an Upstream's name
  too, that Upstream is balanced. The Host header becomes the host without a port, even if the route
  preserves the client's header or a script has set it before. A later
  kong.service.request.set_header("Host", ...) replaces it. The last call wins.
* Its host may be any string: an empty one, `a:80` and an unknown name are all 503, "name resolution
  failed". Port 0 passes, and nothing answers there (502). All other arguments raise an error in the
  script (500).
* A Service whose host is an IP address is never resolved. `set_target` with another address works
  there; with a name, the answer is nginx's 500.
* After an Upstream is deleted under its Service, its name is looked up in DNS. An unknown name is
  "name resolution failed"; a known name is tried at the Service's port (port 1: 502).
* A new Upstream and its Targets were visible after at most 0.2 s, a deletion after 1.4 to 4.5 s
  (three tries each). Here each is as late as routes are.

Not modelled: `kong.service.set_upstream`, health checks, hashing, weights and the algorithms (the
oldest Target is first here), `slots`, SRV records, retries.
"""

from __future__ import annotations

from dataclasses import dataclass

from kong_rules.entities import DEFAULT_TARGET_PORT, Entity, Table
from sandbox.kong import rules

NO_NAME = "name resolution failed"
NO_PEER = "failure to get a peer from the ring-balancer"


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a request may go: `host` and `port` to connect to, `name` for its Host header."""

    host: str
    port: int
    name: str


class Balancer:
    """The Targets of each Upstream, by its name."""

    def __init__(self, upstreams: Table, targets: Table) -> None:
        self._peers: dict[str, list[Peer]] = {
            row["name"]: [] for row in upstreams.values()
        }
        for target in targets.values():
            upstream = upstreams.get(target["upstream"]["id"])
            if upstream and target["weight"] > 0:
                self._peers[upstream["name"]].append(_peer(upstream, target))

    def __contains__(self, name: str) -> bool:
        return name in self._peers

    def peers(self, name: str) -> list[Peer]:
        """Return the Targets of an Upstream in the order to try them."""
        return self._peers[name]


def _peer(upstream: Entity, target: Entity) -> Peer:
    address = rules.address(target["target"])
    assert address is not None  # the schema has seen to it
    port = DEFAULT_TARGET_PORT if address.port is None else address.port
    return Peer(address.host, port, upstream["host_header"] or address.host)
