"""Check the labels with which an access trait selects pods of another owner. Pure functions.

Any pod can have a label, and a mesh or a cloud may add labels. So one label must name an object
that the component deploys, and that alone creates pods with the label: a release, or an operator's
object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kong_oam.diagnostics import Diagnostic, Findings, some
from kong_oam.oam.position import Texts
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent
from kong_oam.objects.controllers import (
    deploys_to,
    is_installed_here,
    release_name,
)
from kong_oam.objects.known_kinds import (
    RELEASES,
    is_unknown_kind,
    may_name_objects,
)
from kong_oam.objects.texts import (
    Sources,
    label_values,
    normalized,
    reading,
    texts_of_sources,
    with_inner_objects,
)

# The label with the release name on a chart's pods. Helm allows each release name once in a
# namespace.
INSTANCE = "app.kubernetes.io/instance"


@dataclass(frozen=True, slots=True)
class Mark:
    """The label with an object's name on its pods, in their namespace."""

    namespace: str
    key: str
    value: str

    def is_on(self, namespace: str, labels: Texts) -> bool:
        """Tell whether pods with these labels in that namespace belong to the object."""
        return (
            self.namespace == namespace and labels.get(self.key) == self.value
        )


def marks_of(
    component: JudgedComponent, operator_labels: Texts
) -> Iterator[Mark]:
    """Yield the labels that tie pods to the component's objects."""
    for rendered in component.objects:
        if rendered.options.read or rendered.options.patch:
            continue  # another owner deploys or changes it
        is_release = rendered.group_kind in RELEASES
        if is_release and not is_installed_here(rendered):
            continue
        for key in _keys(rendered, operator_labels, is_release=is_release):
            yield Mark(deploys_to(rendered), key, _name_on_pods(rendered))


def pod_labels_refused(
    components: Sequence[JudgedComponent],
    operator_labels: Texts,
    sources: Sources,
) -> Findings:
    """Yield findings about `podLabels` that pods of another owner may have."""
    keys = set[str]()
    for component in components:
        if component.named:
            keys.update(component.named.labels)
    others = _others_with(components, keys, sources) if keys else {}
    for component in components:
        named = component.named
        if named is None:
            continue
        position = named.position.at("podLabels")
        marks = list(dict.fromkeys(marks_of(component, operator_labels)))
        own = [
            mark
            for mark in marks
            if mark.is_on(component.namespace, named.labels)
        ]
        if not own:
            message = (
                f"podLabels may select pods that '{component.key}' does not "
                "deploy; "
            )
            yield Diagnostic(
                "ACC227", message + _advice(component, marks), position
            )
        for mark in own:
            if message := _shared(component, mark, others):
                yield Diagnostic("ACC227", message, position)


def _shared(
    component: JudgedComponent,
    mark: Mark,
    others: Mapping[Mark, Sequence[JudgedComponent]],
) -> str:
    """Return a message about other components whose pods may have a label, or an empty text."""
    by_name = others.get(replace(mark, key=""), ())
    sharing = {other.key: other for other in (*by_name, *others.get(mark, ()))}
    sharing.pop(component.key, None)
    if not sharing:
        return ""
    # Report one finding for each component with the label.
    first = next(iter(sharing.values()))
    more = f" and {len(sharing) - 1} more" if len(sharing) > 1 else ""
    return (
        f"podLabels may also select pods of '{first.key}' "
        f"({first.position}){more}: {mark.key}: {mark.value}; rename the "
        "release or the object of one of them"
    )


def _others_with(
    components: Iterable[JudgedComponent],
    keys: Collection[str],
    sources: Sources,
) -> dict[Mark, list[JudgedComponent]]:
    """Return the components whose pods may have a label: by an object's or release's name (empty
    key), and by labels in objects.

    An operator may label pods of several kinds, so every kind counts.
    """
    found = defaultdict(list)
    for component in components:
        for rendered in with_inner_objects(component.objects):
            for mark in dict.fromkeys(_possible_marks(rendered, keys, sources)):
                found[mark].append(component)
    return found


def _possible_marks(
    rendered: RenderedObject, keys: Collection[str], sources: Sources
) -> Iterator[Mark]:
    """Yield the labels that pods of an object may have. A release may be in each namespace that the
    object names."""
    here = deploys_to(rendered)
    if is_unknown_kind(rendered) or rendered.group_kind in RELEASES:
        yield Mark(here, "", _name_on_pods(rendered))
    if not may_name_objects(rendered):
        return
    texts = [*reading(rendered).texts]
    texts += [text for _, _, text in texts_of_sources(rendered, sources)]
    namespaces = {here}
    for text in texts:
        if text.of_namespace:
            namespaces.update(text.words)
    for text in texts:
        for key in keys:
            for value in label_values(text, key):
                yield Mark(here, key, value)
        if normalized(text.path[-1]) == "releasename" and not text.is_key:
            for namespace in namespaces:
                yield Mark(namespace, "", text.text)


def _name_on_pods(rendered: RenderedObject) -> str:
    return (
        release_name(rendered)
        if rendered.group_kind in RELEASES
        else rendered.name
    )


def _keys(
    rendered: RenderedObject, operator_labels: Texts, *, is_release: bool
) -> Iterator[str]:
    if is_release:
        yield INSTANCE
    group, kind = rendered.group_kind
    if label := operator_labels.get(f"{group}/{kind}"):
        yield label


def _advice(component: JudgedComponent, marks: Iterable[Mark]) -> str:
    here = [
        f"{mark.key}: {mark.value}"
        for mark in marks
        if mark.namespace == component.namespace
    ]
    if here:
        return f"add {some(here, ' or ')}"
    return (
        "deploy the release or the operator's object with this component, and "
        f"add the label with its name ({INSTANCE}, or the label in the stack's "
        "cluster.operatorLabels)"
    )
