"""What the evaluator reads and answers, line by line: the JSON of `evaluator/request.go`."""

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
    """Asks for the objects of a component, for the definition in a file, or for a value."""

    component: QuestionPart
    traits: list[QuestionPart]
    context: Fields
    file: str
    text: str
    valueFrom: str
    scope: Fields


class Made(TypedDict):
    """An object of a component. `part` is the trait that makes it, or -1."""

    object: Fields
    part: int
    key: str


class Finding(TypedDict, total=False):
    """Says why there is no answer. `part` is the trait, or -1."""

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
    """Answers a question. `limit` is the limit that an evaluation passed ("time", "memory" or
    "life"), and `part` the part of the component that was evaluated then."""

    at: int
    definition: ReadDefinition
    objects: list[Made]
    findings: list[Finding]
    value: Any
    paths: list[list[str | int]]
    limit: str
    part: int


Ask = Callable[[Question], Answer]
"""Asks an evaluator, or for an answer that is kept. Raises EvaluatorError."""
