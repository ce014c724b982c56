"""The diagnostic codes of rendered objects that would bypass access rules: ACC224 and up."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "ACC224": Code(
        "a Kubernetes object of a kind that is not deployed",
        "remove it; if the message says so, add the kind to `cluster.allow` "
        "in the stack's file",
    ),
    "ACC225": Code(
        "an object outside its Application's namespace",
        "remove the namespace, or add `<namespace>/Namespace` to "
        "`cluster.allow` in the stack's file",
    ),
    "ACC226": Code(
        "a pod that can bypass its NetworkPolicy or take over its node",
        "remove the part that the message names",
    ),
    "ACC227": Code(
        "a Service that others than the gateway can reach, or that selects "
        "pods of another component",
        "select only the component's own pods, inside the cluster; the stack "
        "sets how the gateway reaches it, and other open Services "
        "(`cluster.serviceTypes`)",
    ),
    "ACC228": Code(
        "metadata that another controller in the cluster or the engine may "
        "act on",
        "remove the field, label or annotation; if the message says so, add "
        "it to `cluster.metadata` in the stack's file",
    ),
    "ACC251": Code(
        "a role or binding that gives more than harmless rights",
        "remove the rights, or list them for the component in the stack's "
        "file: `cluster.rights`",
    ),
}
