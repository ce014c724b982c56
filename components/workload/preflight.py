"""Namespaces that are not there: found before anything is made, where a creation would be tried for a minute and fail.

It asks with `kubectl`, and says nothing where there is none, or where it may not look: then the run itself finds out.
"""

from __future__ import annotations

from access.model import Estate
from access.stack import Settings
from components.held import Held
from components.workload import kubectl
from oam.diagnostics import Diagnostic

_ACCOUNT = "kubernetes:core/v1:ServiceAccount"


def inspect(settings: Settings, estate: Estate, held: Held) -> tuple[Diagnostic, ...]:
    """A diagnostic for each namespace that is missing, at the first component that is to run there.

    One that the stack has something in is there.
    """
    if settings.cluster.create_namespaces:
        return ()
    inside = [one for one in estate.components.values() if not one.outside]
    known = {one.namespace for one in inside if (_ACCOUNT, f"{one.key}-account") in held}
    first = {one.namespace: one for one in reversed(inside) if one.namespace not in known}
    try:
        missing = kubectl.absent(settings.cluster.context, first)
    except kubectl.UnreadableError:
        return ()
    return tuple(
        Diagnostic(
            "ENV312",
            f"the cluster has no namespace '{namespace}': make it (`kubectl create namespace {namespace}`), or have "
            "runs do it (kong-oam:cluster.createNamespaces)",
            first[namespace].place,
        )
        for namespace in sorted(missing)
    )
