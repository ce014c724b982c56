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

CODES: dict[str, str] = {
    "OAM101": "the file cannot be read as YAML",
    "OAM102": "a field that this kind of object does not have",
    "OAM103": "a value of the wrong type, or outside what is allowed",
    "OAM104": "an unknown component or trait type",
    "OAM105": "a required field is missing",
    "OAM106": "a key or a name stands twice",
    "OAM107": "two objects would have the same Kubernetes name",
    "OAM108": "KubeVela has this, Kong-OAM does not deploy it",
    "OAM109": "a field without effect behind Kong-OAM (warning)",
    "OAM110": "a trait that this type of component cannot have",
    "ACC201": "a rule asks for a scope that the component does not declare",
    "ACC202": "a scope name is declared twice for one issuer, or is reserved by OpenID Connect",
    "ACC203": "a call to a component that does not exist or offers no scopes",
    "ACC204": "a call that no role of the called component grants",
    "ACC205": "two components own the same host and path",
    "ACC206": "a rule lies outside the paths of the component's gateway traits",
    "ACC207": "a role bundles a scope that the component does not declare",
    "ACC208": "a gateway trait has no domain and the stack has none to give",
    "ACC209": "an identity provider that the stack does not have",
    "ACC210": "a redirect that is not safe or not covered by a public rule, or a client that needs one and has none",
    "ACC211": "an access trait on a component that no gateway trait exposes",
    "ACC212": "two rules disagree about one path and method",
    "ACC213": "a path or host that could be read in more than one way",
    "ACC214": "a role is bound to a component that is not a client",
    "ACC215": "one host is given two certificates",
    "ACC216": "an application in the gateway's own namespace",
    "ACC217": "a component that reads another's client credential",
    "ACC218": "a gateway trait that leads to a port of gRPC",
    "ACC219": "a path below one of another application on the same host (warning)",
    "ACC220": "a kind of client that this type of component cannot be",
}
"""Every stable code with its one-line meaning; the README's troubleshooting table is checked against it."""


class Position(Protocol):
    """Where a finding is: `str` gives `file:line:column`, counted from 1; `excerpt` the source line and a caret."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    def excerpt(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `place` is None only where no file is at fault (an empty folder, say)."""

    code: str
    message: str
    place: Position | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        head = f"{where}{self.severity} {self.code}: {self.message}"
        return f"{head}\n{self.place.excerpt()}" if self.place else head


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
    """`; did you mean 'gateway'?`, or what is known when nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(names)}" if names else ""
