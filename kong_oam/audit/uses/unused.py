"""Find access that nobody used in a window, and write its removal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from kong_oam.access.lint.upkeep import is_waived
from kong_oam.access.model import Estate
from kong_oam.access.paths import AmbiguousPathError, declared
from kong_oam.audit.uses.model import CallClass, Seen, Uses
from kong_oam.audit.uses.needs import Need, last_uses, needs_in
from kong_oam.audit.uses.replay import decide_class
from kong_oam.oam import edit
from kong_oam.oam.position import Document, Path

# The finding, which a waiver accepts.
CODE = "LINT318"


@dataclass(frozen=True, slots=True)
class Dated:
    """The estate of a recorded run, and its day (YYYY-MM-DD)."""

    day: str
    estate: Estate


@dataclass(frozen=True, slots=True)
class UnusedNeed:
    """A part of access without a use in the window. `last`: the last use before it (RFC 3339), or
    None. `since`: the day of the first record with it, in an unbroken chain."""

    need: Need
    last: str | None
    since: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Unused:
    """The result. `waived` needs are unused and stay. `young` needs are unused, and no record says
    that they are as old as the window. `silent`: the days of the window without records."""

    start: date
    end: date
    unused: tuple[UnusedNeed, ...]
    waived: tuple[Need, ...]
    young: tuple[Need, ...]
    silent: tuple[date, ...]


def find_unused(
    estate: Estate,
    uses: Uses,
    dated: Sequence[Dated],
    days: int,
    as_of: date,
) -> Unused:
    """Find the unused access of an estate. The window ends with the last recorded day.

    `dated`: the recorded estates in order. `as_of`: the day by which waivers end.
    """
    end = date.fromisoformat(max(uses.days, default=as_of.isoformat()))
    start = end - timedelta(days=days - 1)
    used = last_uses(estate, uses)
    since = _since(dated)
    unused = []
    waived = []
    young = []
    for need in dict.fromkeys(needs_in(estate)):
        last = used.get(need)
        if last and last >= start.isoformat():
            continue
        day = since.get(need)
        if day is None or day > start.isoformat():
            young.append(need)
        elif _is_kept(estate, need, as_of):
            waived.append(need)
        else:
            unused.append(UnusedNeed(need, last, day, _owner(estate, need)))
    silent = []
    for number in range(days):
        day_of_window = start + timedelta(days=number)
        if day_of_window.isoformat() not in uses.days:
            silent.append(day_of_window)
    return Unused(
        start, end, tuple(unused), tuple(waived), tuple(young), tuple(silent)
    )


def _since(dated: Iterable[Dated]) -> Mapping[Need, str]:
    """Return the first day of each part of the newest estate, in an unbroken chain."""
    since: dict[Need, str] = {}
    for each in dated:
        present = dict.fromkeys(needs_in(each.estate), each.day)
        since = {need: since.get(need, day) for need, day in present.items()}
    return since


def _is_kept(estate: Estate, need: Need, as_of: date) -> bool:
    """Return whether a waiver of the called component or of the client keeps the access."""
    for key in (need.component, need.holder):
        component = estate.components.get(key)
        if component and is_waived(component, CODE, as_of):
            return True
    return False


def _owner(estate: Estate, need: Need) -> str | None:
    key = need.holder if need.kind == "client" else need.component
    component = estate.components.get(key)
    return component.owner if component else None


@dataclass(frozen=True, slots=True)
class Removal:
    """New texts of files, by name, and the needs whose file cannot be edited safely."""

    texts: Mapping[str, str]
    originals: Mapping[str, str]
    by_hand: tuple[Need, ...]

    @property
    def diffs(self) -> list[str]:
        """The changes as unified diffs."""
        found = []
        for file, text in self.texts.items():
            diff = edit.unified(file, self.originals[file], text)
            if diff:
                found.append(diff)
        return found


def removal(unused: Iterable[Need]) -> Removal:
    """Return the removal of all these needs. A client without calls stays, with its credential."""
    by_hand: list[Need] = []
    by_file: dict[str, list[Need]] = {}
    for need in unused:
        if not any(_paths(need)) and need.kind != "client":
            # A rule for all paths, or a client of a missing Application.
            by_hand.append(need)
        elif need.position.file:
            by_file.setdefault(need.position.file, []).append(need)
    texts: dict[str, str] = {}
    originals: dict[str, str] = {}
    for file, needs in by_file.items():
        original = needs[0].position.document.text
        text = edit.without_entries(file, original, _gone(needs))
        if text is None:
            by_hand.extend(needs)
        else:
            originals[file] = original
            texts[file] = text
    return Removal(texts, originals, tuple(by_hand))


def _gone(needs: Iterable[Need]) -> Mapping[int, set[Path]]:
    """Return the paths of the entries to remove, by the index of their document."""
    documents: dict[int, Document] = {}
    paths: dict[int, set[Path]] = {}
    for need in needs:
        document = need.position.document
        documents[document.index] = document
        paths.setdefault(document.index, set()).update(_paths(need))
    return {
        index: _whole(document.data, paths[index])
        for index, document in documents.items()
    }


def _paths(need: Need) -> Iterator[Path]:
    """Yield the paths of the entries that give the access."""
    if not need.position.file:
        return
    data = edit.value_at(need.position.document.data, need.position.path)
    at = need.position.path
    if need.kind == "grant":
        yield (*at, "scopes", data["scopes"].index(need.detail))
    elif need.kind == "group":
        yield (*at, "groups", data["groups"].index(need.holder))
    elif need.kind == "public rule":
        for number, path in enumerate(data.get("paths", ())):
            if _is_path(path, need.holder):
                yield (*at, "paths", number)


def _is_path(written_path: str, path: str) -> bool:
    try:
        return "/" + "/".join(declared(written_path)) == path
    except AmbiguousPathError:
        return False


# The entry that goes if one of its lists becomes empty: a call without scopes means nothing.
_WITH_LIST = ("scopes", "paths")


def _whole(data: object, paths: set[Path]) -> set[Path]:
    """Return the paths, the whole entry in place of all scopes of a call or all paths of a rule."""
    by_list: dict[Path, set[Path]] = {}
    for path in paths:
        by_list.setdefault(path[:-1], set()).add(path)
    result = set[Path]()
    for parent, entries in by_list.items():
        is_emptied = len(edit.value_at(data, parent)) == len(entries)
        if is_emptied and parent[-1] in _WITH_LIST:
            result.add(parent[:-1])
        else:
            result |= entries
    return result


def refused_after(
    before: Estate, after: Estate, uses: Uses
) -> list[tuple[CallClass, Seen]]:
    """Return the recorded calls that one estate allows and another denies."""
    refused = []
    for call, seen in uses.classes.items():
        if not call.is_allowed or not decide_class(before, call, seen).allowed:
            continue
        if not decide_class(after, call, seen).allowed:
            refused.append((call, seen))
    return refused
