"""Small configurations of a Kong in use, and the estates that replace them."""

from __future__ import annotations

from typing import Any

import yaml

from kong_oam.access.methods import METHODS
from kong_oam.access.model import Estate
from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.requests import OldRequest


def old_kong(services: dict[str, Any], **more: Any) -> OldKong:
    """Return a Kong with these services (name: routes by name) and further lists of entities.

    The entry `plugins` of a service has its plugins.
    """
    listed = []
    for name, entries in services.items():
        routes = dict(entries)
        plugins = routes.pop("plugins", [])
        listed.append(
            {
                "name": name,
                "host": f"{name}.internal",
                "plugins": plugins,
                "routes": [
                    {"name": route, **fields}
                    for route, fields in routes.items()
                ],
            }
        )
    data = {"_format_version": "3.0", "services": listed, **more}
    old, findings = read_deck([("kong.yaml", yaml.safe_dump(data).encode())])
    assert old is not None, findings
    return old


def is_ours(made: Estate, request: OldRequest) -> bool:
    """Return whether an endpoint of the estate matches, by its own reading of elements."""
    if request.method not in METHODS or request.host is None:
        return False
    elements = [element for element in request.path.split("/") if element]
    for component in made.exposed:
        for endpoint in component.exposure.endpoints:
            suffix = endpoint.host.removeprefix("*")
            is_host = request.host == endpoint.host or (
                suffix != endpoint.host and request.host.endswith(suffix)
            )
            if is_host and elements[: len(endpoint.path)] == [*endpoint.path]:
                return True
    return False
