"""Check that callers that all estates allow are allowed while no run is in progress, at any
workload.

During the run of a partition, a path that moves between components may be denied: its route and its
gate change separately. Before and after the run it is allowed, whatever the command has left to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from tests.support.checker.check import (
    METHODS,
    Caller,
    Meaning,
    ReplayCheck,
    Target,
    targets,
)


def ask_at_rest(held: ReplayCheck, moments: Iterable[int]) -> None:
    """Add denied callers to the report. `moments`: the operations finished by each moment."""
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
    """Return whether all models allow it, in one partition: between the runs of two, a path that
    moves is in neither."""
    answers = [model.answer(target, method, caller) for model in models]
    if not all(answer.allowed for answer in answers):
        return False
    there = [
        model.estate.components[answer.component or ""]
        for model, answer in zip(models, answers, strict=True)
    ]
    return len({item.partition for item in there}) == 1
