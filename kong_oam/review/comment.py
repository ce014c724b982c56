"""The text of the review's comment: one line about the worst change, then access, policies and
resources.

Stacks with equal access share a heading. Only resources are listed for each stack.
"""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from kong_oam.review.access_changes import AccessChange, Finding
from kong_oam.review.failure import UNKNOWN
from kong_oam.review.markdown import (
    Links,
    code,
    fenced,
    folded,
    linked,
    mention,
)
from kong_oam.review.preview import Preview, Violation

# Lines of the comment, as Markdown.
_Lines = Iterator[str]


# The hidden first line that identifies the comment.
MARKER = "<!-- kong-oam review -->"

LONGEST = 60_000  # characters; GitHub accepts 65,536
_CUT = "\n\n**Cut here.** The rest does not fit into a comment; see the log of the job.\n"
# The most lines of a graph that is shown at once; a longer graph is folded.
_GRAPH_LINES = 60
# The most characters of a reason in the first line; the full reason follows below.
_REASON = 200


@dataclass(frozen=True, slots=True)
class ReviewedStack:
    """The findings about a change on one stack. `access` and `preview` are None if the review
    stopped earlier.

    `failure` explains why it stopped, and `reason` does so in a line. `impact`: the recorded calls
    that the change would deny, as Markdown.
    """

    name: str
    problems: tuple[Finding, ...] = ()
    findings: tuple[Finding, ...] = ()
    access: AccessChange | None = None
    impact: str = ""
    preview: Preview | None = None
    failure: str = ""
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether the review is complete and found no error."""
        if self.problems or self.failure:
            return False
        if self.access is None or self.preview is None:
            return False
        return not (self.preview.failed or self.preview.mandatory)

    @property
    def failure_line(self) -> str:
        """The reason why the stack did not pass, in a line."""
        if self.problems:
            return str(self.problems[0])
        if self.preview is None:
            return self.reason
        if self.preview.mandatory and self.preview.failed in ((), (UNKNOWN,)):
            return f"policy {self.preview.mandatory[0].rule}"
        return (
            self.preview.failed[0].partition("\n")[0]
            if self.preview.failed
            else ""
        )


# The stacks of a comment.
_Stacks = Sequence[ReviewedStack]


def compose(
    stacks: _Stacks,
    longest: int | None = None,
    links: Links | None = None,
    commit: str = "",
) -> str:
    """Return the comment as UTF-8 text, with the commit, and with links to lines if `links` is
    given.

    A comment longer than `longest` loses its graphs first, then its lists. If it is still too long,
    it is cut with a note.
    """
    text = ""
    for graphs, lists in ((True, True), (False, True), (False, False)):
        lines = _lines(stacks, links, commit, graphs=graphs, lists=lists)
        text = "\n".join(lines).rstrip("\n") + "\n"
        text = text.encode("utf-8", "replace").decode()
        if longest is None or len(text) <= longest:
            return text
    return f"{text[: longest - len(_CUT)]}{_CUT}" if longest else text


def not_reviewed(commit: str = "") -> str:
    """Return the comment about an incomplete review, which replaces the comment about an earlier
    change."""
    of_commit = f" of commit {code(commit)}" if commit else ""
    return (
        f"{MARKER}\n**Not reviewed**: the review{of_commit} did not finish. See the log of its job "
        "for the reason.\n"
    )


def _lines(
    stacks: _Stacks,
    links: Links | None,
    commit: str,
    *,
    graphs: bool,
    lists: bool,
) -> _Lines:
    yield from (MARKER, _summary_line(stacks), "")
    yield from _owners(stacks)
    if commit:
        yield from (f"Of commit {code(commit)}.", "")
    for alike in _alike(
        stacks,
        lambda stack: (
            stack.problems,
            stack.failure,
            stack.access,
            stack.impact,
            stack.findings,
        ),
    ):
        first = alike[0]
        heading = "Stacks" if len(alike) > 1 else "Stack"
        yield from (f"### {heading} {_names(alike)}", "")
        yield from _access(first, links)
        for other in alike[1:]:
            yield from _hosts(first, other)
        if first.access and first.access.graph and graphs:
            yield from _graph(first.access.graph)
        for same in _alike(alike, _violations):
            yield from _policies(same, named=len(same) < len(alike))
        yield from _findings(first, links, lists=lists)
        for stack in alike:
            yield from _resources(stack, named=len(alike) > 1, lists=lists)


def _alike(
    stacks: _Stacks, key: Callable[[ReviewedStack], Hashable]
) -> list[list[ReviewedStack]]:
    """Return groups of stacks with equal `key`, in the order of their first stacks."""
    groups = defaultdict(list)
    for stack in stacks:
        groups[key(stack)].append(stack)
    return list(groups.values())


def _names(stacks: _Stacks) -> str:
    return ", ".join(code(stack.name) for stack in stacks)


def _summary_line(stacks: _Stacks) -> str:
    """Return the first line: the worst change on any stack, and the stacks that did not pass with
    the reasons."""
    line = f"**Access** · {_worst(stacks)}"
    failed = []
    not_passed = [stack for stack in stacks if not stack.passed]
    for alike in _alike(not_passed, lambda stack: stack.failure_line):
        reason = alike[0].failure_line
        failed.append(_names(alike) + (f": {_short(reason)}" if reason else ""))
    return f"{line} · **failed** on {'; '.join(failed)}" if failed else line


def _worst(stacks: _Stacks) -> str:
    """Return the most serious change of access on any stack."""
    looked_at = [stack.access for stack in stacks if stack.access]
    changed = [access for access in looked_at if access.headline]
    if changed:
        return code(min(changed, key=lambda access: access.rank).headline)
    return (
        "no change" if len(looked_at) == len(stacks) else "not known: see below"
    )


def _owners(stacks: _Stacks) -> _Lines:
    """Yield the owners who have to agree, on any stack. They precede all tables, so that no long
    table pushes them out of the comment."""
    owners = set[str]()
    for stack in stacks:
        if stack.access:
            owners.update(stack.access.owners)
    if owners:
        asked = ", ".join(map(mention, sorted(owners)))
        yield from (
            "Another component answers, a host's certificate changes, or an owner changes. "
            f"These owners have to agree: {asked}.",
            "",
        )


def _short(text: str) -> str:
    return code(text if len(text) <= _REASON else f"{text[:_REASON]}...")


def _access(stack: ReviewedStack, links: Links | None) -> _Lines:
    yield from _listed(stack.problems, links)
    if stack.failure:
        yield from (stack.failure, "")
    if stack.access is not None:
        yield _with_links(stack.access, links) or "No change of access."
    if stack.impact:
        yield from ("", "Recorded calls:", "", stack.impact)
    yield ""


def _hosts(first: ReviewedStack, other: ReviewedStack) -> _Lines:
    """Yield the hosts of a stack that differ from the hosts in the table."""
    if not (other.access and first.access):
        return
    pairs = zip(other.access.hosts, first.access.hosts, strict=True)
    differing = [
        f"{code(theirs)} for {code(ours)}"
        for theirs, ours in pairs
        if theirs != ours
    ]
    if differing:
        yield from (f"On {code(other.name)}: {', '.join(differing)}.", "")


def _finding(finding: Finding, links: Links | None) -> str:
    if (
        finding.position is None
        or links is None
        or links.to(finding.position) is None
    ):
        return code(str(finding))
    return f"{linked(finding.position, links)} {code(finding.text)}"


def _with_links(access: AccessChange, links: Links | None) -> str:
    """Return the table with links for the places of rules in its last column."""
    text = f"{access.markdown}\n"
    for position in access.places:
        text = text.replace(
            f"| {code(str(position))} |\n", f"| {linked(position, links)} |\n"
        )
    return text.removesuffix("\n")


def _graph(graph: str) -> _Lines:
    block = fenced(graph, "mermaid")
    if graph.count("\n") < _GRAPH_LINES:
        yield from (block, "")
    else:
        yield from folded("The change of access as a graph", block)


def _violations(stack: ReviewedStack) -> tuple[Violation, ...]:
    return stack.preview.violations if stack.preview else ()


def _policies(stacks: _Stacks, *, named: bool) -> _Lines:
    violations = _violations(stacks[0])
    if not violations:
        return
    if named:
        yield from (f"On {_names(stacks)}:", "")
    yield from ("| policy | level | found |", "|---|---|---|")
    # Mandatory policies come first.
    for violation in sorted(
        violations,
        key=lambda violation: (violation.level != "mandatory", violation.rule),
    ):
        yield f"| `{violation.rule}` | {violation.level} | {code(violation.message)} |"
    yield ""


def _findings(
    stack: ReviewedStack, links: Links | None, *, lists: bool
) -> _Lines:
    """Yield warnings and lint findings, which fail nothing. New findings are always listed."""
    new = [finding for finding in stack.findings if finding.new]
    known = [finding for finding in stack.findings if not finding.new]
    if new:
        yield from (
            f"New since the base, {len(new)} to check:",
            "",
            *_listed(new, links),
            "",
        )
    summary = f"As in the base: {len(known)} to check"
    if known and lists:
        yield from folded(summary, "\n".join(_listed(known, links)))
    elif known:
        yield from (f"{summary}.", "")


def _listed(findings: Sequence[Finding], links: Links | None) -> list[str]:
    return [f"- {_finding(finding, links)}" for finding in findings]


def _resources(stack: ReviewedStack, *, named: bool, lists: bool) -> _Lines:
    if stack.preview is None:
        return
    of = f" of {code(stack.name)}" if named else ""
    if stack.preview.failed:
        yield from _failure(stack, stack.preview.failed, of)
        if not stack.preview.steps:
            return
    counts = Counter(step.operation for step in stack.preview.steps)
    summary = ", ".join(
        f"{count} to {operation}" for operation, count in sorted(counts.items())
    )
    if not lists or not summary:
        yield from (f"Resources{of}: {summary or 'no change'}.", "")
        return
    rows = ["| | resource | type | differs |", "|---|---|---|---|"]
    for step in stack.preview.steps:
        differs = ", ".join(map(code, step.properties))
        rows.append(
            f"| {step.operation} | {code(step.name)} | {code(step.type)} | {differs} |"
        )
    # GitHub reads no Markdown in a summary.
    named_here = f" of <code>{html.escape(stack.name)}</code>" if named else ""
    yield from folded(f"Resources{named_here}: {summary}", "\n".join(rows))


def _failure(stack: ReviewedStack, reasons: Sequence[str], of: str) -> _Lines:
    """Yield the reason why the preview failed: first a line, then further details."""
    yield from (f"**The preview{of} failed:** {code(stack.failure_line)}", "")
    further = "\n".join(reasons).partition("\n")[2]
    if further:
        yield from (fenced(further), "")
    command = f"pulumi preview --stack {stack.name} --policy-pack policies"
    yield from (f"{code(command)} prints the whole error.", "")
