"""The diagnostic codes of findings in a cluster: ENV4xx, as for identity providers and Kong."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "ENV412": Code(
        "a namespace that the cluster lacks; needs `kubectl`",
        "create the namespace, or let runs create it; see the message",
    ),
    "ENV413": Code(
        "a range of `gateway.cidrs` that contains nodes or pods of the "
        "cluster, which could bypass the gateway; needs `kubectl` with the "
        "right to list nodes",
        "write the gateway's own addresses, or a subnet without other hosts",
    ),
    "ENV414": Code(
        "two contexts of the stack that lead to one cluster; needs `kubectl`",
        "name each cluster once: in `cluster.context`, or in "
        "`cluster.contexts`",
    ),
    "ENV415": Code(
        "pods of another component that have the `podLabels` of an access "
        "trait; needs `kubectl` with the right to list pods",
        "remove the labels from these pods, or write other `podLabels`",
    ),
    "ENV421": Code(
        "an object whose name exists in the cluster, from another stack or "
        "from outside any stack; needs `kubectl`",
        "use another name or namespace for one of the objects, or ask its "
        "owner to remove an unused object",
    ),
    "ENV422": Code(
        "an object in the cluster that has this stack's label but is not in "
        "its state; needs `kubectl`",
        "first check that the backend is right; then `python -m kong_oam "
        "recover -s STACK` prints how to remove it",
    ),
}
