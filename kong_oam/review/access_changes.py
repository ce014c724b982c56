"""Runs of `check`, `diff`, `graph`, `audit impact` and `preview --list` for a review: errors in
Applications, changes of access, recorded calls, and affected stacks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from kong_oam.errors import OperationError
from kong_oam.review.failure import JsonObject, Names, reasons
from kong_oam.review.markdown import SourcePosition

_TIMEOUT = 600  # seconds
_FAILED = 2  # the exit status of a verb without an answer


class ReviewError(OperationError):
    """The change cannot be reviewed. The message gives the cause, without output of a product."""

    # The same status as for a finding, so that a workflow stops in either case.
    exit_code = 1


@dataclass(frozen=True, slots=True)
class AccessChange:
    """A change of access: the worst part in one line, and the whole as Markdown. Both are empty
    without changes.

    `rank` orders changes, the worst first. `places` are the places of rules in the Markdown, and
    `hosts` are its hosts. `graph` is the change as Mermaid. `owners` are the former owners of
    answering components, of hosts with another certificate, and of components with a new owner.
    `shape` is equal for two stacks whose changes differ only in hosts.
    """

    rank: int
    headline: str = field(compare=False)
    markdown: str = field(compare=False)
    places: tuple[SourcePosition, ...] = ()
    graph: str = field(default="", compare=False)
    hosts: Names = field(default=(), compare=False)
    shape: str = ""
    owners: Names = ()


_KINDS = (
    *("newly public", "granted", "widened", "answered by", "may widen"),
    *("owner", "narrowed", "revoked", "may narrow", "changed"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of `check` with its code and its place. An empty stack has no place. `new`: the
    base lacks the finding."""

    text: str
    position: SourcePosition | None = None
    new: bool = True

    def __str__(self) -> str:
        return f"{self.position}: {self.text}" if self.position else self.text


Findings = tuple[Finding, ...]


def check(base: str, stack: str) -> tuple[Findings, Findings]:
    """Check the Applications on a stack. Return errors, and other findings. Raises ReviewError."""
    answer = _access("check", "--stack", stack, f"--since={base}", "--json")
    document = json.loads(answer)
    errors: list[Finding] = []
    others: list[Finding] = []
    for diagnostic in document["diagnostics"]:
        is_error = diagnostic["severity"] == "error"
        (errors if is_error else others).append(_finding(diagnostic))
    others += map(_finding, document["findings"])
    return tuple(errors), tuple(others)


def _finding(diagnostic: JsonObject) -> Finding:
    text = f"{diagnostic['code']}: {diagnostic['message']}"
    return Finding(
        text,
        _place(diagnostic) if "file" in diagnostic else None,
        diagnostic.get("new", True),
    )


def _place(entry: JsonObject) -> SourcePosition:
    return SourcePosition(entry["file"], entry["line"], entry["column"])


def changes(base: str, stack: str) -> AccessChange:
    """Compare access between git revision `base` and the working directory. Raises ReviewError."""
    # The prefix excludes a folder of the same name, which would be compared with itself.
    revision = f"git:{base}"
    operands = ("--stack", stack, "--", revision, ".")
    document: JsonObject = json.loads(_access("diff", "--json", *operands))
    differences: list[JsonObject] = document["changes"]
    if not differences:
        return AccessChange(len(_KINDS), headline="", markdown="")
    places: dict[SourcePosition, None] = {}
    hosts: dict[str, None] = {}
    for change in differences:
        position = _place(change["rule"]) if change.get("rule") else None
        # A rule that only the base has is on no line of the change's commit.
        if position and not position.file.startswith(f"{base}:"):
            places[position] = None
        # A change of settings has no host.
        if "site" in change:
            hosts[change["site"]] = None
    graph = ""
    if hosts:
        of_change = ("--stack", stack, "--format", "mermaid")
        graph = _access("graph", f"--since={revision}", *of_change).strip()
    markdown = _access("diff", "--markdown", *operands).strip()
    # A command in the Markdown names the stack, which does not make two stacks differ.
    without_stack = markdown.replace(f"--stack {stack} ", "")
    return AccessChange(
        rank=min(_KINDS.index(change["kind"]) for change in differences),
        headline=document["headline"],
        markdown=markdown,
        places=tuple(places),
        graph=graph,
        hosts=tuple(hosts),
        shape=_without_names(
            json.dumps(differences) + without_stack, tuple(hosts)
        ),
        owners=_owners(differences),
    )


def _owners(differences: Sequence[JsonObject]) -> Names:
    """Return the owners in the base. A change cannot add names to them to hide others."""
    owners = set()
    for change in differences:
        if "answeredBy" in change:
            owners.add(change["answeredBy"]["old"]["owner"])
        if "exposedBy" in change:
            owners.update(
                exposer["owner"] for exposer in change["exposedBy"]["old"]
            )
        if change["kind"] == "owner":
            owners.add(change["old"])
    return tuple(sorted(owners - {None}))


def _without_names(text: str, hosts: Sequence[str]) -> str:
    """Return the text with a number instead of each host, the longest host first, since a host may
    end with another host."""
    for host in sorted(hosts, key=len, reverse=True):
        text = text.replace(host, f"<{hosts.index(host)}>")
    return text


def impact(base: str, stack: str, uses: Sequence[str]) -> str:
    """Return the recorded calls that a change would deny, as Markdown. Empty without `uses`, the
    files of `audit uses`. Raises ReviewError."""
    if not uses:
        return ""
    sides = ("--old", f"git:{base}", "--new", ".", "--stack", stack)
    return _access("audit", "impact", *uses, *sides, "--markdown").strip()


def affected_stacks(estate: str) -> Names:
    """Return the stacks of a partitioned estate that a run would change, by its recorded state.
    Raises ReviewError."""
    done = _run("preview", "--stack", estate, "--list")
    if done.returncode:
        reason = reasons((), done.stderr)[0]
        raise ReviewError(
            f"the affected stacks are unknown: {reason}. For the whole "
            f"error, run `python -m kong_oam preview --stack {estate} --list`"
        )
    return tuple(json.loads(done.stdout))


def _access(*arguments: str) -> str:
    done = _run(*arguments)
    if done.returncode not in (0, 1):
        raise ReviewError(
            f"`python -m kong_oam {' '.join(arguments)}` failed: "
            f"{_error(arguments, done)}"
        )
    return done.stdout


def _error(
    arguments: Sequence[str], done: subprocess.CompletedProcess[str]
) -> str:
    """Return the error of a failed verb. With --json, the verb prints it on standard output."""
    if "--json" in arguments and done.returncode == _FAILED and done.stdout:
        failure: JsonObject = json.loads(done.stdout)
        findings = map(str, map(_finding, failure["findings"]))
        return "\n".join((*findings, failure["error"]))
    return done.stderr.strip() or str(done.returncode)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kong_oam", *arguments]
    try:
        return subprocess.run(  # noqa: S603 - no shell
            command, capture_output=True, text=True, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise ReviewError(
            f"`python -m kong_oam {' '.join(arguments)}` took more than {_TIMEOUT} seconds"
        ) from None
