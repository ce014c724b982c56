"""Check objects with Pulumi options: the checked version must be the deployed version. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_oam.diagnostics import Findings
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.known_kinds import INGRESSES

_REMOVE = "remove it from the rules of that policy"
_ACCOUNT = ("", "ServiceAccount")
_SERVICE = ("", "Service")
# Kinds of which any version is harmless.
_FREE = frozenset(
    {
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("", "Secret"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("policy", "PodDisruptionBudget"),
    }
)
# Fields, in Pulumi's path format, that only control how much runs.
_HARMLESS = re.compile(
    r"spec\.(paused|replicas|suspend)"
    r"|spec\.(jobTemplate\.spec\.)?(template\.spec\.)?"
    r"(initContainers|containers)\[(\d+|\*)\]\.resources(\.\w+)*"
)


def ownership_options_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield a finding if access depends on an object that others change, or that differs from its
    text."""
    kind = rendered.group_kind
    if kind in INGRESSES:
        return
    pods = bool(component_pods(rendered))
    code = {_ACCOUNT: "ACC217", _SERVICE: "ACC227"}.get(
        kind, "ACC226" if pods else "ACC224"
    )
    decides = pods or kind in (_ACCOUNT, _SERVICE)
    if decides and _is_of_others(component, rendered):
        policy = "read-only" if rendered.options.read else "shared-resource"
        message = (
            f"by a {policy} policy others change it too, so the checks here do "
            f"not see it; {_REMOVE}"
        )
        yield component.refused(code, rendered, message)
    for message in (*_taken_over(rendered), *_ignored_fields(rendered)):
        yield component.refused(code, rendered, message)


def _is_of_others(component: JudgedComponent, rendered: RenderedObject) -> bool:
    """Tell whether others change an object that access depends on."""
    matters = component.is_accessible or rendered.group_kind == _ACCOUNT
    return rendered.options.patch or (rendered.options.read and matters)


def _taken_over(rendered: RenderedObject) -> Iterator[str]:
    """Yield why an existing object must not be taken over."""
    if not rendered.options.take_over:
        return
    if rendered.group_kind == _ACCOUNT:
        yield (
            "a take-over policy would use an existing ServiceAccount with "
            f"unknown rights; {_REMOVE}"
        )
    elif rendered.options.ignore_changes:
        yield (
            "with both take-over and apply-once, its existing content would "
            "stay unchecked; remove it from the rules of one of them"
        )


def _ignored_fields(rendered: RenderedObject) -> Iterator[str]:
    """Yield a message for each ignored field that matters for access."""
    if rendered.group_kind in _FREE:
        return
    for path in rendered.options.ignore_changes:
        if not _HARMLESS.fullmatch(path):
            yield (
                f"by an apply-once policy {path} keeps old values, which are "
                "not checked; list only spec.replicas or resources of "
                "containers, or remove it from the rules"
            )
