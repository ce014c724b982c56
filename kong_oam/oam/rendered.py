"""A Kubernetes object that a definition renders for a component."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from kong_oam.diagnostics import Position
from kong_oam.oam.position import Fields, Names

# A path in an object: fields, and indexes of lists.
Path = tuple[str, ...]
# The mappings in an object, with their paths.
Inside = Sequence[tuple[Path, Fields]]
# The API group of an object (empty for the core group) and its kind.
GroupKind = tuple[str, str]
_Mappings = list[tuple[Path, Fields]]
_LEAVES = frozenset({str, int, float, bool, type(None)})

_TEMPLATE = ("spec", "template")
# The workload kinds of Kubernetes, each with the path of its pod template.
WORKLOADS = {
    ("", "Pod"): (),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_TEMPLATE),
}


@dataclass(frozen=True, slots=True)
class Options:
    """The Pulumi options of an object, from the rules of its Application."""

    ignore_changes: Names = ()
    replace_on_changes: Names = ()
    retain_on_delete: bool = False
    # Whether the object belongs to another owner, and is only read.
    read: bool = False
    # Whether an existing object is imported.
    take_over: bool = False
    # Whether only the declared fields change, since other owners share the object.
    patch: bool = False


# The placeholder for a value that only the cluster knows, until it is deployed.
PLACEHOLDER = re.compile(r"awaited-value-[0-9a-f]{16}")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Awaited:
    """A value that only the cluster knows: the value at `path` of another component's object."""

    placeholder: str
    # The name of that component in the same Application.
    component: str
    api: str
    kind: str
    namespace: str
    name: str
    path: tuple[str | int, ...]


@dataclass(frozen=True)
class RenderedObject:
    """An object in Kubernetes' format, and its origin."""

    object: Fields
    # The index of the trait that rendered it; None for the component's definition.
    trait: int | None
    # Its name in the definition's `outputs`; empty for the workload.
    key: str
    # The position of the trait's or component's type in the Application, or of the object itself.
    position: Position = field(compare=False)
    # The path of the pod spec, for a workload of a kind that Kubernetes does not have.
    pod_spec_path: str = ""
    options: Options = Options()
    # Values of other components in it that only the cluster knows.
    awaited: tuple[Awaited, ...] = ()
    # The project's definition that rendered it, for messages; empty for built-in definitions.
    defined: str = field(default="", compare=False)
    # Whether it is part of another object, from which a controller may create it.
    nested: bool = False
    # Whether it follows only from the properties of a plain component, without a definition.
    plain: bool = False
    # Whether it needs no checks, because its source is known to be right.
    inert: bool = False
    # Positions in the Application, by path in the object. A position covers everything below its
    # path.
    positions: Mapping[Path, Position] = field(
        default_factory=dict, compare=False
    )

    def position_at(self, path: Path) -> Position:
        """Return the position for a path: the nearest known path above it, else `position`."""
        for length in range(len(path), 0, -1):
            if found := self.positions.get(path[:length]):
                return found
        return self.position

    @cached_property
    def inside(self) -> Inside:
        """Every mapping in it at any depth, itself first."""
        found: _Mappings = []
        _walk(self.object, (), found)
        return found

    @cached_property
    def known(self) -> dict[Any, Any]:
        """Cached results of checks, by function."""
        return {}

    def recall(self, find: Callable[[RenderedObject], Found]) -> Found:
        """Return the result of a function for this object, from the cache if possible."""
        known = self.known
        if find not in known:
            known[find] = find(self)
        found: Found = known[find]
        return found

    @cached_property
    def group_kind(self) -> GroupKind:
        """Its API group and kind; see `group_kind`."""
        return group_kind(self.object)

    @property
    def kind(self) -> str:
        return str(self.object.get("kind") or "")

    @property
    def api(self) -> str:
        """Its `apiVersion`."""
        return str(self.object.get("apiVersion") or "")

    @cached_property
    def name(self) -> str:
        return str(self.metadata.get("name") or "")

    @cached_property
    def namespace(self) -> str:
        """Its namespace; empty if it has none."""
        return str(self.metadata.get("namespace") or "")

    @property
    def metadata(self) -> Fields:
        """Its metadata; empty if it is no mapping."""
        return self._mapping("metadata")

    @property
    def spec(self) -> Fields:
        """Its `spec`; empty if it is no mapping."""
        return self._mapping("spec")

    def _mapping(self, field: str) -> Fields:
        value = self.object.get(field)
        # dict is the usual case, and faster
        return value if isinstance(value, (dict, Mapping)) else {}


Objects = tuple[RenderedObject, ...]


def group_kind(found: Fields) -> GroupKind:
    """Return the API group of an object (empty for the core group) and its kind."""
    group, slash, _ = str(found.get("apiVersion") or "").rpartition("/")
    return (group if slash else ""), str(found.get("kind") or "")


def _walk(value: Any, path: Path, found: _Mappings) -> None:
    if isinstance(value, (dict, Mapping)):
        found.append((path, value))
        for key, item in value.items():
            if type(item) not in _LEAVES:
                _walk(item, (*path, str(key)), found)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if type(item) not in _LEAVES:
                _walk(item, (*path, str(index)), found)
