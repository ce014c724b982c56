"""The Service that an access trait names: its pods are made elsewhere, by a release or by an operator. Pure functions.

The gateway is led to a Service of ours that selects those pods by their labels, never to the named one: so the fence,
which goes by the same labels, holds whatever is reached, and where no pod has them nothing answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.document import Place
from kong_oam.oam.model import Component

ELSEWHERE: Final = (
    "name what a release or an operator makes in access.service, and as existingServiceName of the gateway trait"
)
"""What to do where a component exposes what it does not render."""
_SERVICE_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")

_OF_CONTROLLERS = (
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
)
_DOMAINS_OF_CONTROLLERS = ("istio.io", "k8s.io", "kubernetes.io", "linkerd.io", "oam.dev")
"""Labels that the cluster, a mesh or OAM adds to pods, whoever made them: not all are in a rendered template."""
_RECOMMENDED = "app.kubernetes.io"


@dataclass(frozen=True, slots=True)
class NamedService:
    """What `access.service` says: the Service `name` with its `port`, and the pods behind it by their `labels` and
    `target`, the port that they listen at. `ours` is what is made of it: the name of a Service and a NetworkPolicy.
    `https`: they speak it, with a certificate that names the Service `name`."""

    name: str
    port: int
    target: int
    labels: Mapping[str, str]
    ours: str
    place: Place = field(compare=False)
    https: bool = False


def named_service(component: Component) -> NamedService | None:
    """The Service that a component's access trait names; None where it names none."""
    access = component.trait("access")
    said = access.properties.get("service") if access else None
    if access is None or not said:
        return None
    port = int(said["port"])
    place = access.place.at("properties", "service")
    target = int(said.get("targetPort", port))
    ours, https = f"{component.name}-gateway", said.get("scheme") == "https"
    return NamedService(said["name"], port, target, said["podLabels"], ours, place, https)


def misnamed(component: Component, named: NamedService) -> Iterator[Diagnostic]:
    """Yields what no gateway could be led to."""
    for key in filter(_is_of_controllers, named.labels):
        message = f"pods of any component may get a label '{key}', and this would reach them; name labels of the chart"
        yield Diagnostic("ACC227", message, named.place.at("podLabels").key(key))
    if not _SERVICE_NAME.match(named.ours):
        message = f"'{named.ours}', which is made to reach it, cannot name a Service; give the component another name"
        yield Diagnostic("OAM103", message, component.place.at("name"))


def _is_of_controllers(key: str) -> bool:
    domain, slash, _ = key.partition("/")
    if not slash:
        return key in _OF_CONTROLLERS
    of_controllers = any(f".{domain}".endswith(f".{one}") for one in _DOMAINS_OF_CONTROLLERS)
    return of_controllers and domain != _RECOMMENDED
