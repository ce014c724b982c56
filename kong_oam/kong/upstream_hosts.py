"""Look up the addresses of external components, and find addresses that lead elsewhere.

Kong resolves names again for each call. This check finds mistakes of today; a verified certificate
protects from later changes.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from ipaddress import ip_network

from kong_oam.access.data import Names, Network, Texts
from kong_oam.access.forbidden import Surroundings, is_address, surroundings
from kong_oam.access.model import Estate
from kong_oam.access.settings.upstreams import SETTING
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.kong import names
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.estate import clusters_of

# Returns the IP addresses of a name; none for an unknown name.
Resolve = Callable[[str], Names]


def resolve(name: str) -> Names:
    """Return the IP addresses of a name by this machine's resolver, which follows aliases."""
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(str(address[0]) for *_, address in found))
    return ()


def inspect(
    settings: Settings,
    estate: Estate,
    admin_url: str,
    deployed: Texts,
    resolve: Resolve = resolve,
) -> Findings:
    """Yield a diagnostic for each address of an external component that it may not have, and a
    warning for each name without an address.

    `deployed`: the gateway's `host:port` for each Kong service, from the last run.
    """
    hosts = {}
    for component in estate.exposed:
        upstream = component.exposure.upstream
        for target in upstream.targets if upstream else ():
            hosts[target.host] = component.key
    if not hosts:
        return
    resolve = cache(resolve)
    near = _near(settings, estate, admin_url, deployed, resolve)
    for host, key in hosts.items():
        addresses = resolve(host)
        setting = f"kong-oam:{SETTING}.{key}: '{host}'"
        if not addresses:
            message = (
                f"{setting} does not resolve on this machine; check the name, or that the "
                "gateway's nodes resolve it"
            )
            yield Diagnostic("ENV417", message, severity="warning")
        reasons = [near.as_written(host)]
        for address in () if is_address(host) else addresses:
            reason = near.of_address(address)
            reasons.append(reason and f"resolves to {address}, which {reason}")
        for reason in [*filter(None, reasons)][:1]:
            yield Diagnostic("ENV416", f"{setting} {reason}")


def _near(
    settings: Settings,
    estate: Estate,
    admin_url: str,
    deployed: Texts,
    resolve: Resolve,
) -> Surroundings:
    """Return the gateway's surroundings: its Admin API, the workloads' addresses, and the nodes and
    pods of its clusters."""
    gateway = settings.gateway
    near = surroundings(
        admin_url,
        gateway.node_address,
        gateway.cidrs,
        in_cluster=gateway.namespace is not None,
    )
    hosts = dict(near.hosts)
    for component in estate.exposed:
        for backend in () if component.outside else component.backends:
            service = names.service(settings.stack.name, component, backend)
            host = deployed.get(service, "").rpartition(":")[0]
            hosts[host] = f"an address of '{component.key}'"
    hosts.pop("", None)
    for host, words in [*hosts.items()]:
        hosts |= dict.fromkeys(resolve(host), words)
    networks = dict(near.networks)
    for cluster in clusters_of(estate):
        networks |= _of_nodes(settings.cluster.context_of(cluster))
    return replace(near, hosts=hosts, networks=networks)


def _of_nodes(context: str | None) -> dict[Network, str]:
    """Return the addresses of a cluster's nodes, and the ranges of its pods, in words. Empty if
    they cannot be read."""
    networks: dict[Network, str] = {}
    with suppress(kubectl.KubectlError):
        for node, texts in kubectl.node_addresses(context).items():
            for text in texts:
                network = ip_network(text, strict=False)
                networks[network] = f"a node or a pod of the cluster ('{node}')"
    return networks
