"""The diagnostic codes about access in Applications, from ACC201."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "ACC201": Code(
        "a rule asks for a scope that the component does not declare",
        "declare it under `scopes` of the same access trait, or correct the rule",
    ),
    "ACC202": Code(
        "a scope name is declared twice for one issuer, or is reserved by OpenID Connect",
        "rename one; a prefix such as `orders.` keeps the names of components apart",
    ),
    "ACC203": Code(
        "a call to a component that does not exist or offers no scopes",
        "correct `application/component`; what is called needs an access trait with scopes",
    ),
    "ACC204": Code(
        "a call that no role of the called component grants",
        "have the called component's owner add the caller to a role, or ask for less in `calls`",
    ),
    "ACC205": Code(
        "two components own the same host and path",
        "give one of the two another path or host",
    ),
    "ACC206": Code(
        "a rule lies outside the paths of the component's gateway traits, or of its Ingresses",
        "write a path below one of the gateway trait's, or expose it there",
    ),
    "ACC207": Code(
        "a role bundles a scope that the component does not declare",
        "declare it under `scopes`, or correct the role",
    ),
    "ACC208": Code(
        "a gateway trait, or a rule of an Ingress, has no domain and the stack has none to give",
        "write `domain` in the trait or `host` in the rule, or set `domains.default` in the "
        "stack's file",
    ),
    "ACC209": Code(
        "an identity provider that the stack does not have",
        "name one of the stack's `identityProviders`, or add it there",
    ),
    "ACC210": Code(
        "a redirect that is not safe or not covered by a public rule, or a client that needs one "
        "and has none",
        "write `redirectPaths`, and a public rule that covers each; a native application redirects "
        "to its device",
    ),
    "ACC211": Code(
        "an access trait on a component that nothing exposes, or a gateway trait that exposes "
        "nothing",
        "add a gateway trait, or remove the access trait",
    ),
    "ACC212": Code(
        "two rules disagree about one path and method",
        "keep one of the two, or list other methods",
    ),
    "ACC213": Code(
        "a path or host that could be read in more than one way",
        "write it in its plain form: no `//`, `.`, `..`, percent-encoding or capitals in hosts",
    ),
    "ACC214": Code(
        "a role is bound to a component that is not a client",
        "give it a client trait, or correct `application/component`",
    ),
    "ACC215": Code(
        "one host is given two certificates",
        "name one `secretName` for the host wherever it stands",
    ),
    "ACC216": Code(
        "an application in the gateway's own namespace",
        "move the application to a namespace of its own",
    ),
    "ACC217": Code(
        "a component that reads another's client credential, or runs as its ServiceAccount",
        "give the component a client trait of its own; its ServiceAccount it has already",
    ),
    "ACC218": Code(
        "a gateway trait, or an Ingress, that leads to a port of gRPC",
        "expose the HTTP port, or reach the gRPC one inside the cluster",
    ),
    "ACC219": Code(
        "a path below one of another application on the same host, or a host below its wildcard "
        "(warning)",
        "agree on it with the other owner, or take a host of your own",
    ),
    "ACC220": Code(
        "a kind of client that this type of component cannot be",
        "choose a kind for the component's type, or change the type",
    ),
    "ACC221": Code(
        "a path too deep, or a wildcard host too long, for the order of a gateway's routes",
        "shorten it, or expose the component on an exact host",
    ),
    "ACC222": Code(
        "a role for a group that is not among those that there are",
        "correct the group's name, or add it to `knownGroups` of the stack's settings "
        "(without a stack: to groups.yaml)",
    ),
    "ACC223": Code(
        "a gateway trait, or an Ingress, that leads to a port or to pods that the component does "
        "not have",
        "write one of the component's `ports` (its `containerPort`, where that differs), or add "
        "the port there; a Service selects the component's own pods",
    ),
    "ACC229": Code(
        "a component with routes that is in further clusters alone, where the gateway does not "
        "reach it",
        "deploy it to `local`, too, or have the stack's gateway reach load balancers from "
        "addresses of its own",
    ),
    "ACC230": Code(
        "a client in several places, or in a further cluster, whose identity provider knows it by "
        "a ServiceAccount of the stack's own (`clusterIssuer`)",
        "deploy it once, to `local`",
    ),
    "ACC231": Code(
        "a trait that says what the gateway does before a component to which nothing leads through "
        "the gateway",
        "add a gateway trait that exposes the component, or take the trait out",
    ),
    "ACC249": Code(
        "an Application whose namespace is in no partition of the estate",
        "name the namespace under `kong-oam:partitions` in the estate's stack file, or `*` for all "
        "that no other has",
    ),
    "ACC250": Code(
        "a host that Applications in two partitions share, or a wildcard of the one above a host "
        "of the other",
        "take another host, or have both namespaces in one partition",
    ),
}
