"""The runs that granted lines, and the runs that removed lines, from the records of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kong_oam.access.data import Names
from kong_oam.access.diff.snapshot import load_model
from kong_oam.access.model import Estate
from kong_oam.audit.history.run import Run
from kong_oam.audit.report.lines import LineKey, lines_at

# A line grants its scopes one by one. Lines without scopes have the empty name.
NO_SCOPE = ""

# The fact of the engine with the commit of an update (pulumi stack history).
_COMMIT = "git.head"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A recorded run in short: its number and time, its commit, and its pull requests.

    `approvers` are accounts at the forge. `alone`: the author, if no other account approved.
    `is_forge_known` is false if the forge was not asked.
    """

    number: int
    time: str
    commit: str = ""
    pull_requests: tuple[int, ...] = ()
    authors: Names = ()
    approvers: Names = ()
    alone: Names = ()
    is_forge_known: bool = False


@dataclass(frozen=True, slots=True)
class Grants:
    """The runs that granted and removed lines.

    `granted`: by line and scope, the run since which the line has the scope without a gap; None if
    earlier runs granted it. `removed`: by line, the last run that removed it. `models` is the
    number of records with a model.
    """

    granted: Mapping[LineKey, Mapping[str, RunFacts | None]] = field(
        default_factory=dict
    )
    removed: Mapping[LineKey, RunFacts] = field(default_factory=dict)
    models: int = 0


def facts_of(run: Run) -> RunFacts:
    """Return a recorded run in short."""
    commits = []
    for stack in run.stacks.values():
        commits += [update.facts.get(_COMMIT, "") for update in stack.updates]
    forge = run.data.get("forge")
    is_known = isinstance(forge, list)
    requests = forge if isinstance(forge, list) else []
    authors: list[str] = []
    approvers: list[str] = []
    for request in requests:
        authors += request["authors"]
        approvers += request["approvers"]
    alone = [request["alone"] for request in requests if "alone" in request]
    return RunFacts(
        run.number,
        run.time,
        next(filter(None, reversed(commits)), ""),
        tuple(request["number"] for request in requests),
        tuple(sorted({*authors})),
        tuple(sorted({*approvers})),
        tuple(sorted({*alone})),
        is_known,
    )


def grants_of(runs: Iterable[Run]) -> Grants:
    """Return the runs that granted and removed lines. Raises ModelError.

    Components whose recorded text is unchanged are not read again, so that many records cost little
    more than a single record.
    """
    reader = _Reader()
    for run in runs:
        lines = run.data.get("model")
        if lines:
            is_known = reader.models > 0 or _is_first_deployment(run)
            reader.read(lines, facts_of(run) if is_known else None)
    return reader.grants()


def _is_first_deployment(run: Run) -> bool:
    """Return whether the first record has only the first update of each stack, which creates all
    resources."""
    updates = [stack.updates for stack in run.stacks.values()]
    return all(
        len(each) == 1 and {*each[0].changes} == {"create"} for each in updates
    ) and bool(updates)


# By line and scope, the run that granted the scope.
_Held = dict[LineKey, dict[str, RunFacts | None]]


class _Reader:
    """The lines of the last model, by the component that declares them."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.held: dict[str, _Held] = {}
        self.removed: dict[LineKey, RunFacts] = {}
        self.models = 0

    def read(self, model: Iterable[str], origin: RunFacts | None) -> None:
        """Read the next model, line by line: the version, the stack and the components. `origin` is
        its run, or None if nobody knows when its grants began."""
        version, stack, *components = model
        self.models += 1
        texts = {line.partition(" ")[0]: line for line in components}
        changed = [
            line for key, line in texts.items() if self.texts.get(key) != line
        ]
        gone = [key for key in self.texts if key not in texts]
        self.texts = texts
        for key in gone:
            self._replace(key, {}, origin)
        if changed:
            estate = load_model("\n".join([version, stack, *changed])).estate
            for key in estate.components:
                self._replace(key, _scopes_of(estate, key), origin)

    def _replace(
        self,
        component: str,
        scopes: Mapping[LineKey, Names],
        run: RunFacts | None,
    ) -> None:
        """Replace the lines that a component declares."""
        before = self.held.get(component, {})
        after: _Held = {}
        for key, names in scopes.items():
            known = before.get(key, {})
            after[key] = {name: known.get(name, run) for name in names}
            self.removed.pop(key, None)
        for key in before:
            if key not in after and run:
                self.removed[key] = run
        self.held[component] = after

    def grants(self) -> Grants:
        granted: dict[LineKey, Mapping[str, RunFacts | None]] = {}
        for held in self.held.values():
            granted.update(held)
        return Grants(granted, self.removed, self.models)


def _scopes_of(estate: Estate, component: str) -> Mapping[LineKey, Names]:
    """Return the scopes of each line that a component of a model declares."""
    found = {}
    for line in lines_at(estate, estate.components[component]):
        found[line.key] = line.scopes or (NO_SCOPE,)
    return found
