"""The inputs of a resource by the installed SDK: their names, types, and whether they are required.

The SDK classes are generated from the provider's schema, so the official plugin rejects inputs that
they lack ("Invalid or unknown key"). They are read lazily, one module at a time:
`pulumi_kubernetes` is big.

The SDK does not describe defaults, secrets and replacements, so the resources here do.
"""

import difflib
import importlib
import inspect
import threading
import types
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pulumi
from pulumi import _types
from pulumi.runtime import rpc

from sandbox.plugins.values import Unknown, Value

SDKS = {
    "kong": "pulumi_kong",
    "okta": "pulumi_okta",
    "keycloak": "pulumi_keycloak",
    "azuread": "pulumi_azuread",
    "kubernetes": "pulumi_kubernetes",
    "time": "pulumiverse_time",
    "tls": "pulumi_tls",
}


class NoSuchResourceError(LookupError):
    """The installed SDK has no resource of this type."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in the inputs: its place (`spec.template.spec.contaners`) and its text."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a resource or of an object type in it: names as the engine spells them, types
    as Python hints."""

    hints: Mapping[str, typing.Any]
    required: frozenset[str]


# The engine checks many resources at once, and an SDK's lazy modules must not be imported twice
# concurrently.
_importing = threading.RLock()


def inputs_of(token: str) -> Inputs:
    """Return the inputs of the resource `token`, such as `kong:index/route:Route`. Raises
    NoSuchResourceError."""
    with _importing:
        return _inputs_of(token)


@cache
def _inputs_of(token: str) -> Inputs:
    package, module, _ = token.split(":")
    sdk = importlib.import_module(SDKS[package])
    for registered in rpc._RESOURCE_MODULES.get(f"{package}:{module}", ()):
        described = getattr(registered, "mod_info", {})
        if token in described.get("classes", {}):
            python = importlib.import_module(described["fqn"])
            return object_inputs(
                _arguments_class(python, described["classes"][token])
            )
    raise NoSuchResourceError(
        f"{token}: the installed {sdk.__name__} has no such resource"
    )


def _arguments_class(module: types.ModuleType, name: str) -> type:
    # An SDK appends "Init" if the schema has an object type of the same name (kubernetes:
    # DeploymentInitArgs).
    for candidate in (f"{name}InitArgs", f"{name}Args"):
        if hasattr(module, candidate):
            return typing.cast(type, getattr(module, candidate))
    raise NoSuchResourceError(
        f"{module.__name__} has no arguments class for {name}"
    )


@cache
def object_inputs(arguments: type) -> Inputs:
    """Return the inputs of one `...Args` class of an SDK."""
    spelling = _types.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments).parameters
    required = {
        spelling[name]
        for name, parameter in parameters.items()
        if name in spelling and parameter.default is inspect.Parameter.empty
    }
    return Inputs(_types.input_type_types(arguments), frozenset(required))


def problems(token: str, properties: Mapping[str, Value]) -> Iterator[Problem]:
    """Everything that the SDK's types do not allow in `properties`, at any depth."""
    yield from _object_problems("", properties, inputs_of(token))


def _object_problems(
    path: str, value: Mapping[str, Value], inputs: Inputs
) -> Iterator[Problem]:
    for key, item in value.items():
        if key.startswith(
            "__"
        ):  # the engine's own bookkeeping, such as __defaults
            continue
        where = f"{path}.{key}" if path else key
        if key not in inputs.hints:
            near = difflib.get_close_matches(key, inputs.hints, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield Problem(
                where,
                f"Invalid or unknown key {key!r} (its value: {_shown(item)}){hint}",
            )
        else:
            yield from _value_problems(where, item, inputs.hints[key])
    for key in sorted(inputs.required - value.keys()):
        yield Problem(
            f"{path}.{key}" if path else key,
            f"Missing required property {key!r}",
        )


def _value_problems(
    path: str, value: Value, hint: typing.Any
) -> Iterator[Problem]:
    if value is None or isinstance(value, Unknown) or hint is typing.Any:
        return
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        yield from _union_problems(path, value, arguments)
    elif origin is typing.Literal:
        if value not in arguments:
            yield Problem(
                path,
                f"expected {' or '.join(map(repr, arguments))}, got {_shown(value)}",
            )
    elif origin in (Sequence, list):
        yield from _list_problems(path, value, arguments[0])
    elif origin in (Mapping, dict):
        if not isinstance(value, Mapping):
            yield Problem(path, f"expected a map, got {_shown(value)}")
            return
        for key, item in value.items():
            yield from _value_problems(f"{path}[{key!r}]", item, arguments[1])
    elif _types.is_input_type(hint):
        if isinstance(value, Mapping):
            yield from _object_problems(path, value, object_inputs(hint))
        else:
            yield Problem(path, f"expected an object, got {_shown(value)}")
    elif not _is_scalar(value, hint):
        yield Problem(
            path, f"expected {_NAMES.get(hint, 'a value')}, got {_shown(value)}"
        )


def _list_problems(
    path: str, value: Value, hint: typing.Any
) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, f"expected a list, got {_shown(value)}")
        return
    for index, item in enumerate(value):
        yield from _value_problems(f"{path}[{index}]", item, hint)


def _union_problems(
    path: str, value: Value, arguments: tuple[typing.Any, ...]
) -> Iterator[Problem]:
    """An input is a union of the value itself and its awaitable forms; the problems of the closest
    member count."""
    members = [hint for hint in arguments if not _is_wrapper(hint)]
    findings = [list(_value_problems(path, value, hint)) for hint in members]
    if findings and all(findings):
        yield from max(
            findings,
            key=lambda problems: max(len(problem.path) for problem in problems),
        )


def _is_wrapper(hint: typing.Any) -> bool:
    origin = typing.get_origin(hint) or hint
    if isinstance(origin, type):
        # A TypedDict has the same fields as the Args class beside it.
        return origin in (
            Awaitable,
            types.NoneType,
            pulumi.Output,
        ) or typing.is_typeddict(origin)
    return isinstance(hint, typing.ForwardRef | str)


_NAMES = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
}


def _is_scalar(value: Value, hint: typing.Any) -> bool:
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint in (str, bool):
        return isinstance(value, hint)
    # An enum of strings: any string is let through, as upstream.
    if isinstance(hint, type) and issubclass(hint, str):
        return isinstance(value, str)
    return True


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
