"""Objects of one name: two of them would overwrite each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kong_oam.diagnostics import Diagnostic, Findings, Position
from kong_oam.oam.rendered import GroupKind, RenderedObject
from kong_oam.objects.component import JudgedComponent
from kong_oam.objects.known_kinds import INGRESSES, is_cluster_scoped
from kong_oam.objects.pods import mapping, texts
from kong_oam.objects.selection import NamedService
from kong_oam.objects.texts import inner_objects

_GROUPS = {"NetworkPolicy": "networking.k8s.io"}
_SECRET = ("", "Secret")
_SERVICE = ("", "Service")
_OF_GATEWAY = (
    "give it another name; or where the gateway trait makes the one, have its existingServiceName "
    "name the other, and it makes none"
)
_WRITTEN = "writeConnectionSecretToRef"


@dataclass(frozen=True, slots=True)
class _Object:
    """An object that is deployed. `rendered` None: the project adds it to what is rendered."""

    owner: JudgedComponent
    kind: GroupKind
    namespace: str
    name: str
    rendered: RenderedObject | None = None
    written: bool = False
    """Whether it is a Secret that a controller writes for the rendered object."""
    named: NamedService | None = None
    """What the access trait says of a Service that is made elsewhere."""

    @property
    def is_named_by_owner(self) -> bool:
        """Whether the component's own name is the object's: with one such object all of them go."""
        return self.named is None and (
            self.rendered is None or self.rendered.plain
        )

    @property
    def position(self) -> Position:
        if self.named:
            return self.named.position
        return self.rendered.position if self.rendered else self.owner.position

    @property
    def identity(self) -> _Identity:
        return (
            self.kind,
            "" if is_cluster_scoped(self.kind) else self.namespace,
            self.name,
        )


_Identity = tuple[GroupKind, str, str]
_ByIdentity = dict[_Identity, _Object]


def twins(components: Sequence[JudgedComponent]) -> Findings:
    """Yield objects of one group, kind, namespace and name, of rendered ones and of those that the
    project adds, and of Secrets that controllers write for a component.

    An object within another replaces none of another component. Two Services of one component are
    one, with the ports of both, where they select the same pods. Ingresses are not deployed. What
    shared-resource policies of both name is nobody's alone, and what both only read is made by
    neither.
    """
    first: _ByIdentity = {}
    for component in components:
        yield from _twins_of(component, first)
    for component in components:
        for rendered in component.objects:
            for inner in inner_objects(rendered):
                made = _Object(
                    component,
                    inner.group_kind,
                    inner.namespace,
                    inner.name,
                    inner,
                )
                there = first.get(made.identity, made)
                if there.owner is not component:
                    yield _twin(there, made)


def _twins_of(component: JudgedComponent, first: _ByIdentity) -> Findings:
    """Yield the objects of a component that are among the `first`, and put the others there."""
    told = False
    for later in _objects(component):
        earlier = first.setdefault(later.identity, later)
        if earlier is later or _may_be_twins(earlier, later):
            continue
        # Of the objects that have their component's name, all go together.
        if later.is_named_by_owner:
            if told:
                continue
            told = True
        yield _twin(earlier, later)


def _may_be_twins(earlier: _Object, later: _Object) -> bool:
    if _are_one(earlier, later) or _are_shared(earlier, later):
        return True
    return later.kind == _SECRET and _is_told(earlier, later)


def _objects(component: JudgedComponent) -> Iterator[_Object]:
    for rendered in component.objects:
        if (kind_of := rendered.group_kind) not in INGRESSES:
            yield _Object(
                component, kind_of, rendered.namespace, rendered.name, rendered
            )
        secret = mapping(mapping(rendered.object.get("spec")).get(_WRITTEN))
        if secret.get("name"):
            namespace = str(secret.get("namespace") or rendered.namespace)
            yield _Object(
                component,
                _SECRET,
                namespace,
                str(secret["name"]),
                rendered,
                written=True,
            )
    for kind, name in component.made:
        yield _Object(
            component, (_GROUPS.get(kind, ""), kind), component.namespace, name
        )
    if named := component.named:
        yield _Object(
            component, _SERVICE, component.namespace, named.name, named=named
        )


def _is_told(earlier: _Object, later: _Object) -> bool:
    """Tell whether two may write a Secret. Several objects of a component may write one; and
    whoever overwrites a credential is told already."""
    for owner in (earlier.owner, later.owner):
        if (
            later.namespace == owner.namespace
            and later.name in owner.credentials
        ):
            return True
    return earlier.owner is later.owner and (earlier.written or later.written)


def _are_one(earlier: _Object, later: _Object) -> bool:
    """Tell whether both are the Service of one component, with the same pods."""
    if later.kind != _SERVICE or earlier.owner is not later.owner:
        return False
    if earlier.rendered is None or later.rendered is None:
        return False
    return _selector(earlier.rendered) == _selector(later.rendered)


def _are_shared(earlier: _Object, later: _Object) -> bool:
    """Tell whether the rules of both say that others have a part in it, so that each changes no
    more than it says, or that it is read alone."""
    if earlier.rendered is None or later.rendered is None:
        return False
    first = earlier.rendered.options
    second = later.rendered.options
    return (first.patch and second.patch) or (first.read and second.read)


def _selector(service: RenderedObject) -> dict[str, str]:
    return texts(mapping(service.object.get("spec")).get("selector"))


def _twin(earlier: _Object, later: _Object) -> Diagnostic:
    kind = f"{later.kind[1]} '{later.name}'"
    where = (
        f"{kind} in namespace '{later.namespace}'"
        if later.identity[1]
        else kind
    )
    if earlier.named and not later.named:
        earlier, later = later, earlier
    if later.named:
        message = (
            f"{where} is of '{earlier.owner.key}', too ({earlier.position}), and access.service is "
            "for what is made elsewhere; have one component expose it, by its own gateway trait "
            "where it makes it"
        )
    elif later.owner is earlier.owner:
        if (
            later.rendered is None
        ):  # whoever wrote the Application can change the other
            earlier, later = later, earlier
        what = "by Kong-OAM itself" if earlier.rendered is None else "once more"
        mend = "give it another name"
        if later.kind == _SERVICE and earlier.rendered and later.rendered:
            mend = _OF_GATEWAY
        message = f"{where} of '{later.owner.key}' would also be made {what} ({earlier.position}); {mend}"
    else:
        message = (
            f"{where} would also be made for '{earlier.owner.key}' ({earlier.position}); rename one, "
            "or give the applications namespaces of their own"
        )
    return Diagnostic("OAM107", message, later.position)
