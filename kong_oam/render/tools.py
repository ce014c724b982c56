"""What rendering works with, each made when it is first needed: an estate without other types needs
none of it."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from kong_oam.oam.definitions.definition import Definitions
from kong_oam.render.answers import Answer, Question
from kong_oam.render.built_in import built_in_definitions
from kong_oam.render.cache import RESULTS, Cache, usual_cache
from kong_oam.render.evaluator import Evaluator


class Tools:
    """An evaluator, the answers that are kept, and the built-in definitions; a context manager that
    ends the evaluator. By default the cache is this machine's. For one thread."""

    def __init__(
        self, evaluator: Evaluator | None = None, cache: Cache | None = None
    ) -> None:
        self.evaluator = evaluator or Evaluator()
        self._cache = cache

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.evaluator.close()

    @cached_property
    def cache(self) -> Cache:
        """Where answers are kept. Raises EvaluatorError where there is no evaluator to be had."""
        return self._cache or usual_cache()

    def ask(self, request: Question) -> Answer:
        """Return the answer to a question. Raises EvaluatorError."""
        return answered(request, self.evaluator, self.cache)

    @cached_property
    def built_in(self) -> Definitions:
        """The built-in definitions. Raises EvaluatorError."""
        return built_in_definitions(self.ask)


def answered(request: Question, evaluator: Evaluator, cache: Cache) -> Answer:
    """Return the answer to a question: the one that is kept, else the evaluator's. Of what is wrong
    nothing is kept: a limit that was passed may not be on another day. Raises EvaluatorError."""
    answer = cache.find(request)
    if answer is None:
        answer = evaluator.ask(request)
        if answer.keys() <= RESULTS:
            cache.keep(cache.key(request), answer)
    return answer
