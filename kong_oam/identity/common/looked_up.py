"""Ids of groups at identity providers, each looked up once in a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Ids = Mapping[str, Sequence[str]]
"""Ids by name. A name that nothing has has none; one that several have, several."""


@dataclass(frozen=True)
class LookedUp:
    """The groups that a run has looked up."""

    _found: dict[tuple[str, str], str] = field(default_factory=dict)

    def groups(
        self, provider: str, names: Iterable[str], ask: Callable[[Collection[str]], Ids]
    ) -> Ids:
        """Gives the ids of the groups of these names, and of others that `ask` has read on the
        way."""
        wanted = sorted({*names})
        ids: dict[str, Sequence[str]] = dict.fromkeys(wanted, ())
        if wanted:
            ids.update(ask(wanted))
        for name, found in ids.items():
            if len(found) == 1:
                self._found[provider, name] = found[0]
        return ids

    def group(self, provider: str, name: str) -> str:
        """Gives the id of a group that was found once. Inspecting has ended the run where one was
        not."""
        return self._found[provider, name]
