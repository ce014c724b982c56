"""Find objects with the same name, which would overwrite each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

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
    "rename it; or set existingServiceName in the gateway trait, so that the "
    "trait creates no Service"
)
_WRITTEN = "writeConnectionSecretToRef"
_MOUNTED = ("ConfigMap", "PersistentVolumeClaim", "Secret")


class _Object(NamedTuple):
    """A deployed object. `rendered` None: the project adds it to the rendered objects."""

    owner: JudgedComponent
    kind: GroupKind
    namespace: str
    name: str
    rendered: RenderedObject | None = None
    # Whether a controller writes it, as a Secret, for the rendered object.
    written: bool = False
    # The Service in `access.service`, which another owner creates.
    named: NamedService | None = None

    @property
    def is_named_by_owner(self) -> bool:
        """Whether it is named after the component, like all of the component's own objects."""
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


def duplicates(components: Sequence[JudgedComponent]) -> Findings:
    """Yield objects with the same group, kind, namespace and name.

    They include objects that the project adds, and Secrets that controllers write. Two Services of
    one component are merged if they select the same pods. Ingresses are not deployed. Objects that
    both only read, or share by policy, may repeat.
    """
    first: _ByIdentity = {}
    for component in components:
        yield from _duplicates_of(component, first)
    for component in components:
        for rendered in component.objects:
            for inner in inner_objects(rendered):
                later = _Object(
                    component,
                    inner.group_kind,
                    inner.namespace,
                    inner.name,
                    inner,
                )
                earlier = first.get(later.identity, later)
                if earlier.owner is not component:
                    yield _duplicate(earlier, later)


def _duplicates_of(component: JudgedComponent, first: _ByIdentity) -> Findings:
    """Yield the duplicates of a component's objects and `first`, and add others to `first`."""
    is_reported = False
    for later in _objects(component):
        earlier = first.setdefault(later.identity, later)
        if earlier is later or _is_allowed(earlier, later):
            continue
        # Objects named after the component collide together; report one.
        if later.is_named_by_owner:
            if is_reported:
                continue
            is_reported = True
        yield _duplicate(earlier, later)


def _is_allowed(earlier: _Object, later: _Object) -> bool:
    if _is_same_service(earlier, later) or _is_shared(earlier, later):
        return True
    return later.kind == _SECRET and _may_write_secret(earlier, later)


def _objects(component: JudgedComponent) -> Iterator[_Object]:
    for rendered in component.objects:
        if (kind_of := rendered.group_kind) not in INGRESSES:
            yield _Object(
                component, kind_of, rendered.namespace, rendered.name, rendered
            )
        secret = mapping(rendered.spec.get(_WRITTEN))
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


def _may_write_secret(earlier: _Object, later: _Object) -> bool:
    """Tell whether a second Secret is allowed: several objects may write one Secret, and
    overwritten credentials have their own finding."""
    for owner in (earlier.owner, later.owner):
        if (
            later.namespace == owner.namespace
            and later.name in owner.credentials
        ):
            return True
    return earlier.owner is later.owner and (earlier.written or later.written)


def _is_same_service(earlier: _Object, later: _Object) -> bool:
    """Tell whether both are one component's Service, with the same pods."""
    if later.kind != _SERVICE or earlier.owner is not later.owner:
        return False
    if earlier.rendered is None or later.rendered is None:
        return False
    return _selector(earlier.rendered) == _selector(later.rendered)


def _is_shared(earlier: _Object, later: _Object) -> bool:
    """Tell whether both objects are shared by policy, or both only read."""
    if earlier.rendered is None or later.rendered is None:
        return False
    first = earlier.rendered.options
    second = later.rendered.options
    return (first.patch and second.patch) or (first.read and second.read)


def _selector(service: RenderedObject) -> dict[str, str]:
    return texts(service.spec.get("selector"))


def _duplicate(earlier: _Object, later: _Object) -> Diagnostic:
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
            f"'{earlier.owner.key}' also creates {where} ({earlier.position}), "
            "and access.service is for Services of others; expose it only "
            f"with the gateway trait of '{earlier.owner.key}'"
        )
    elif later.owner is earlier.owner:
        if (
            later.rendered is None
        ):  # report the object that the author can change
            earlier, later = later, earlier
        maker = (
            "by Kong-OAM itself" if earlier.rendered is None else "once more"
        )
        remedy = "give it another name"
        if later.kind == _SERVICE and earlier.rendered and later.rendered:
            remedy = _OF_GATEWAY
        message = (
            f"{where} of '{later.owner.key}' would also be created {maker} "
            f"({earlier.position}); {remedy}"
        )
    else:
        remedy = "rename one, or give each Application its own namespace"
        is_written = earlier.rendered and later.rendered
        if is_written and later.kind[1] in _MOUNTED:
            remedy = (
                "create it once, and mount it elsewhere with mountOnly: true "
                "(trait storage); or rename one"
            )
        message = (
            f"{where} would also be created for '{earlier.owner.key}' "
            f"({earlier.position}); {remedy}"
        )
    return Diagnostic("OAM107", message, later.position)
