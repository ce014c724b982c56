"""The types of the evaluator's questions and answers: lines of JSON (`evaluator/request.go`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from kong_oam.oam.position import Fields


class QuestionPart(TypedDict):
    """A component without its traits, or one of its traits."""

    type: str
    template: str
    properties: Any
    workloadRefPath: str | None


class Question(TypedDict, total=False):
    """A question: the objects of a component, the definition in a file, or a value."""

    component: QuestionPart
    traits: list[QuestionPart]
    context: Fields
    file: str
    text: str
    valueFrom: str
    scope: Fields


class AnswerObject(TypedDict):
    """An object of a component. `part` is the index of its trait, or -1."""

    object: Fields
    part: int
    key: str


class Finding(TypedDict, total=False):
    """An error of an evaluation. `part` is the index of the trait, or -1."""

    kind: str
    part: int
    path: list[str]
    message: str
    wanted: list[str]


class ReadDefinition(TypedDict):
    """A definition in CUE. `line` is its first line in the file."""

    name: str
    about: Fields
    template: str
    line: int


class Answer(TypedDict, total=False):
    """The answer to a question.

    `limit` is the exceeded limit of an evaluation ("time", "memory" or "life"), and `part` the part
    of the component in evaluation.
    """

    at: int
    definition: ReadDefinition
    objects: list[AnswerObject]
    findings: list[Finding]
    value: Any
    paths: list[list[str | int]]
    limit: str
    part: int


# Asks an evaluator or a cache. Raises EvaluatorError.
Ask = Callable[[Question], Answer]
