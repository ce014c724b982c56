"""The TLS certificates of an estate and their hosts."""

from __future__ import annotations

from collections import defaultdict

from kong_oam.access.data import Names
from kong_oam.access.model import Estate
from kong_oam.objects.component import NamespacedName


def hosts_by_certificate(
    estate: Estate,
) -> dict[NamespacedName, Names]:
    """Return the sorted hosts of each certificate, by place and name.

    A place is `shop`, or `west/shop` in a further cluster. A stack with plain http has no
    certificates.
    """
    if estate.stack.scheme == "http":
        return {}
    certificates = defaultdict(set)
    for component in estate.offering:
        for endpoint in component.exposure.endpoints:
            if endpoint.certificate:
                key = component.at, endpoint.certificate
                certificates[key].add(endpoint.host)
    return {
        key: tuple(sorted(hosts)) for key, hosts in sorted(certificates.items())
    }
