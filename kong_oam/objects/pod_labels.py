"""The labels by which an access trait finds pods that somebody else makes. Pure functions.

Anybody can have pods with a label, and a mesh or a cloud puts labels on pods of its own accord. So some label has to
name an object that the component itself deploys, and that alone makes pods with it: a release, or an operator's object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent
from kong_oam.objects.controllers import RELEASES, deploys_to, release_name

INSTANCE = "app.kubernetes.io/instance"
"""The label with which charts name their release on its pods. Helm lets a namespace have one release of a name."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A label that the pods of one object have, with the object's name as its value, in the namespace of its pods."""

    namespace: str
    key: str
    value: str

    def is_on(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether pods with these labels in that namespace are those of the object."""
        return self.namespace == namespace and labels.get(self.key) == self.value


def marks_of(component: JudgedComponent, operator_labels: Mapping[str, str]) -> Iterator[Mark]:
    """Yields the labels that say which of the component's objects pods are made for."""
    for one in component.objects:
        if one.options.read or one.options.patch:
            continue  # somebody else deploys it, or has a part in it
        is_release = one.group_kind in RELEASES
        name = release_name(one) if is_release else one.name
        for key in _keys(one, operator_labels, is_release=is_release):
            yield Mark(deploys_to(one), key, name)


def pod_labels_refused(
    components: Sequence[JudgedComponent], operator_labels: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """Yields the `podLabels` that pods may have which their component does not deploy."""
    marks: dict[str, list[Mark]] = {}
    deployed_by: dict[Mark, list[JudgedComponent]] = {}
    for component in components:
        marks[component.key] = list(dict.fromkeys(marks_of(component, operator_labels)))
        for mark in marks[component.key]:
            deployed_by.setdefault(mark, []).append(component)
    for component in components:
        named = component.named
        if named is None:
            continue
        place = named.place.at("podLabels")
        own = [mark for mark in marks[component.key] if mark.is_on(component.namespace, named.labels)]
        if not own:
            message = f"podLabels may be those of pods that '{component.key}' does not deploy; "
            yield Diagnostic("ACC227", message + _advice(component, marks[component.key]), place)
        for mark in own:
            for other in deployed_by[mark]:
                if other is not component:
                    message = (
                        f"podLabels are those of pods that '{other.key}' ({other.place}) deploys, too: {mark.key}: "
                        f"{mark.value}; give the release or the object of one of them another name"
                    )
                    yield Diagnostic("ACC227", message, place)


def _keys(one: RenderedObject, operator_labels: Mapping[str, str], *, is_release: bool) -> Iterator[str]:
    if is_release:
        yield INSTANCE
    group, kind = one.group_kind
    if label := operator_labels.get(f"{group}/{kind}"):
        yield label


def _advice(component: JudgedComponent, marks: Iterable[Mark]) -> str:
    here = [f"{mark.key}: {mark.value}" for mark in marks if mark.namespace == component.namespace]
    if here:
        return f"write {' or '.join(here)} among them"
    return (
        "deploy the release or the operator's object with this component, and write the label that names it on its "
        f"pods ({INSTANCE}, or that of its kind in the stack's cluster.operatorLabels)"
    )
