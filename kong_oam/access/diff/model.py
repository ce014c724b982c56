"""The access model of a stack as a value: what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kong_oam.access.data import Texts
from kong_oam.access.diff.change import Facts
from kong_oam.access.model import Application, Component, Estate

EstateWithFacts = tuple[Estate, Facts]


@dataclass(frozen=True, slots=True)
class AccessModel:
    """An estate, with what else a comparison of access needs.

    `workloads`: per component that is a client or is exposed, what identifies its workload,
    whatever its name. `minutes`: per provider, how long its access tokens live. `facts`: settings
    and clients. `pods`: per component, by the name of a port, the pods behind it (access.pods).
    """

    estate: Estate
    workloads: Texts
    minutes: Mapping[str, int]
    facts: Facts
    pods: Mapping[str, Texts] = field(default_factory=dict)


def empty(model: AccessModel) -> AccessModel:
    """The model of the same stack before anything is deployed."""
    return replace(model, estate=Estate(model.estate.stack, ()), workloads={})


def application_of(component: Component) -> Application:
    """Wrap one component in an application: how components are grouped decides nothing."""
    return Application(component.application, "", {}, {}, (component,))
