"""A takeover of an old Kong, with its callers, step by step, and the judgement of each answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.support.json_object import JsonObject
from tests.support.live.adopting import Comparison, Project, Row
from tests.support.live.old_estates import Loaded, declared_paths
from tests.support.live.samples import (
    HOST,
    OTHER,
    Ask,
    Callers,
    Seen,
    answers,
    differences,
)

# The kinds of rows that announce a difference.
_ANNOUNCED: Mapping[str, frozenset[str]] = {
    "closed": frozenset({"closed", "unknown"}),
    "opened": frozenset({"head"}),
    "path": frozenset({"path"}),
    "host": frozenset({"host"}),
    "identity": frozenset({"identity"}),
}
# Samplings until answers are steady. Afterwards, answers that still differ do not count.
_SAMPLINGS = 5
# Differences without a row that a report shows.
_SHOWN = 5
# The tokens of the tier's consumers name no key in their header.
_CALLED: Mapping[str, str] = {"jwt": "jwt without key id"}
_OTHER_HOST = "other-host.invalid"
_OTHER_METHOD = "PROPFIND"


@dataclass
class Takeover:
    """The old answers to a sample of requests, and the counts of everything since."""

    project: Project
    loaded: Loaded
    places: Mapping[str, str]
    before: dict[Ask, Seen]
    report: Callable[[str], None]
    changed: Counter[str] = field(default_factory=Counter)
    unannounced: list[str] = field(default_factory=list)

    def _texts(self) -> dict[str, set[str]]:
        """Return the declared path texts of both sides by host, with and without a slash at the
        end. The host OTHER is any host that nobody names."""
        texts: dict[str, set[str]] = {OTHER: {"/"}}
        hosts = {HOST, OTHER, *(ask.host for ask in self.before)}
        for host in hosts:
            texts[host] = {"/"}
            for route in self.loaded.routes:
                if _takes(route.get("hosts") or (), host):
                    texts[host] |= {*declared_paths([route])}
        for component in self.project.components():
            for host in _domains(component):
                texts.setdefault(host, {"/"}).update(paths_in(component))
        for host, declared in texts.items():
            bare = {text.rstrip("/") for text in declared} - {""}
            texts[host] = {"/", *bare, *(f"{text}/" for text in bare)}
        return texts

    def judge(self, stage: str, *comparisons: Comparison) -> None:
        """Ask the sample again. Each difference needs a row of a comparison."""
        named = Counter[str]()
        asked = answers(self.project.target.proxy, list(self.before))
        texts = self._texts()
        for ask, after in asked.items():
            before = self.before[ask]
            for kind in differences(before, after, self.places):
                if _is_announced(kind, ask, texts, comparisons):
                    # Only HEAD where GET passes may be opened.
                    named["head" if kind == "opened" else kind] += 1
                else:
                    line = f"{stage}: {kind}: {ask}: {before} -> {after}"
                    self.unannounced.append(line)
        self.changed.update(named)
        self.report(
            f"{stage}: {len(asked)} requests, changed and named: {dict(named)}, "
            f"not named: {len(self.unannounced)}"
        )
        for line in self.unannounced[:_SHOWN]:
            self.report(line)

    def judge_callers(self, callers: Callers, *comparisons: Comparison) -> None:
        """Judge the answers of callers that never paused."""
        texts = self._texts()
        for stage, ask, kind, seen in callers.wrong:
            if not _is_announced(kind, ask, texts, comparisons):
                before = self.before[ask]
                self.unannounced.append(
                    f"while {stage}: {kind}: {ask}: {before} -> {seen}"
                )
        refused = Counter(
            (stage, seen.status)
            for stage, ask, seen in callers.refused
            if not _is_announced("closed", ask, texts, comparisons)
        )
        self.report(
            f"meanwhile {dict(callers.requests)} requests; refused for a moment: {dict(refused)}"
        )


def _takes(patterns: Iterable[str], host: str) -> bool:
    """Return whether a list of hosts has the host. An empty list has all."""
    listed = [pattern.replace("*", "any") for pattern in patterns]
    return not listed or host in listed


def _domains(component: JsonObject) -> list[str]:
    """Return the hosts of a component's gateway traits."""
    return [
        trait["properties"]["domain"].replace("*", "any")
        for trait in component["traits"]
        if trait["type"] == "gateway"
    ]


def paths_in(document: object) -> list[str]:
    """Return the exposed paths in a part of an Application."""
    found = []
    if isinstance(document, dict):
        for name, value in document.items():
            # The values of `forward` are paths at the workload.
            exposed = [*value] if name == "forward" else value
            found += paths_in(name) + paths_in(exposed)
    elif isinstance(document, list):
        for value in document:
            found += paths_in(value)
    elif isinstance(document, str) and document.startswith("/"):
        found.append(document)
    return found


def _is_announced(
    kind: str,
    ask: Ask,
    texts: Mapping[str, set[str]],
    comparisons: tuple[Comparison, ...],
) -> bool:
    kinds = _ANNOUNCED.get(kind, frozenset())
    path = re.sub("/+", "/", ask.target.partition("?")[0])
    ends = range(len(path), 0, -1)
    declared = texts[ask.host]
    text = next(path[:end] for end in ends if path[:end] in declared)
    written = text if text == path else f"{text}*"
    return any(
        row.kind in kinds and _concerns(row, ask, written, comparison)
        for comparison in comparisons
        for row in comparison.rows
    )


def _concerns(row: Row, ask: Ask, path: str, comparison: Comparison) -> bool:
    host = _OTHER_HOST if ask.host == OTHER else ask.host
    hosts = {host, re.sub("^any", "_any", host)}
    methods = {ask.method}
    if ask.method == "PURGE":
        methods.add(_OTHER_METHOD)
    if hosts.isdisjoint(row.hosts) or methods.isdisjoint(row.methods):
        return False
    if path not in row.paths:
        return False
    if not ask.caller.consumer:
        return str(ask.caller) in row.callers
    by = _CALLED.get(ask.caller.by, ask.caller.by)
    return any(
        name.endswith(f" by {by}")
        and ask.caller.consumer in comparison.consumers.get(name, ())
        for name in row.callers
    )


def steady(
    ask_all: Callable[[], dict[Ask, Seen]], places: Mapping[str, str]
) -> dict[Ask, Seen]:
    """Return the answers that two samplings in a row agree on, when all workers see all entities.

    `places`: the name of the service behind an address.
    """
    found, first = {}, ask_all()
    for _ in range(_SAMPLINGS):
        second = ask_all()
        found = {
            ask: seen
            for ask, seen in first.items()
            if _is_same(seen, second[ask], places)
        }
        if len(found) == len(first):
            break
        first = second
    return found


def _is_same(first: Seen, second: Seen, places: Mapping[str, str]) -> bool:
    changed = [*differences(first, second, places)]
    return first.status == second.status and not changed


def groups_of(
    documents: JsonObject, addresses: Mapping[str, str]
) -> dict[str, str]:
    """Return the name of the service behind each address: the targets of an upstream are one."""
    found = {}
    for upstream in documents.get("upstreams") or ():
        for target in upstream.get("targets") or ():
            host, _, port = target["target"].partition(":")
            found[f"{addresses[host]}:{port}"] = upstream["name"]
    return found
