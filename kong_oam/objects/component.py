"""What is judged: the components of a stack with their objects, and what the stack takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.diagnostics import Diagnostic, Position
from kong_oam.oam.position import Texts
from kong_oam.oam.rendered import Objects, Path, RenderedObject
from kong_oam.objects.selection import NamedService

Reach = Literal["cluster", "loadBalancer", "nodePort"]


NamespacedName = tuple[str, str]
"""The namespace and the name of an object."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a stack takes.

    `allowed`: kinds besides the usual ones, `<group>/<Kind>` or `Kind` of the core group, other
    namespaces, as `<namespace>/Namespace`, and what pods may use, `<name>/RuntimeClass` and
    `<driver>/CSIDriver`, each with a text that says what that may open. `reach`: how the gateway
    reaches Services. `service_types`: what others may be. `operator_labels`: by `<group>/<Kind>`,
    the label that an operator puts on the pods of an object, with its name. `metadata`: keys and
    domains of labels and annotations that open nothing. `rights`: by component, what its roles may
    give beside what is harmless.
    """

    allowed: Texts = field(default_factory=dict)
    rbac: bool = False
    reach: Reach = "cluster"
    gateway_namespace: str | None = None
    service_types: tuple[str, ...] = ()
    operator_labels: Texts = field(default_factory=dict)
    metadata: Texts = field(default_factory=dict)
    rights: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedComponent:
    """A component as far as its objects are judged.

    `objects` are rendered ones, whichever source gave them. `made` are kind and name of those that
    the project makes beside them, `named` is a Service that somebody else makes the pods of.
    `routed` are the Services that the gateway reaches, `credentials` the Secrets with what its
    clients prove themselves by, and `keys` those with the certificate and the key that its workload
    shows; `certified` are the names in it that the gateway believes it by. `shown` are the Secrets
    with the key by which the gateway answers for its hosts.
    """

    application: str
    name: str
    namespace: str
    type: str
    position: Position
    cluster: str | None = None
    """None: the stack's own."""
    objects: Objects = ()
    made: tuple[tuple[str, str], ...] = ()
    routed: frozenset[str] = frozenset()
    credentials: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    certified: frozenset[str] = frozenset()
    named: NamedService | None = None

    @property
    def key(self) -> str:
        return f"{self.application}/{self.name}"

    @property
    def guarded(self) -> bool:
        """Whether anything of access goes by its objects: a route leads to it, or it is a
        client."""
        return bool(self.routed or self.named or self.credentials)

    @property
    def accounts(self) -> frozenset[NamespacedName]:
        """Its ServiceAccounts."""
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
        """Return a finding about one of its objects, and what is at a path in it."""
        what = (
            f"{rendered.kind} '{rendered.name}'"
            if rendered.kind
            else "an object"
        )
        by = (f"it is made by {rendered.defined}",) if rendered.defined else ()
        return Diagnostic(
            code,
            f"{what} of '{self.key}': {message}",
            rendered.said_at(path),
            details=by,
        )


def dotted(path: Path) -> str:
    """Return a path in an object as messages have it: `spec.template.spec.containers[0].image`."""
    steps = (f"[{step}]" if step.isdecimal() else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")
