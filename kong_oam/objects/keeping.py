"""Objects that the rules of their Application keep in another way: what is judged is what there is.
Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_oam.diagnostics import Findings
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.known_kinds import INGRESSES

_ASIDE = "take it out of the rules of that policy"
_ACCOUNT = ("", "ServiceAccount")
_SERVICE = ("", "Service")
_FREE = frozenset(
    {
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("", "Secret"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("policy", "PodDisruptionBudget"),
    }
)
"""Kinds of which it does not matter which version is there."""
_HARMLESS = re.compile(
    r"spec\.(paused|replicas|suspend)"
    r"|spec\.(jobTemplate\.spec\.)?(template\.spec\.)?(initContainers|containers)\[(\d+|\*)\]\.resources(\.\w+)*"
)
"""Fields, as Pulumi writes paths, that say how much runs, and not what."""


def keeping_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield why an object must be the stack's own, as it is written: what it lets in is decided by
    that."""
    kind = rendered.group_kind
    if kind in INGRESSES:
        return
    pods = bool(fenced_pods(rendered))
    code = {_ACCOUNT: "ACC217", _SERVICE: "ACC227"}.get(
        kind, "ACC226" if pods else "ACC224"
    )
    decides = pods or kind in (_ACCOUNT, _SERVICE)
    if decides and _is_of_others(component, rendered):
        policy = "read-only" if rendered.options.read else "shared-resource"
        message = (
            f"by a {policy} policy it is not made here alone, and nobody here knows what it "
            f"is; {_ASIDE}"
        )
        yield component.refused(code, rendered, message)
    for message in (*_taken_over(rendered), *_as_it_was(rendered)):
        yield component.refused(code, rendered, message)


def _is_of_others(component: JudgedComponent, rendered: RenderedObject) -> bool:
    """Tell whether others say, too, what an object is, and access goes by it."""
    matters = component.guarded or rendered.group_kind == _ACCOUNT
    return rendered.options.patch or (rendered.options.read and matters)


def _taken_over(rendered: RenderedObject) -> Iterator[str]:
    """Yield why an object that is there already must not be taken over."""
    if not rendered.options.take_over:
        return
    if rendered.group_kind == _ACCOUNT:
        yield (
            "by a take-over policy it is one that is there, with rights that nobody here "
            f"knows; {_ASIDE}"
        )
    elif rendered.options.ignore_changes:
        yield (
            "take-over has it be exactly as it is written, and apply-once has it stay as it is: so "
            "it could be anything; take it out of the rules of one of these policies"
        )


def _as_it_was(rendered: RenderedObject) -> Iterator[str]:
    """Yield the fields that stay as they were, and that decide something."""
    if rendered.group_kind in _FREE:
        return
    for path in rendered.options.ignore_changes:
        if not _HARMLESS.fullmatch(path):
            yield (
                f"by an apply-once policy {path} stays as it was, and this version alone is "
                "judged; name spec.replicas or the resources of containers, or take it out of the "
                "rules of that policy"
            )
