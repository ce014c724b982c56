"""The access model of a stack as a value, for comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kong_oam.access.data import Texts
from kong_oam.access.diff.change import Facts, Subject
from kong_oam.access.model import Application, Component, Estate


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
    estate = Estate(model.estate.stack, ())
    return replace(model, estate=estate, workloads={}, facts={})


def changed_facts(
    old: AccessModel, new: AccessModel, name: str, missing: Any
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the components whose fact `name` changed, with both values. A component without it has
    the value `missing`. Components that another stack deploys are left out: it compares them."""
    for subject in sorted({*old.facts, *new.facts}):
        was = _fact(old, subject, name, missing)
        now = _fact(new, subject, name, missing)
        if was is not None and now is not None and was != now:
            yield subject.component, was, now


def _fact(model: AccessModel, subject: Subject, name: str, missing: Any) -> Any:
    """Return a fact of a component; None if another stack deploys the component."""
    estate = model.estate
    component = estate.components.get(subject.component)
    if component and component.key not in estate.own:
        return None
    if subject in model.facts or component is None:
        return model.facts.get(subject, {}).get(name, missing)
    # An exported model has no facts of components in other stacks.
    is_foreign = component.exposure.endpoints or component.identity.clients
    return None if is_foreign else missing


def application_of(component: Component) -> Application:
    """Wrap one component in an application. The grouping of components does not affect access."""
    return Application(component.application, "", {}, {}, (component,))
