"""Small configurations of a Kong in use, and the estates that replace them."""

from __future__ import annotations

from typing import Any

import yaml

from kong_oam.access.methods import METHODS
from kong_oam.access.model import Estate, Stack
from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.requests import OldRequest
from tests.support.estates import PROVIDER, estate


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


def exposing(*endpoints: tuple[str, str]) -> Estate:
    """Return an estate with a component that is exposed at these hosts and paths."""
    traits = "".join(
        f"        - {{type: gateway, properties: {{name: g{number}, domain: '{host}', http: {{'{path}': 80}}}}}}\n"
        for number, (host, path) in enumerate(sorted(endpoints))
    )
    text = f"""\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: shop}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x, ports: [{{port: 80}}]}}
      traits:
{traits}"""
    return estate(text, stack=Stack("tests", {"main": PROVIDER}))


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
