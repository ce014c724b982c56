"""Which TLS certificates an estate needs, and for which hosts."""

from __future__ import annotations

from kong_oam.access.model import Estate


def hosts_by_certificate(estate: Estate) -> dict[tuple[str, str], tuple[str, ...]]:
    """(namespace, name) of each certificate to the hosts that it is shown for, sorted. None where all is plain http."""
    if estate.stack.scheme == "http":
        return {}
    found: dict[tuple[str, str], set[str]] = {}
    for component in estate.exposed:
        for endpoint in component.endpoints:
            if endpoint.certificate:
                found.setdefault((component.namespace, endpoint.certificate), set()).add(endpoint.host)
    return {key: tuple(sorted(hosts)) for key, hosts in sorted(found.items())}
