"""The codes and findings of lint: a position, a remedy, and a change if the remedy is certain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from kong_oam.diagnostics import Code, Diagnostic
from kong_oam.oam import edit
from kong_oam.oam.position import SourcePosition


@dataclass(frozen=True, slots=True)
class Kind(Code):
    """A lint code: its title, its remedy, and whether a waiver can accept it.

    `recorded`: only `audit unused` finds it, because it needs records of requests. `neutral`: its
    change affects no access, because it removes what no decision uses. `grants`: its change gives
    access.
    """

    waivable: bool = True
    recorded: bool = False
    neutral: bool = False
    grants: bool = False


# The codes of lint, from LINT301. The schema of waivers is checked against them.
KINDS = {
    "LINT301": Kind(
        "a grant that no `calls` uses",
        "remove the component from the role, unless its calls are still to come",
        neutral=True,
    ),
    "LINT302": Kind(
        "a role that no group and no component holds",
        "remove the role, unless its groups or components are still to come",
        neutral=True,
    ),
    "LINT303": Kind(
        "a scope that no rule asks for",
        "remove the scope, or ask for it in a rule; waive this if the component itself checks it",
        neutral=True,
    ),
    "LINT304": Kind(
        "a rule that never decides: another rule of its path and method asks for less, or a longer "
        "path gets all its requests",
        "remove the rule",
        neutral=True,
    ),
    "LINT305": Kind(
        "a public rule without methods, or without a specific path",
        "list the methods and paths that the reason is about; only the owner knows them",
    ),
    "LINT306": Kind(
        "a public rule without an end date",
        "write `until`, the day of the next review; only the owner knows it",
    ),
    "LINT307": Kind(
        "a public rule past its end date (it is still public: the gate has no clock)",
        "remove the rule, or write a later `until`; only the owner knows which",
        waivable=False,
    ),
    "LINT308": Kind(
        "components without an owner",
        "write `owner` in the access trait or, for all components of the application, in its "
        "annotations",
        waivable=False,
    ),
    "LINT309": Kind(
        "a waiver past its date: its finding is reported again",
        "correct the finding and remove the waiver, or write a later `until`",
        waivable=False,
    ),
    "LINT310": Kind(
        "a waiver without a finding", "remove the waiver", waivable=False
    ),
    "LINT311": Kind(
        "a group that only one role names, and that is nearly another group's name",
        "correct the name, or list all groups under `knownGroups` in the stack's settings (without "
        "a stack: in groups.yaml)",
    ),
    "LINT312": Kind(
        "a role with groups: no client that signs its users in asks for its scopes",
        "remove the role, unless a client that asks for its scopes is still to come",
    ),
    "LINT313": Kind(
        "a client through which users in a role's groups get no access, since only another role "
        "names the client",
        "name the client in the role with the groups. Users in these groups then get the role's "
        "scopes through this client",
        grants=True,
    ),
    "LINT314": Kind(
        "a connection inside the cluster that nothing allows: a text names the Service of another "
        "component, or a StatefulSet has several pods",
        "add the caller to `internal` of the called component's access trait, with the port of its "
        "pods. If a route leads to the port, call through the gateway",
        grants=True,
    ),
    "LINT316": Kind(
        "plain http to a name outside the cluster, which whoever controls DNS can lead elsewhere",
        "set `scheme: https` under `gateway.upstreams`, or write an IP address",
    ),
    "LINT317": Kind(
        "an old credential ends within 30 days",
        "let the client switch to tokens and remove `before`, or agree on a later `until`",
    ),
    "LINT318": Kind(
        "access that no recorded call used; only `audit unused` finds it",
        "remove the grant, group, public rule or call; waive this if it is needed once a year",
        recorded=True,
    ),
    "LINT319": Kind(
        "an exception of an invariant that permits no call",
        "remove the exception",
        waivable=False,
    ),
    "LINT320": Kind(
        "an invariant whose requests no component of the stack answers",
        "correct the host or the path, or remove the invariant",
        waivable=False,
    ),
    "LINT321": Kind(
        "a rule on another path of an MCP server: the gate reads no message there, so callers may "
        "call every tool that the path serves",
        "remove the rule if the path serves messages, such as `/sse` or `/messages`; else waive it",
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
class EditedFile:
    """A file, by its name, before and after a change."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding in `component` (application/component). `change` None: a person must decide.

    `changed` is a position in the file that the change edits, if it is another file.
    """

    code: str
    component: str
    message: str
    position: SourcePosition
    change: Change | None = None
    changed: SourcePosition | None = None

    @property
    def diagnostic(self) -> Diagnostic:
        """The finding as a warning, without the change. Lint never stops a deployment."""
        return Diagnostic(self.code, self.message, self.position, "warning")

    @property
    def remedy(self) -> str:
        return self.kind.remedy

    @property
    def kind(self) -> Kind:
        return KINDS[self.code]

    def edited(self) -> EditedFile | None:
        """Return the file with the change; None if no change is certain."""
        text = self.change() if self.change else None
        if text is None:
            return None
        document = (self.changed or self.position).document
        return EditedFile(document.file, document.text, text)

    def suggestion(self) -> str | None:
        """Return the change as a unified diff of the source file; None if no change is certain."""
        edited = self.edited()
        if edited is None:
            return None
        return edit.unified(edited.file, edited.before, edited.after)


# The result of a lint rule.
LintFindings = Iterator[LintFinding]
