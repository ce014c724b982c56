"""The codes of what a run finds in a cluster, of the ENV4xx that identity providers and Kong
share."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.diagnostics import Code

CODES: Mapping[str, Code] = {
    "ENV412": Code(
        "a namespace that the cluster does not have; found where `kubectl` is at hand",
        "do as the message says: make it, or have runs make it",
    ),
    "ENV413": Code(
        "a range of `gateway.cidrs` that holds nodes or pods of the cluster, which would get past "
        "the gateway; found where `kubectl` may list nodes",
        "name the gateway's own addresses, or a subnet in which nothing else is",
    ),
    "ENV414": Code(
        "two contexts of the stack that lead to one cluster; found where `kubectl` is at hand",
        "name each cluster once: in `cluster.context`, or in `cluster.contexts`",
    ),
    "ENV415": Code(
        "pods of another component that have the `podLabels` of an access trait; found where "
        "`kubectl` may list pods",
        "take the labels off these pods, or write `podLabels` that they do not have",
    ),
    "ENV421": Code(
        "an object whose name another stack, or somebody outside any stack, has in the cluster; "
        "found where `kubectl` is at hand",
        "take another name or namespace in one of the two; have an object that nobody needs "
        "removed by whoever made it",
    ),
    "ENV422": Code(
        "an object in the cluster has this stack's label, and its state does not know it; found "
        "where `kubectl` is at hand",
        "look first whether this is the right backend; `python -m kong_oam recover -s STACK` "
        "prints what removes it",
    ),
}
