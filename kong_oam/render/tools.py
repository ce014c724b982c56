"""The evaluator, the cache and the built-in definitions, each created on first use."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from kong_oam.oam.definitions.definition import Definitions
from kong_oam.render.answers import Answer, Question
from kong_oam.render.built_in import built_in_definitions
from kong_oam.render.cache import RESULTS, Cache, usual_cache
from kong_oam.render.evaluator import Evaluator


class Tools:
    """An evaluator, a cache of answers and the built-in definitions. A context manager that stops
    the evaluator, for one thread. The default cache is this machine's."""

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
        """The cache of answers. Raises EvaluatorError without an evaluator."""
        return self._cache or usual_cache()

    def ask(self, request: Question) -> Answer:
        """Return the answer to a question. Raise EvaluatorError."""
        return answered(request, self.evaluator, self.cache)

    @cached_property
    def built_in(self) -> Definitions:
        """The built-in definitions. Raises EvaluatorError."""
        return built_in_definitions(self.ask)


def answered(request: Question, evaluator: Evaluator, cache: Cache) -> Answer:
    """Return the answer to a question from the cache, else from the evaluator. Raise
    EvaluatorError.

    Answers with errors are not cached, since an exceeded limit may be temporary.
    """
    answer = cache.find(request)
    if answer is None:
        answer = evaluator.ask(request)
        if answer.keys() <= RESULTS:
            cache.keep(cache.key(request), answer)
    return answer
