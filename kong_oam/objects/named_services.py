"""The Service in `access.service`: a release or an operator creates its pods. Pure functions.

The gateway calls a Service of ours that selects those pods by their labels, never the named
Service. The NetworkPolicy uses the same labels, so it controls every pod that the gateway reaches.
"""

from __future__ import annotations

import re

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.model import ComponentSpec
from kong_oam.objects.selection import NamedService

# The remedy for a component that exposes pods it does not render.
NAMED_SERVICE_HINT = (
    "write the Service of a release or an operator in access.service, and as "
    "existingServiceName of the gateway trait"
)
_SERVICE_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def named_service(component: ComponentSpec) -> NamedService | None:
    """Return the Service in a component's access trait, or None."""
    access = component.trait("access")
    service = access.properties.get("service") if access else None
    if access is None or not service:
        return None
    port = int(service["port"])
    position = access.position.at("properties", "service")
    target = int(service.get("targetPort", port))
    ours = f"{component.name}-gateway"
    https = service.get("scheme") == "https"
    return NamedService(
        service["name"],
        port,
        target,
        service["podLabels"],
        ours,
        position,
        https,
    )


def is_service_name(name: str) -> bool:
    """Tell whether a name is valid for a Service: a letter, then letters, digits and dashes; at
    most 63."""
    return bool(_SERVICE_NAME.match(name))


def name_findings(component: ComponentSpec, named: NamedService) -> Findings:
    """Yield a finding if the gateway's Service cannot have its name."""
    if not is_service_name(named.ours):
        message = (
            f"the gateway needs a Service '{named.ours}', which is no valid "
            "name; rename the component"
        )
        yield Diagnostic("OAM103", message, component.position.at("name"))
