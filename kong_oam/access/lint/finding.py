"""The codes and findings of lint: a position, a remedy, and a change if the remedy is certain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from kong_oam.diagnostics import Code, Diagnostic
from kong_oam.oam import edit
from kong_oam.oam.position import SourcePosition


@dataclass(frozen=True, slots=True)
class Kind(Code):
    """A lint code: its title, its remedy, and whether a waiver can accept it."""

    waivable: bool = True


# The codes of lint, from LINT301. The schema of waivers is checked against them.
KINDS: Mapping[str, Kind] = {
    "LINT301": Kind(
        "a grant that no `calls` uses",
        "take the component out of the role, or have it call",
    ),
    "LINT302": Kind(
        "a role that no group and no component holds",
        "remove it, or say who holds it",
    ),
    "LINT303": Kind(
        "a scope that no rule asks for",
        "remove it, or ask for it in a rule; where the component itself looks at it, waive this",
    ),
    "LINT304": Kind(
        "a rule that never decides: another of the same path and method asks for less, or a longer "
        "path takes it all",
        "remove it",
    ),
    "LINT305": Kind(
        "a public rule that is wider than what it names",
        "list the methods and paths that the reason is about; only the owner knows which",
    ),
    "LINT306": Kind(
        "a public rule without an end date",
        "write `until`, the day by which somebody looks at it again; only the owner knows which",
    ),
    "LINT307": Kind(
        "a public rule past its end date (it is still open: the gate has no clock)",
        "close it, or write a later `until`; only the owner knows which",
        waivable=False,
    ),
    "LINT308": Kind(
        "components that nobody owns",
        "write `owner` in the access trait or, for all components of the application, in its "
        "annotations",
        waivable=False,
    ),
    "LINT309": Kind(
        "a waiver past its date: what it accepted is a finding again",
        "remove it and mend what it was for, or write a later `until`",
        waivable=False,
    ),
    "LINT310": Kind(
        "a waiver of what is not found", "remove it", waivable=False
    ),
    "LINT311": Kind(
        "a group that is named once, and nearly as another",
        "correct it; or list the groups that there are, under `knownGroups` of the stack's "
        "settings (without a stack: in groups.yaml)",
    ),
    "LINT312": Kind(
        "a role that lets nobody in: no client that signs users in asks for any of its scopes",
        "have such a client call for one of them, and name it in a role that grants it; or remove "
        "the role",
    ),
    "LINT313": Kind(
        "a client through which users of a role's groups get nothing, since only another role "
        "names the client",
        "name the client in the role that has the groups; then its users are let in through that "
        "client, by every rule that asks for a scope of the role",
    ),
}


def shown(text: str) -> str:
    """Return a text of an Application for a message: one line, printable, at most 80 characters."""
    printable = (c if c.isprintable() else " " for c in text)
    line = " ".join("".join(printable).split())
    return line if len(line) <= 80 else f"{line[:77]}..."


# Returns the changed file (`kong_oam.oam.edit`); None if the change is not certain.
Change = Callable[[], str | None]


def removal(position: SourcePosition) -> Change:
    """Return the change that removes the key or item at `position`."""
    return partial(edit.without, position)


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding in `component` (application/component). `change` is None if a person must decide."""

    code: str
    component: str
    message: str
    position: SourcePosition
    change: Change | None = None

    @property
    def diagnostic(self) -> Diagnostic:
        """The finding as a warning, without the change. Lint never stops a deployment."""
        return Diagnostic(self.code, self.message, self.position, "warning")

    @property
    def remedy(self) -> str:
        return KINDS[self.code].remedy

    def suggestion(self) -> str | None:
        """Return the change as a unified diff of the source file; None if no change is certain."""
        edited = self.change() if self.change else None
        if edited is None:
            return None
        return edit.unified(
            self.position.file, self.position.document.text, edited
        )


# The result of a lint rule.
LintFindings = Iterator[LintFinding]
