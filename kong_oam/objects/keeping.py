"""Objects that the rules of their Application keep in another way: what is judged is what there is.
Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.known_kinds import INGRESSES

_ASIDE = "take it out of the rules of that policy"
_ACCOUNT = ("", "ServiceAccount")
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
    component: JudgedComponent, one: RenderedObject
) -> Iterator[Diagnostic]:
    """Yields why an object must be the stack's own, as it is written: what it lets in is decided by
    that."""
    kind, options = one.group_kind, one.options
    if kind in INGRESSES or not (
        options.read or options.patch or options.take_over or options.ignore_changes
    ):
        return
    pods = bool(fenced_pods(one))
    code = {_ACCOUNT: "ACC217", ("", "Service"): "ACC227"}.get(
        kind, "ACC226" if pods else "ACC224"
    )
    if options.patch or (options.read and (component.guarded or kind == _ACCOUNT)):
        policy = "read-only" if options.read else "shared-resource"
        if pods or kind in (_ACCOUNT, ("", "Service")):
            message = (
                f"by a {policy} policy it is not made here alone, and nobody here knows what it "
                f"is; {_ASIDE}"
            )
            yield component.refused(code, one, message)
    if options.take_over and kind == _ACCOUNT:
        message = (
            "by a take-over policy it is one that is there, with rights that nobody here "
            f"knows; {_ASIDE}"
        )
        yield component.refused(code, one, message)
    elif options.take_over and options.ignore_changes:
        message = (
            "take-over has it be exactly as it is written, and apply-once has it stay as it is: so "
            "it could be anything; take it out of the rules of one of these policies"
        )
        yield component.refused(code, one, message)
    for path in options.ignore_changes if kind not in _FREE else ():
        if not _HARMLESS.fullmatch(path):
            message = (
                f"by an apply-once policy {path} stays as it was, and this version alone is "
                "judged; name spec.replicas or the resources of containers, or take it out of the "
                "rules of that policy"
            )
            yield component.refused(code, one, message)
