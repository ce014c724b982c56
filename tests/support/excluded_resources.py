"""Find the resources that a run of the engine leaves unchanged: `--exclude` names some, the program
ignores changes of others.

This follows the engine (step_generator.go). A new resource that is left out is not created, and no
resource may depend on it. An existing resource stays, with all its dependencies. The engine keeps
its earlier dependencies from the state too, unless the program has registered them before. If the
program registers them later, the engine rejects them as duplicates (measured).
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
    """A new resource depends on a resource that is left out and does not exist. Or the program may
    register it after a resource that is left out and depended on it."""


def without_excluded(
    was: Mapping[Key, Registered],
    wanted: Mapping[Key, Registered],
    words: Sequence[str],
) -> dict[Key, Registered]:
    """Return the resources of a stack after a run with these words, from the program's
    registrations. Raises MissingDependencyError."""
    left_out = _matcher(
        [word for option, word in pairwise(words) if option == "--exclude"]
    )
    found: dict[Key, Registered] = {}
    skipped = {key[1] for key in wanted if left_out(key) and key not in was}
    for key, resource in wanted.items():
        if not left_out(key):
            if resource.after & skipped:
                raise MissingDependencyError(
                    f"untargeted create: {key} needs {resource.after & skipped}"
                )
            found[key] = (
                was[key] if key in was and "*" in resource.ignored else resource
            )
    registered = in_turn(wanted)
    for key in filter(left_out, was.keys() & wanted.keys()):
        before = {name for _, name in _with_needed(registered, [key])}
        if later := (was[key].after & {name for _, name in wanted}) - before:
            raise MissingDependencyError(
                f"duplicate resource: {key} depended on {later}"
            )
    stay = _with_needed(was, filter(left_out, was))
    return {**{key: was[key] for key in stay if key not in found}, **found}


def in_turn(resources: Mapping[Key, Registered]) -> dict[Key, Registered]:
    """Return resources with the dependencies that only the program itself waits for."""
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
    """Return these keys and all their direct and indirect dependencies."""
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
