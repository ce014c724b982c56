"""Composes the review's comment: one line that says the worst, then per stack access, policies and resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kong_oam.review.access_changes import AccessChange
from kong_oam.review.preview import Preview, Violation

MARKER = "<!-- kong-oam review -->"
"""The hidden first line by which the comment is found again."""

LONGEST = 60_000  # characters; GitHub takes 65,536
_CUT = "\n\n**Cut here.** The rest does not fit into a comment; the log of the job has all of it.\n"


@dataclass(frozen=True, slots=True)
class ReviewedStack:
    """What is known about a change on one stack; `access` and `preview` are None where it did not come to that."""

    name: str
    problems: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    access: AccessChange | None = None
    preview: Preview | None = None
    failure: str = ""

    @property
    def mandatory(self) -> tuple[Violation, ...]:
        return tuple(
            violation
            for violation in (self.preview.violations if self.preview else ())
            if violation.level == "mandatory"
        )

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong, and everything was looked at."""
        looked = self.access is not None and self.preview is not None and self.preview.succeeded
        return looked and not (self.problems or self.failure or self.mandatory)


def compose(stacks: Sequence[ReviewedStack], longest: int | None = None) -> str:
    """Composes the comment. Where it would be longer than `longest`, the lists go first, then it is cut, and says
    so."""
    text = _composed(stacks, details=True)
    if longest is None or len(text) <= longest:
        return text
    text = _composed(stacks, details=False)
    return text if len(text) <= longest else f"{text[: longest - len(_CUT)]}{_CUT}"


def _composed(stacks: Sequence[ReviewedStack], *, details: bool) -> str:
    lines = [MARKER, _summary_line(stacks)]
    for stack in stacks:
        lines += ["", f"### Stack `{stack.name}`", "", *_access(stack), *_policies(stack)]
        lines += [*_findings(stack, details), *_resources(stack, details)]
    return "\n".join(lines) + "\n"


def _summary_line(stacks: Sequence[ReviewedStack]) -> str:
    """The worst of what changes, on whatever stack; and that not everything was looked at."""
    failed = [stack.name for stack in stacks if not stack.passed]
    changed = [stack for stack in stacks if stack.access and stack.access.headline]
    changed.sort(key=lambda stack: stack.access.rank if stack.access else 0)
    line = f"**Access** · {_code(changed[0].access.headline)}" if changed and changed[0].access else ""
    if not line:
        all_compared = all(stack.access for stack in stacks)
        line = "**Access** · no change" if all_compared else "**Access** · not known: see below"
    return f"{line} · **failed** on {', '.join(map(_code, failed))}" if failed else line


def _access(stack: ReviewedStack) -> Iterator[str]:
    for problem in stack.problems:
        yield f"- {_code(problem)}"
    if stack.failure:
        yield from (stack.failure, "")
    if stack.access is not None:
        yield stack.access.markdown or "No change of access."
    yield ""


def _policies(stack: ReviewedStack) -> Iterator[str]:
    if stack.preview and stack.preview.violations:
        yield from ("| policy | level | found |", "|---|---|---|")
        for violation in sorted(
            stack.preview.violations, key=lambda violation: (violation.level != "mandatory", violation.rule)
        ):
            yield f"| `{violation.rule}` | {violation.level} | {_code(violation.message)} |"
        yield ""


def _findings(stack: ReviewedStack, details: bool) -> Iterator[str]:
    """What lint finds: it fails nothing."""
    if stack.findings and details:
        yield from (f"<details><summary>Lint: {len(stack.findings)} to look at</summary>", "")
        yield from (f"- {_code(finding)}" for finding in stack.findings)
        yield from ("", "</details>", "")
    elif stack.findings:
        yield from (f"Lint: {len(stack.findings)} to look at.", "")


def _resources(stack: ReviewedStack, details: bool) -> Iterator[str]:
    if stack.preview is None:
        return
    if not stack.preview.succeeded:
        yield f"The preview failed. `pulumi preview --stack {stack.name} --policy-pack policies` says why."
        yield ""
    counts = Counter(step.operation for step in stack.preview.steps)
    summary = ", ".join(f"{count} to {operation}" for operation, count in sorted(counts.items()))
    if not details or not summary:
        yield f"Resources: {summary or 'no change'}."
        return
    yield from (f"<details><summary>Resources: {summary}</summary>", "")
    yield from ("| | resource | type | differs |", "|---|---|---|---|")
    for step in stack.preview.steps:
        differs = ", ".join(map(_code, step.properties))
        yield f"| {step.operation} | {_code(step.name)} | {_code(step.type)} | {differs} |"
    yield from ("", "</details>")


def _code(text: str) -> str:
    """Text as code, so that none of it is read as markup, and no table or line ends in it."""
    return "`" + " ".join(_printable(text).split()).replace("`", "'").replace("|", "\\|") + "`"


def fenced(text: str) -> str:
    """Several lines as a block of code, so that none of it is read as markup."""
    lines = (_printable(line).replace("```", "'''") for line in text.splitlines())
    return "\n".join(("```", *lines, "```"))


def _printable(text: str) -> str:
    """What is printed here is read in terminals and logs, too."""
    return "".join(c if c.isprintable() or c.isspace() else "?" for c in text)
