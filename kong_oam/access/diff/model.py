"""The access model of a stack as a value, for comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kong_oam.access.data import Texts
from kong_oam.access.diff.change import Facts
from kong_oam.access.model import Application, Component, Estate

EstateWithFacts = tuple[Estate, Facts]


@dataclass(frozen=True, slots=True)
class AccessModel:
    """An estate with everything else that a comparison of access needs.

    `workloads`: for each component that is a client or is exposed, its workload's identity without
    its name. `minutes`: for each provider, the lifetime of its access tokens. `facts`: settings of
    the stack and its clients. `pods`: for each component, by port name, the pods behind the port
    (access.pods).
    """

    estate: Estate
    workloads: Texts
    minutes: Mapping[str, int]
    facts: Facts
    pods: Mapping[str, Texts] = field(default_factory=dict)


def empty(model: AccessModel) -> AccessModel:
    """Return the model of the same stack before the first deployment."""
    return replace(model, estate=Estate(model.estate.stack, ()), workloads={})


def application_of(component: Component) -> Application:
    """Wrap one component in an application. The grouping of components does not affect access."""
    return Application(component.application, "", {}, {}, (component,))
