"""The Service that an access trait names: its pods are made elsewhere, by a release or by an
operator. Pure functions.

The gateway is led to a Service of ours that selects those pods by their labels, never to the named
one: so the fence, which goes by the same labels, holds whatever is reached, and where no pod has
them nothing answers.
"""

from __future__ import annotations

import re
from typing import Final

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.model import ComponentSpec
from kong_oam.objects.selection import NamedService

ELSEWHERE: Final = (
    "name what a release or an operator makes in access.service, and as "
    "existingServiceName of the gateway trait"
)
"""What to do where a component exposes what it does not render."""
_SERVICE_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def named_service(component: ComponentSpec) -> NamedService | None:
    """Return the Service that a component's access trait names; None where it names none."""
    access = component.trait("access")
    said = access.properties.get("service") if access else None
    if access is None or not said:
        return None
    port = int(said["port"])
    position = access.position.at("properties", "service")
    target = int(said.get("targetPort", port))
    ours = f"{component.name}-gateway"
    https = said.get("scheme") == "https"
    return NamedService(
        said["name"], port, target, said["podLabels"], ours, position, https
    )


def is_service_name(name: str) -> bool:
    """Tell whether a Service can have the name: a letter first, then letters, digits and dashes, 63
    in all."""
    return bool(_SERVICE_NAME.match(name))


def misnamed(component: ComponentSpec, named: NamedService) -> Findings:
    """Yield what no gateway could be led to."""
    if not is_service_name(named.ours):
        message = (
            f"'{named.ours}', which is made to reach it, cannot name a Service; give the "
            "component another name"
        )
        yield Diagnostic("OAM103", message, component.position.at("name"))
