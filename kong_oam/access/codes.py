"""The diagnostic codes about access in Applications, from ACC201."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "ACC201": Code(
        "a rule asks for a scope that the component does not declare",
        "declare the scope under `scopes` of the same access trait, or correct the rule",
    ),
    "ACC202": Code(
        "a scope name is declared twice for one issuer, or is reserved by OpenID Connect",
        "rename the scope; a prefix such as `orders.` keeps the names of components apart",
    ),
    "ACC203": Code(
        "a call to a component that does not exist or offers no scopes",
        "correct `application/component`; the called component needs an access trait with scopes",
    ),
    "ACC204": Code(
        "a call that no role of the called component grants",
        "ask the called component's owner for a role with only this, or ask for less in `calls`",
    ),
    "ACC205": Code(
        "two components own the same host and path",
        "give one of them another path or host",
    ),
    "ACC206": Code(
        "a rule lies outside the paths of the component's gateway traits, or of its Ingresses",
        "write a path below a path of the gateway trait, or add the path there",
    ),
    "ACC207": Code(
        "a role has a scope that the component does not declare",
        "declare the scope under `scopes`, or correct the role",
    ),
    "ACC208": Code(
        "a gateway trait, or a rule of an Ingress, has no domain, and the stack has no default",
        "write `domain` in the trait or `host` in the rule, or set `domains.default` in the "
        "stack's file",
    ),
    "ACC209": Code(
        "an identity provider that the stack does not have",
        "name one of the stack's `identityProviders`, or add the provider there",
    ),
    "ACC210": Code(
        "a redirect that is not safe or not covered by a public rule, or a client without a "
        "redirect that it needs",
        "write `redirectPaths`, and a public rule that covers each path; a native application "
        "redirects to its device",
    ),
    "ACC211": Code(
        "an access trait on a component that nothing exposes, or a gateway trait that exposes "
        "nothing",
        "add a gateway trait, or remove the access trait; `internal` and `service` need no gateway "
        "trait",
    ),
    "ACC212": Code(
        "two rules disagree about one path and method",
        "take the method out of the public rule, or narrow its paths",
    ),
    "ACC213": Code(
        "a path or host that could be read in more than one way",
        "write the plain form: no `//`, `.`, `..`, percent-encoding or capitals in hosts",
    ),
    "ACC214": Code(
        "a role is bound to a component that is not a client",
        "give the component a client trait, or correct `application/component`; remove deleted "
        "components from the role",
    ),
    "ACC215": Code(
        "one host has two certificates",
        "name the same `secretName` for the host in all traits",
    ),
    "ACC216": Code(
        "an application in the gateway's own namespace, or pods in the namespace of a peer",
        "move the application to another namespace",
    ),
    "ACC217": Code(
        "a component that reads another component's credential, or runs as its ServiceAccount",
        "give the component its own client trait; it already has its own ServiceAccount",
    ),
    "ACC218": Code(
        "a gateway trait, or an Ingress, that leads to a gRPC port",
        "expose the HTTP port, or call the gRPC port inside the cluster",
    ),
    "ACC219": Code(
        "a path below another application's path on the same host, or a host below its wildcard "
        "(warning)",
        "agree with the other owner, or use another host",
    ),
    "ACC220": Code(
        "a kind of client that does not fit the component's type",
        "choose a kind for the component's type, or change the type",
    ),
    "ACC221": Code(
        "a path too deep, or a wildcard host too long, for the order of a gateway's routes",
        "shorten the path or host, or expose the component on an exact host",
    ),
    "ACC222": Code(
        "a role for an unknown group",
        "correct the role, or `knownGroups` in the stack's settings (without a stack: "
        "groups.yaml), whichever differs from the identity provider",
    ),
    "ACC223": Code(
        "a gateway trait, or an Ingress, that leads to a port or to pods that the component does "
        "not have",
        "write one of the component's `ports` (or its different `containerPort`), or add the port "
        "there; a Service selects the component's own pods",
    ),
    "ACC229": Code(
        "a component with routes only in further clusters, where the gateway does not reach it",
        "deploy it to `local`, too, or set `gateway.reach: loadBalancer` and `gateway.cidrs` in "
        "the stack's settings",
    ),
    "ACC230": Code(
        "a client in several places, or in a further cluster, at an identity provider that knows "
        "it by one ServiceAccount (`clusterIssuer`)",
        "deploy it once, to `local`",
    ),
    "ACC231": Code(
        "a trait for the gateway, on a component that the gateway does not expose",
        "add a gateway trait that exposes the component, or remove this trait",
    ),
    "ACC249": Code(
        "an Application whose namespace is in no partition of the estate",
        "add the namespace under `kong-oam:partitions` in the estate's stack file, or use `*` for "
        "all other namespaces",
    ),
    "ACC250": Code(
        "a host that Applications in two partitions share, or a host below a wildcard of another "
        "partition",
        "use another host, or put both namespaces into one partition",
    ),
    "ACC252": Code(
        "an `internal` entry whose caller is missing, has no pods, or runs in no cluster of the "
        "component",
        "correct `application/component`, or remove the caller; a caller outside the cluster "
        "calls through the gateway",
    ),
    "ACC253": Code(
        "an `internal` port that a route leads to; callers could forge the gate's headers there",
        "let the callers use the gateway, or name another port",
    ),
    "ACC254": Code(
        "an `internal` port that no container of the component lists",
        "write the pods' port, not the Service's, and list it in the container's ports",
    ),
    "ACC255": Code(
        "a peer that the stack does not have",
        "add its namespace and podLabels under `cluster.peers` in the stack's file",
    ),
    "ACC256": Code(
        "a port that changes between a route and `internal` in one run",
        "first remove the former and run `pulumi up`, then add the latter",
    ),
    "ACC265": Code(
        "a path in `forward` that the component does not expose",
        "write a path at or below a path of the gateway trait, or add the path there",
    ),
    "ACC266": Code(
        "a refusal that refuses nothing of its rule's paths, or everything",
        "write a path below a path of the rule; to refuse a whole path, remove it from the rule",
    ),
    "ACC267": Code(
        "two paths in `forward` that some servers read as one path",
        "keep one of the paths",
    ),
    "ACC270": Code(
        "an external component with routes to two ports",
        "write one port in all its gateway traits, or one component for each port",
    ),
    "ACC271": Code(
        "an external component with a route and without an address, or an address without such a "
        "component",
        "write its host under `gateway.upstreams` in the stack's settings, or remove the entry",
    ),
    "ACC272": Code(
        "an address of an external component that leads to another component or to the gateway",
        "write the backend's own host under `gateway.upstreams` in the stack's settings",
    ),
    "ACC273": Code(
        "a workload on a stack that does not say where its gateway is",
        "set `gateway.namespace` and `gateway.podLabels`, or `gateway.cidrs`",
    ),
    "ACC280": Code(
        "the called component does not accept the old credential",
        "ask its owner for `acceptBefore` with the same `by`, or use a token",
    ),
    "ACC281": Code(
        "no called component accepts the old credential (warning)",
        "remove `before`, or ask for `acceptBefore` with the same `by`",
    ),
    "ACC282": Code(
        "an old credential whose last day is over by the stack's `asOf`",
        "remove `before` or `acceptBefore`; only tokens count now",
    ),
    "ACC283": Code(
        "two clients with one old credential",
        "give each client a separate consumer",
    ),
    "ACC284": Code(
        "an old credential of a client that signs users in",
        "remove `before`: users need tokens",
    ),
    "ACC285": Code(
        "a place of a key that the gateway cannot use, or of a password",
        "choose a separate header, such as `apikey`; a password has no `names` and no `in`",
    ),
    "ACC290": Code(
        "an MCP endpoint that nobody may connect to",
        "add a rule of the same path with `methods: [POST, GET, DELETE]`; it is for everything "
        "that names no tool",
    ),
    "ACC291": Code(
        "a tool with callers that may not connect to its endpoint",
        "give these callers a scope of a rule of the path that lists POST",
    ),
    "ACC292": Code(
        "`forwardToken` at a component whose rules name tools; the specification forbids it",
        "remove `forwardToken`; the workload gets its caller in the gate's headers",
    ),
    "ACC293": Code(
        "tools at a path that belongs to another component on the host",
        "use another path or host for the MCP server, or remove the rules with tools",
    ),
}
