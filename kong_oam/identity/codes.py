"""The codes of findings at identity providers, among the ENV4xx that Kong and Kubernetes share."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "ENV401": Code(
        "a role names a group that is missing or ambiguous at the identity provider",
        "create the group, or map it to an existing group: `identityProviders[].groups` in the "
        "stack's file",
    ),
    "ENV402": Code(
        "the stack's file lacks settings of a client at an existing identity provider",
        "write its id and the place of its secret: `identityProviders[].clients` in the stack's "
        "file",
    ),
    "ENV403": Code(
        "the identity provider has objects with our names that are missing in the state",
        "follow the message: adopt, remove or rename the object, or share the origin",
    ),
    "ENV404": Code(
        "an object to adopt has foreign parts, by which others could get tokens",
        "remove the parts at the provider first, or the whole object: adopting would keep the "
        "parts",
    ),
    "ENV407": Code(
        "the issuer of an identity provider differs from the deployed issuer",
        "restore the issuer, or write `movedFrom` beside it: `identityProviders[]` in the "
        "stack's file",
    ),
    "ENV408": Code(
        "one stack has two tenants of Entra, which sign with the same keys: Kong could not "
        "distinguish them",
        "give each tenant its own stack and its own workspace",
    ),
    "ENV409": Code(
        "a partner's client at Entra has no key, since Entra reads no published keys (warning)",
        "set its owner's certificate in the stack's file: `identityProviders[].certificates`",
    ),
    "ENV410": Code(
        "a certificate is for a component that is no partner at that identity provider",
        "correct `application/component` under `identityProviders[].certificates`, or remove it",
    ),
    "ENV411": Code(
        "roles name nearly as many groups as the identity provider allows, or more (warning)",
        "bind roles to fewer groups, or move Applications to a stack of their own",
    ),
}
