"""Runs `check`, `diff`, `graph` and `preview --list` for a review: what is wrong in Applications,
what a change does to access, and which stacks it touches."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from kong_oam.errors import OperationError
from kong_oam.review.failure import JsonObject, reasons
from kong_oam.review.markdown import SourcePosition

_TIMEOUT = 600  # seconds


class ReviewError(OperationError):
    """Nothing can be said about the change. The message says why, and holds no output of a
    product."""

    # As for a finding: a workflow that waits for the review stops in either case.
    exit_code = 1


@dataclass(frozen=True, slots=True)
class AccessChange:
    """What changes for callers: the worst of it in one line, and all of it as Markdown. Empty:
    nothing does.

    `rank` tells which of several is the worst: the lower the worse. `places` are those of rules
    that stand in the Markdown, `hosts` those that it is of. `graph` is the change as a picture, in
    Mermaid.

    `owners` are the former owners: of what answered, of hosts with another certificate, of
    components.

    Changes of two stacks are the same where they differ in nothing but hosts, one for the other:
    that is their `shape`.
    """

    rank: int
    headline: str = field(compare=False)
    markdown: str = field(compare=False)
    places: tuple[SourcePosition, ...] = ()
    graph: str = field(default="", compare=False)
    hosts: tuple[str, ...] = field(default=(), compare=False)
    shape: str = ""
    owners: tuple[str, ...] = ()


_KINDS = (
    *("newly public", "granted", "widened", "answered by", "may widen"),
    *("owner", "narrowed", "revoked", "may narrow", "changed"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What `check` finds, with its code, and where: a stack without Applications has no place.
    `new`: the base does not have it."""

    text: str
    position: SourcePosition | None = None
    new: bool = True

    def __str__(self) -> str:
        return f"{self.position}: {self.text}" if self.position else self.text


Findings = tuple[Finding, ...]


def check(base: str, stack: str) -> tuple[Findings, Findings]:
    """Check the Applications on a stack. Returns errors, and what somebody should look at. Raises
    ReviewError."""
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
    """Compare access between the git revision `base` and what is here. Raises ReviewError."""
    # Said to be a revision: a folder of the same name would be compared with itself.
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
        # What is only in the base has no line in the change's own commit.
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
    # A command in the Markdown names the stack, which is no difference between two.
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


def _owners(differences: Sequence[JsonObject]) -> tuple[str, ...]:
    """Return the owners in the base, which a change cannot add to, to hide others among."""
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
    """The text with a number in place of each host: the longest first, since one may be the end of
    another."""
    for host in sorted(hosts, key=len, reverse=True):
        text = text.replace(host, f"<{hosts.index(host)}>")
    return text


def touched(estate: str) -> tuple[str, ...]:
    """The stacks of an estate in partitions that a run would change something of, as its state
    records it. Raises ReviewError."""
    done = _ran("preview", "--stack", estate, "--list")
    if done.returncode:
        reason = reasons((), done.stderr)[0]
        raise ReviewError(
            f"which stacks the change touches cannot be read: {reason}. `python -m kong_oam preview "
            f"--stack {estate} --list` says all of it"
        )
    return tuple(json.loads(done.stdout))


def _access(*arguments: str) -> str:
    done = _ran(*arguments)
    if done.returncode not in (0, 1):
        raise ReviewError(
            f"`python -m kong_oam {' '.join(arguments)}` failed: "
            f"{done.stderr.strip() or done.returncode}"
        )
    return done.stdout


def _ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kong_oam", *arguments]
    try:
        return subprocess.run(  # noqa: S603 - no shell
            command, capture_output=True, text=True, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise ReviewError(
            f"`python -m kong_oam {' '.join(arguments)}` took more than {_TIMEOUT} seconds"
        ) from None
