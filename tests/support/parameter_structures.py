"""Read the structure of a definition's `parameter` from its CUE: to compare two structures, and to
make valid properties.

It reads the part of CUE that parameters use: structs with optional, conditional and patterned
fields, open lists and alternatives with defaults. It also reads bounds, literals, and names of
other fields of the template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.support.json_object import JsonObject

_TOKEN = re.compile(
    r'//[^\n]*|\n|[ \t]+|"(?:[^"\\\n]|\\.)*"|\d+(?:\.\d+)?|_\|_|[#_A-Za-z$][\w$#]*|\.\.\.|=~|>=|<=|==|!=|&&|\|\||.'
)
_TYPES = {"string", "int", "number", "bool"}
_KINDS: Mapping[type, str] = {
    str: "string",
    int: "int",
    float: "number",
    bool: "bool",
}
_LITERALS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Field:
    name: str
    optional: bool
    type: Type
    condition: str = ""
    """Empty, or `field == "value"`, of a field beside it or in an outer struct."""


@dataclass(frozen=True)
class Struct:
    fields: frozenset[Field] = frozenset()
    pattern: Type | None = None
    open: bool = False


@dataclass(frozen=True)
class ListOf:
    type: Type


@dataclass(frozen=True)
class Rule:
    """A type ("string"), a literal ("=" and JSON), a bound (">=1"), or an expression that must
    match ("=~...")."""

    text: str


@dataclass(frozen=True)
class Either:
    options: frozenset[tuple[bool, Type]]
    """Each type, and whether it is the default."""


@dataclass(frozen=True)
class All:
    parts: frozenset[Type]


Type = Struct | ListOf | Rule | Either | All


def parameter(text: str) -> Type:
    """Return the structure of `parameter` in a template, or in a file as `vela def` writes it."""
    return _Reader(text).named("parameter")


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = [
            token
            for token in _TOKEN.findall(text)
            if not token.startswith(("//", " ", "\t"))
        ]
        self._here = 0
        self._names = self._fields(0)
        if "template" in self._names:
            self._names = self._fields(self._names["template"] + 1)

    def _fields(self, start: int) -> dict[str, int]:
        """Return the starts of the fields' values from a place up to the closing brace."""
        found: dict[str, int] = {}
        depth = 0
        for index in range(start, len(self._tokens) - 1):
            token = self._tokens[index]
            depth += (token in "{[(") - (token in "}])")
            if depth < 0:
                break
            begins = index == start or self._tokens[index - 1] == "\n"
            if depth == 0 and begins and self._tokens[index + 1] == ":":
                found.setdefault(token.strip('"'), index + 2)
        return found

    def named(self, name: str) -> Type:
        before, self._here = self._here, self._names[name]
        type_ = self._expression()
        self._here = before
        return type_

    def _next(self) -> str:
        return self._tokens[self._here]

    def _take(self, wanted: str | None = None) -> str:
        token = self._tokens[self._here]
        assert wanted in (None, token), (
            f"{wanted} expected at: {' '.join(self._tokens[self._here : self._here + 9])}"
        )
        self._here += 1
        return token

    def _skip(self) -> None:
        while self._next() in "\n,":
            self._here += 1

    def _expression(self) -> Type:
        if self._labelled():
            return Struct(frozenset([self._field()]))
        if self._next() == "[" and self._tokens[
            self._here + 2 : self._here + 4
        ] == [
            "]",
            ":",
        ]:
            return Struct(pattern=self._pattern())
        options = [self._option()]
        while self._next() == "|":
            self._take()
            options.append(self._option())
        if len(options) == 1 and not options[0][0]:
            return options[0][1]
        flat = frozenset(
            inner for option in options for inner in _flat(*option)
        )
        return Either(
            frozenset(
                (default, type_)
                for default, type_ in flat
                if default or (True, type_) not in flat
            )
        )

    def _pattern(self) -> Type:
        for token in ("[", "string", "]", ":"):
            self._take(token)
        return self._expression()

    def _labelled(self) -> bool:
        ahead = self._tokens[self._here : self._here + 3]
        return bool(re.match(r'[\w"]', ahead[0])) and (
            ahead[1] == ":" or ahead[1:] == ["?", ":"]
        )

    def _option(self) -> tuple[bool, Type]:
        default = self._next() == "*"
        if default:
            self._take()
        parts = [self._term()]
        while self._next() == "&":
            self._take()
            parts.append(self._term())
        return default, parts[0] if len(parts) == 1 else All(frozenset(parts))

    def _term(self) -> Type:
        token = self._take()
        if token == "{":
            return self._struct()
        if token == "[":
            return self._list()
        if token == "(":
            inner = self._expression()
            self._take(")")
            return inner
        if token == "close":
            return self._term()
        if token in ("=~", ">=", "<="):
            return Rule(token + self._take())
        if token in _TYPES:
            return Rule(token)
        if token in _LITERALS or token[0] in '"0123456789':
            return Rule(
                "="
                + json.dumps(
                    _LITERALS[token]
                    if token in _LITERALS
                    else json.loads(token)
                )
            )
        if self._next() == ".":  # of the context
            return Rule(token + self._take() + self._take())
        return self.named(token)

    def _list(self) -> Type:
        if self._next() == "...":
            self._take()
            inner = self._expression()
            self._take("]")
            return ListOf(inner)
        entries = []
        while self._next() != "]":
            self._skip()
            entries.append(json.loads(self._take()))
            self._skip()
        self._take("]")
        return Rule("=" + json.dumps(entries))

    def _struct(self) -> Type:
        fields: list[Field] = []
        pattern: Type | None = None
        is_open = False
        self._skip()
        while self._next() != "}":
            if self._next() == "...":
                self._take()
                is_open = True
            elif self._next() == "[":
                pattern = self._pattern()
            elif self._next() == "if":
                fields += self._conditional()
            elif self._labelled():
                fields.append(self._field())
            else:  # the fields of another struct
                embedded = self._expression()
                assert isinstance(embedded, Struct)
                fields += embedded.fields
            self._skip()
        self._take("}")
        return Struct(
            frozenset(fields), pattern, is_open or not (fields or pattern)
        )

    def _conditional(self) -> list[Field]:
        self._take("if")
        words = []
        while self._next() != "{":
            words.append(self._take())
        inner = self._term()
        assert isinstance(inner, Struct)
        conditions = " ".join(words).split(" || ")
        return [
            Field(field.name, field.optional, field.type, condition)
            for condition in conditions
            for field in inner.fields
        ]

    def _field(self) -> Field:
        name = self._take().strip('"')
        optional = self._next() == "?"
        if optional:
            self._take()
        self._take(":")
        type_ = self._expression()
        return Field(
            name, optional, _without_default(type_) if optional else type_
        )


def _flat(default: bool, option: Type) -> list[tuple[bool, Type]]:
    """Return an alternative, or its own alternatives."""
    return (
        [*option.options]
        if isinstance(option, Either) and not default
        else [(default, option)]
    )


def taken(type_: Type) -> Type:
    """Return the type of valid properties before gaps are filled: without defaults, and every field
    that may be missing is optional."""
    match type_:
        case Struct(fields, pattern, is_open):
            inner = (
                Field(
                    field.name,
                    _may_be_missing(field),
                    taken(field.type),
                    field.condition,
                )
                for field in fields
            )
            return Struct(frozenset(inner), pattern and taken(pattern), is_open)
        case ListOf(inner_type):
            return ListOf(taken(inner_type))
        case Either(options):
            return _without_default(
                Either(
                    frozenset(
                        (default, taken(option)) for default, option in options
                    )
                )
            )
    return type_


def _may_be_missing(field: Field) -> bool:
    type_ = field.type
    if isinstance(type_, Struct):
        return field.optional or all(map(_may_be_missing, type_.fields))
    return field.optional or (
        isinstance(type_, Either)
        and any(default for default, _ in type_.options)
    )


def _without_default(type_: Type) -> Type:
    """Return the type without a default, and without literals of a type that is allowed too."""
    if not isinstance(type_, Either):
        return type_
    all_of = {
        option.text
        for _, option in type_.options
        if isinstance(option, Rule) and option.text in _TYPES
    }
    kept = frozenset(
        option for _, option in type_.options if _kind_of(option) not in all_of
    )
    return (
        next(iter(kept))
        if len(kept) == 1
        else Either(frozenset((False, option) for option in kept))
    )


def _kind_of(option: Type) -> str:
    """Return the type of a literal, or the type in the context; empty where neither is known."""
    if not isinstance(option, Rule) or option.text in _TYPES:
        return ""
    if option.text.startswith("context."):
        return "string"
    return (
        _KINDS.get(type(json.loads(option.text[1:])), "")
        if option.text.startswith("=") and option.text[1] != "~"
        else ""
    )


NAMES: Mapping[str, Sequence[str]] = {
    "containerName": ("", "web", "web", "side", "nobody"),
    "name": ("web", "side", "new", "files", "data"),
    "operator": ("In", "Exists"),
    "volumeMode": ("Filesystem", "Block", "Other"),
}
_WORDS = ("a", "B", "TOKEN", "80", "x y", "web")


@st.composite
def properties(draw: st.DrawFn, type_: Type) -> Any:
    """Draw properties with that structure, often with names from a workload as texts."""
    return _value(draw, type_, "", ())


def _value(
    draw: st.DrawFn,
    type_: Type,
    name: str,
    around: Sequence[tuple[Struct, JsonObject]],
) -> Any:
    match type_:
        case Struct():
            return _mapping(draw, type_, around)
        case ListOf(inner):
            return [
                _value(draw, inner, name, around)
                for _ in range(draw(st.integers(0, 2)))
            ]
        case Either(options):
            chosen = draw(st.sampled_from(sorted(options, key=repr)))
            return _value(draw, chosen[1], name, around)
        case All(parts):
            bounds = [
                int(part.text[2:])
                for part in parts
                if isinstance(part, Rule) and part.text[1] == "="
            ]
            return draw(st.sampled_from([*bounds, sum(bounds) // 2]))
        case Rule(text):
            return _plain(draw, text, name)


def _plain(draw: st.DrawFn, text: str, name: str) -> Any:
    if text.startswith("=~"):
        return draw(st.sampled_from(["1Gi", "500Mi", "3T"]))
    if text.startswith("="):
        return json.loads(text[1:])
    if text.startswith("context."):
        return "web"
    if text == "string":
        return draw(st.sampled_from(NAMES.get(name, _WORDS)))
    if text == "bool":
        return draw(st.booleans())
    whole = st.sampled_from([80, 0, 1, 8080, 30000])
    return draw(
        whole if text == "int" else whole | st.sampled_from([0.5, 1.25])
    )


def _mapping(
    draw: st.DrawFn,
    type_: Struct,
    around: Sequence[tuple[Struct, JsonObject]],
) -> JsonObject:
    made: JsonObject = {}
    here = [*around, (type_, made)]
    for field in sorted(
        type_.fields, key=lambda known: (bool(known.condition), known.name)
    ):
        may_be_missing = field.optional or _default(field.type) is not None
        if _holds(field.condition, here) and not (
            may_be_missing and draw(st.booleans())
        ):
            made[field.name] = _value(draw, field.type, field.name, here)
    if type_.pattern is not None:
        for key in draw(
            st.lists(
                st.sampled_from(["/", "a.b/c", "TOKEN", "B"]),
                max_size=3,
                unique=True,
            )
        ):
            made[key] = _value(draw, type_.pattern, "", here)
    if type_.open:
        made |= draw(
            st.dictionaries(
                st.sampled_from(["k", "l"]),
                st.sampled_from(["v", ""]),
                max_size=2,
            )
        )
    return made


def _default(type_: Type) -> Any:
    if isinstance(type_, Either):
        for default, option in type_.options:
            if (
                default
                and isinstance(option, Rule)
                and option.text.startswith("=")
            ):
                return json.loads(option.text[1:])
    return None


def _holds(condition: str, around: Sequence[tuple[Struct, JsonObject]]) -> bool:
    if not condition:
        return True
    name, _, wanted = condition.partition(" == ")
    for struct, made in reversed(around):
        for field in struct.fields:
            if field.name == name:
                return bool(
                    made.get(name, _default(field.type)) == json.loads(wanted)
                )
    raise AssertionError(f"no field for: if {condition}")


@st.composite
def changed(draw: st.DrawFn, made: Any) -> Any:
    """Draw the value with one value replaced, removed or added, at any depth."""
    made = json.loads(json.dumps(made))
    places = [
        (inner, key)
        for inner in _inner(made)
        for key in (inner if isinstance(inner, dict) else range(len(inner)))
    ]
    mappings = [inner for inner in _inner(made) if isinstance(inner, dict)]
    how = draw(
        st.sampled_from(["add", "remove", "replace"] if places else ["add"])
    )
    if how == "add" and mappings:
        draw(st.sampled_from(mappings))["unheardOf"] = 1
    elif places:
        inner, key = draw(st.sampled_from(places))
        if how == "remove":
            del inner[key]
        else:
            inner[key] = draw(
                st.sampled_from(
                    [None, "x", "", 7, 1.5, True, [], {}, ["x"], {"x": 1}]
                )
            )
    return made


def _inner(value: Any) -> list[Any]:
    if not isinstance(value, dict | list):
        return []
    inside = value.values() if isinstance(value, dict) else value
    return [value, *(inner for item in inside for inner in _inner(item))]
