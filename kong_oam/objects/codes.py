"""The diagnostic codes of what rendered objects would open: ACC224 and on."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.diagnostics import Code

CODES: Mapping[str, Code] = {
    "ACC224": Code(
        "a Kubernetes object of a kind that is not deployed",
        "take it out; where the message says so, have the stack's file name the kind under "
        "`cluster.allow`",
    ),
    "ACC225": Code(
        "an object in another namespace than its Application's",
        "take the namespace out, or have the stack's file name `<namespace>/Namespace` under "
        "`cluster.allow`",
    ),
    "ACC226": Code(
        "a pod that its NetworkPolicy would not hold, or that could take over its node",
        "take out what the message names",
    ),
    "ACC227": Code(
        "a Service that is open to others than the gateway, or leads to others than its "
        "component's pods",
        "have it select the component's own pods, inside the cluster; the stack says how the "
        "gateway reaches it and what else may answer outside (`cluster.serviceTypes`)",
    ),
    "ACC228": Code(
        "metadata of an object that something else in the cluster may obey, or the engine",
        "take the field, label or annotation out; where the message says so, have the stack's file "
        "say that it opens nothing: `cluster.metadata`",
    ),
    "ACC251": Code(
        "a role, or a binding of one, that gives more than harmless rights",
        "take the rights out, or have the stack's file list them for the component: "
        "`cluster.rights`",
    ),
}
