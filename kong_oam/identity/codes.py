"""The codes of findings at identity providers, among the ENV4xx that Kong and Kubernetes share."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.diagnostics import Code

CODES: Mapping[str, Code] = {
    "ENV401": Code(
        "a role's group that the identity provider does not have, or has twice",
        "create it there, or map it to one that exists: `identityProviders[].groups` in the "
        "stack's file",
    ),
    "ENV402": Code(
        "a client that an identity provider has already, and that the stack does not name in full",
        "write its id and where its secret lies: `identityProviders[].clients` in the stack's file",
    ),
    "ENV403": Code(
        "the identity provider has something of a name of ours that the state does not know",
        "do as the message says: adopt it, remove it, have it renamed, or share an origin",
    ),
    "ENV404": Code(
        "something foreign in what is to be adopted: others could get tokens by it",
        "remove it at the provider first, or all that it is in: the stack's own resources would "
        "leave it there",
    ),
    "ENV407": Code(
        "an identity provider whose issuer is another than the one whose tokens count",
        "put the issuer back, or write `movedFrom` beside it: `identityProviders[]` in the stack's "
        "file",
    ),
    "ENV408": Code(
        "two tenants of Entra in one stack: they sign with the same keys, which Kong could not "
        "tell apart",
        "give each a stack of its own, with a workspace of its own",
    ),
    "ENV409": Code(
        "a partner's client at Entra, which reads no keys from an address (warning)",
        "name its owner's certificate in the stack's file: `identityProviders[].certificates`",
    ),
    "ENV410": Code(
        "a certificate of somebody who is no partner at that identity provider",
        "correct `application/component` under `identityProviders[].certificates`, or remove it",
    ),
    "ENV411": Code(
        "nearly as many groups as the identity provider takes, or more (warning)",
        "bind roles to fewer groups, or move Applications to a stack of their own",
    ),
}
