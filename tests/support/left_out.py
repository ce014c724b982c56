"""Resources that a run of the engine does not change: by `--exclude`, or because the program
ignores every change.

As the engine does it (step_generator.go): a missing resource that is left out is not created, and
nothing may depend on it. An existing resource stays, with all its dependencies. The engine also
keeps its dependencies by the state, unless the program has registered them already; a later
registration fails as a duplicate (seen).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from tests.support.mocks import Registered

Key = tuple[str, str]
"""Type and logical name of a resource."""


class MissingDependencyError(AssertionError):
    """A new resource depends on a missing resource that is left out, or the program may register a
    dependency after its dependent was left out."""


def without_left_out(
    was: Mapping[Key, Registered],
    wanted: Mapping[Key, Registered],
    words: Sequence[str],
) -> dict[Key, Registered]:
    """Return a stack's resources after a run with these words, from its program's registrations.
    Raises MissingDependencyError."""
    left_out = _matcher(
        [word for option, word in pairwise(words) if option == "--exclude"]
    )
    found: dict[Key, Registered] = {}
    skipped = {key[1] for key in wanted if left_out(key) and key not in was}
    for key, item in wanted.items():
        if not left_out(key):
            if item.after & skipped:
                raise MissingDependencyError(
                    f"untargeted create: {key} needs {item.after & skipped}"
                )
            found[key] = (
                was[key] if key in was and "*" in item.ignored else item
            )
    registered = with_program_order(wanted)
    for key in filter(left_out, was.keys() & wanted.keys()):
        before = {name for _, name in _with_needed(registered, [key])}
        if later := (was[key].after & {name for _, name in wanted}) - before:
            raise MissingDependencyError(
                f"duplicate resource: {key} depended on {later}"
            )
    stay = _with_needed(was, filter(left_out, was))
    return {**{key: was[key] for key in stay if key not in found}, **found}


def with_program_order(
    resources: Mapping[Key, Registered],
) -> dict[Key, Registered]:
    """Return the resources with the order of the program alone as dependencies."""
    return {
        key: replace(item, after=item.after | item.behind)
        for key, item in resources.items()
    }


def _matcher(globs: Iterable[str]) -> Callable[[Key], bool]:
    parts = [
        ".*".join(
            "[^:]*".join(map(re.escape, part.split("*")))
            for part in glob.split("**")
        )
        for glob in globs
    ]
    return lambda key: any(
        re.fullmatch(part, f"urn:pulumi:stack::project::{key[0]}::{key[1]}")
        for part in parts
    )


def _with_needed(
    was: Mapping[Key, Registered], keys: Iterable[Key]
) -> set[Key]:
    """Return these resources with all their dependencies, direct and indirect."""
    by_name: dict[str, list[Key]] = {}
    for key in was:
        by_name.setdefault(key[1], []).append(key)
    found: set[Key] = set()
    waiting = [*keys]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += (
                other
                for name in (*was[key].after, was[key].parent)
                for other in by_name.get(name, ())
            )
    return found
