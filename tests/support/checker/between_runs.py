"""Check that callers are allowed between runs, at every workload, if all estates allow them.

During the run of a partition, a path that moves between components may be denied, since its route
and its gate change apart. Before and after the run it must be allowed, whatever runs of the command
follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from tests.support.checker.check import (
    METHODS,
    Caller,
    CheckedRun,
    Meaning,
    Target,
    targets,
)


def check_between_runs(held: CheckedRun, moments: Iterable[int]) -> None:
    """Add callers that are denied to the report. `moments` are the sets of completed operations
    between runs."""
    for target in targets(held.models):
        scene = held.scene(target)
        for kid, callers in held.callers.items():
            wanted = [
                pair
                for pair in product(METHODS, callers)
                if _must(held.models, target, *pair)
            ]
            routed, plugged, known = scene.masks(kid)
            for done in (
                {rest & (routed | plugged | known) for rest in moments}
                if wanted
                else ()
            ):
                for seen in scene.seen(kid, done, done, done):
                    for method, caller, ended in scene.asked(seen, wanted):
                        if isinstance(ended, int):
                            scene.add(
                                held.report.closed, method, caller, ended, seen
                            )


def _must(
    models: Sequence[Meaning], target: Target, method: str, caller: Caller
) -> bool:
    """Return whether all models allow the request in one partition. A component that moves between
    partitions is in neither between the two runs."""
    answers = [model.answer(target, method, caller) for model in models]
    if not all(answer.allowed for answer in answers):
        return False
    there = [
        model.estate.components[answer.component or ""]
        for model, answer in zip(models, answers, strict=True)
    ]
    return len({component.partition for component in there}) == 1
