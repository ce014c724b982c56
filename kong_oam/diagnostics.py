"""Diagnostics: what is wrong, where, and what to do about it.

One type for every finding of the project, so that the command, the program and later SARIF print the same thing:

    applications/orders.yaml:14:9: error OAM104: unknown trait type 'gatway'; did you mean 'gateway'?
       14 |       - type: gatway
          |         ^
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Code:
    """What a stable code means in one line, and what to do about it."""

    title: str
    remedy: str


CODES: dict[str, Code] = {
    "OAM101": Code(
        "the file cannot be read as YAML",
        "save the file as UTF-8 YAML without tags, merge keys and tabs; at most 1 MB, 1,000 documents, 50,000 values, "
        "1,000 entries a mapping or list",
    ),
    "OAM102": Code(
        "a field that this kind of object does not have",
        "remove it, or correct its name; the message suggests one",
    ),
    "OAM103": Code("a value of the wrong type, or outside what is allowed", "write what the message asks for"),
    "OAM104": Code(
        "an unknown component or trait type",
        "correct the name; a new trait needs a definition (README, Adding a trait)",
    ),
    "OAM105": Code("a required field is missing", "write the field"),
    "OAM106": Code("a key or a name stands twice", "remove or rename one of the two"),
    "OAM107": Code(
        "two objects would have the same Kubernetes name",
        "rename one component, or give the applications namespaces of their own",
    ),
    "OAM108": Code(
        "KubeVela has this, Kong-OAM does not deploy it",
        "take it out, and do what it did in the Application itself, or in the stack's settings",
    ),
    "OAM109": Code(
        "a field without effect behind Kong-OAM (warning)",
        "remove it",
    ),
    "OAM110": Code(
        "a trait that this type of component cannot have",
        "move the trait to a component of a type that can have it, or change the type",
    ),
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
    "ACC205": Code("two components own the same host and path", "give one of the two another path or host"),
    "ACC206": Code(
        "a rule lies outside the paths of the component's gateway traits",
        "write a path below one of the gateway trait's, or expose it there",
    ),
    "ACC207": Code(
        "a role bundles a scope that the component does not declare",
        "declare it under `scopes`, or correct the role",
    ),
    "ACC208": Code(
        "a gateway trait has no domain and the stack has none to give",
        "write `domain` in the trait, or set `domains.default` in the stack's file",
    ),
    "ACC209": Code(
        "an identity provider that the stack does not have",
        "name one of the stack's `identityProviders`, or add it there",
    ),
    "ACC210": Code(
        "a redirect that is not safe or not covered by a public rule, or a client that needs one and has none",
        "write `redirectPaths`, and a public rule that covers each; a native application redirects to its device",
    ),
    "ACC211": Code(
        "an access trait on a component that no gateway trait exposes",
        "add a gateway trait, or remove the access trait",
    ),
    "ACC212": Code("two rules disagree about one path and method", "keep one of the two, or list other methods"),
    "ACC213": Code(
        "a path or host that could be read in more than one way",
        "write it in its plain form: no `//`, `.`, `..`, percent-encoding or capitals in hosts",
    ),
    "ACC214": Code(
        "a role is bound to a component that is not a client",
        "give it a client trait, or correct `application/component`",
    ),
    "ACC215": Code("one host is given two certificates", "name one `secretName` for the host wherever it stands"),
    "ACC216": Code("an application in the gateway's own namespace", "move the application to a namespace of its own"),
    "ACC217": Code(
        "a component that reads another's client credential",
        "give the component a client trait of its own",
    ),
    "ACC218": Code(
        "a gateway trait that leads to a port of gRPC",
        "expose the HTTP port, or reach the gRPC one inside the cluster",
    ),
    "ACC219": Code(
        "a path below one of another application on the same host (warning)",
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
    "ENV301": Code(
        "a role's group that the identity provider does not have, or has twice",
        "create it there, or map it to one that exists: `identityProviders[].groups` in the stack's file",
    ),
    "ENV302": Code(
        "a client that an identity provider has already, and that the stack does not name in full",
        "write its id and where its secret lies: `identityProviders[].clients` in the stack's file",
    ),
    "ENV303": Code(
        "the identity provider has something of a name of ours that the state does not know",
        "do as the message says: adopt it with its command, have it renamed, or share an origin; one of these",
    ),
    "ENV304": Code(
        "something foreign in what is to be adopted: others could get tokens by it",
        "remove it at the provider first, or all that it is in: the stack's own resources would leave it there",
    ),
    "ENV305": Code(
        "a name that is needed in Kong, or a certificate's host, is somebody else's",
        "have it renamed or removed by whoever made it: what this stack did not make is never touched",
    ),
    "ENV306": Code(
        "something in Kong has this stack's tags, and its state does not know it",
        "`python -m kong_oam.recover` lists and removes it; look first whether this is the right backend",
    ),
    "ENV307": Code(
        "an identity provider whose issuer is another than the one whose tokens count",
        "put the issuer back, or write `movedFrom` beside it: `identityProviders[]` in the stack's file",
    ),
    "ENV308": Code(
        "two tenants of Entra in one stack: they sign with the same keys, which Kong could not tell apart",
        "give each a stack of its own, with a workspace of its own",
    ),
    "ENV309": Code(
        "a partner's client at Entra, which reads no keys from an address (warning)",
        "name its owner's certificate in the stack's file: `identityProviders[].certificates`",
    ),
    "ENV310": Code(
        "a certificate of somebody who is no partner at that identity provider",
        "correct `application/component` under `identityProviders[].certificates`, or remove it",
    ),
    "ENV311": Code(
        "more than the identity provider takes, or nearly as much (warning)",
        "do as the message says: shorten a name, have a client call less, or bind roles to fewer groups",
    ),
    "ENV312": Code(
        "a namespace that the cluster does not have; found where `kubectl` is at hand",
        "do as the message says: make it, or have runs make it",
    ),
    "ENV313": Code(
        "a range of `gateway.cidrs` that holds nodes or pods of the cluster, which would get past the gateway; found "
        "where `kubectl` may list nodes",
        "name the gateway's own addresses, or a subnet in which nothing else is",
    ),
}
"""Every stable code: OAM of reading, ACC of access, ENV of what a run finds at the products. The README has all."""


class Position(Protocol):
    """Where a finding is: `str` gives `file:line:column`, counted from 1; `excerpt` the source line and a caret."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    def excerpt(self) -> str: ...


_LISTED = 12
"""How many names are listed where a word is near none of them."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `place` is None only where no file is at fault (an empty folder, say). `details` are lines below."""

    code: str
    message: str
    place: Position | None = None
    severity: Literal["error", "warning"] = "error"
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        head = f"{where}{self.severity} {self.code}: {self.message}"
        lines = [printable(line) for line in (head, *self.details)]
        return "\n".join([*lines, self.place.excerpt()] if self.place else lines)


def printable(text: str) -> str:
    """On one line, and without what could steer a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def errors(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Those that stop a deployment."""
    return tuple(d for d in diagnostics if d.severity == "error")


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By file and line, each once: the same input always prints the same text."""

    def position(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
        place = diagnostic.place
        where = (place.file, place.line, place.column) if place else ("", 0, 0)
        return (*where, diagnostic.code, diagnostic.message)

    return tuple(sorted(dict.fromkeys(diagnostics), key=position))


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'gateway'?`, or what is known when nothing is near: the first names, where there are many."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"; known: {', '.join(names[:_LISTED])}{more}" if names else ""


def nearest(word: str, known: Iterable[str], count: int = 3) -> str:
    """`; did you mean 'Sales' or 'Sales EU'?` of names that nobody wants to see all; capitals are no difference."""
    by_folded = {name.casefold(): name for name in known}
    near = [by_folded[name] for name in difflib.get_close_matches(word.casefold(), by_folded, n=count, cutoff=0.6)]
    return f"; did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
