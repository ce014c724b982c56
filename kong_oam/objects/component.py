"""The input of the checks: components with their objects, and the settings of the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.diagnostics import Diagnostic, Position
from kong_oam.oam.position import Names, Texts
from kong_oam.oam.rendered import Objects, Path, RenderedObject
from kong_oam.objects.selection import APPLICATION, COMPONENT, NamedService

Reach = Literal["cluster", "loadBalancer", "nodePort"]


# The namespace and the name of an object.
NamespacedName = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of a stack for the checks.

    `allowed`: kinds beyond the usual kinds (`<group>/<Kind>`, or `Kind` of the core group), other
    namespaces (`<namespace>/Namespace`), and `<name>/RuntimeClass` or `<driver>/CSIDriver` for
    pods. Each has a text that explains the risk.

    `reach`: how the gateway reaches Services. `service_types`: types of other Services.
    `operator_labels`: by `<group>/<Kind>`, the pod label in which an operator writes the object's
    name. `metadata`: harmless keys and domains of labels and annotations. `rights`: by component,
    allowed rights of its roles.
    """

    allowed: Texts = field(default_factory=dict)
    rbac: bool = False
    reach: Reach = "cluster"
    gateway_namespace: str | None = None
    service_types: Names = ()
    operator_labels: Texts = field(default_factory=dict)
    metadata: Texts = field(default_factory=dict)
    rights: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedComponent:
    """A component as the checks see it.

    `objects` are the rendered objects. `made` are kinds and names of objects that the project adds.
    `named` is a Service whose pods another owner creates. `routed` are the Services that the
    gateway calls.

    `connected`: whether other pods may connect to its pods inside the cluster. `credentials` are
    the Secrets of its client. `keys` are the Secrets with its workload's
    certificate and key. `certified` are the names in that certificate. `shown` are the Secrets with
    the TLS keys of its hosts.
    """

    application: str
    name: str
    namespace: str
    type: str
    position: Position
    # None: the stack's default cluster.
    cluster: str | None = None
    objects: Objects = ()
    made: tuple[tuple[str, str], ...] = ()
    routed: frozenset[str] = frozenset()
    connected: bool = False
    credentials: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    certified: frozenset[str] = frozenset()
    named: NamedService | None = None

    @property
    def key(self) -> str:
        return f"{self.application}/{self.name}"

    @property
    def pod_labels(self) -> Texts:
        """The labels by which its NetworkPolicy selects its pods."""
        return {APPLICATION: self.application, COMPONENT: self.name}

    @property
    def is_accessible(self) -> bool:
        """Whether access depends on its objects: a route or a connection leads to it, or it is a
        client."""
        return bool(
            self.routed or self.connected or self.named or self.credentials
        )

    @property
    def accounts(self) -> frozenset[NamespacedName]:
        """The ServiceAccounts of the component."""
        accounts = set()
        for kind, name in self.made:
            if kind == "ServiceAccount":
                accounts.add((self.namespace, name))
        for rendered in self.objects:
            if rendered.group_kind == ("", "ServiceAccount"):
                accounts.add((rendered.namespace, rendered.name))
        return frozenset(accounts)

    def refused(
        self, code: str, rendered: RenderedObject, message: str, path: Path = ()
    ) -> Diagnostic:
        """Return a finding about one of its objects, at a path in it."""
        label = (
            f"{rendered.kind} '{rendered.name}'"
            if rendered.kind
            else "an object"
        )
        by = (f"rendered by {rendered.defined}",) if rendered.defined else ()
        return Diagnostic(
            code,
            f"{label} of '{self.key}': {message}",
            rendered.position_at(path),
            details=by,
        )


def dotted(path: Path) -> str:
    """Return a path in an object as messages show it: `spec.template.spec.containers[0].image`."""
    steps = (f"[{step}]" if step.isdecimal() else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")
