"""Place the objects of a component on the stack's cluster.

The objects equal KubeVela's, with these differences:

* Ingresses are omitted, since Kong has their routes, and so are annotations for ingress
  controllers.
* Every pod has this stack's images, pull secrets and NetworkPolicy labels. It runs as a
  ServiceAccount of the component or of Kong-OAM.
* All containers get the client's credential.
* List items are unique where an API server accepts duplicates only in creations (see `webservice`).
* Services of one name are merged, with the ports of both.
* `stringData` of a Secret becomes `data`, so that each key has an owner.
* A Kustomization without a target namespace gets its own. Otherwise the repository could choose.
* A run does not wait for a Job that no component waits for, since the Job may never end.

Pure functions. The checks in `kong_oam.objects` come first.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Sequence,
)
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Literal

from kong_oam.access.model import Application, Component
from kong_oam.access.services import routed_at
from kong_oam.access.settings.values import ClusterSettings, Settings
from kong_oam.engine.state import digest
from kong_oam.kubernetes.adapted import (
    admitted_ports,
    annotated,
    answers_outside,
    gateway_peer,
    placed_account,
    placed_service,
    reached_services,
    requested_certificate,
    with_certificate,
    with_source_addresses,
    with_stack_label,
)
from kong_oam.kubernetes.images import mapped_image
from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import Awaited, Options, group_kind
from kong_oam.objects import manifests
from kong_oam.objects.component_pods import component_pods, network_policy_name
from kong_oam.objects.known_kinds import (
    INGRESSES,
    KUSTOMIZATION,
    RELEASE,
    ROLES,
    is_cluster_scoped,
    is_custom,
)
from kong_oam.objects.manifests import Workload, client_secret_name
from kong_oam.objects.pods import (
    CONTAINER_LISTS,
    Manifest,
    Path,
    PodTemplate,
    mapping,
    mappings,
    replaced,
    service_account,
    template_at,
)
from kong_oam.objects.selection import APPLICATION, COMPONENT, NamedService
from kong_oam.objects.webservice import host_aliases

Stage = Literal["foundation", "needed", "beside", "running", "after"]

_FOUNDATIONS = frozenset(
    {("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition")}
)
_NEEDED = ROLES | {
    ("", "ConfigMap"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("networking.k8s.io", "NetworkPolicy"),
}
# Objects without a version: without metadata, or with secret content that a digest could reveal.
_UNVERSIONED = frozenset({RELEASE, ("", "Secret")})
_SKIP_AWAIT = (
    "pulumi.com/skipAwait"  # annotation of Pulumi's Kubernetes provider
)


@dataclass(frozen=True, slots=True)
class PlacedObject:
    """A deployed object. `name` is its logical name, unique for each kind in a state.

    `pods`: the paths of its pod templates. `rendered`: whether the component renders it, or the
    project adds it. `plain`: whether it belongs to a plain component. `options` come from the
    Application's rules. `awaited` are the values of other components in it. `version` identifies
    its content and is written on it; empty if no version is written.
    """

    name: str
    manifest: Manifest
    pods: tuple[Path, ...] = ()
    rendered: bool = True
    plain: bool = False
    options: Options = field(default_factory=Options)
    awaited: tuple[Awaited, ...] = ()
    version: str = ""

    @property
    def precedes_gate(self) -> bool:
        """Whether the gate is deployed after it: rendered objects, and Services of other owners'
        pods."""
        return self.rendered or self.stage == "after"

    @property
    def is_ours(self) -> bool:
        """Whether only the stack manages the object in the cluster. False for read or patched
        objects and charts."""
        of_others = self.options.read or self.options.patch
        return not of_others and group_kind(self.manifest) != RELEASE

    @property
    def is_created(self) -> bool:
        """Whether a run creates it. False for objects that are taken over."""
        return self.is_ours and not self.options.take_over

    @property
    def stage(self) -> Stage:
        """The stage of its deployment: `foundation` for namespaces and kinds, `needed` before
        `running`, and `after` for a Service of another owner's pods."""
        kind = group_kind(self.manifest)
        if not self.rendered and kind == ("", "Service"):
            return "after"
        if kind in _FOUNDATIONS:
            return "foundation"
        if kind in _NEEDED or not self.rendered:
            return "needed"
        runs = self.pods or is_custom(kind[0]) or kind == RELEASE
        return "running" if runs else "beside"

    @property
    def account(self) -> str | None:
        """The name if it is a ServiceAccount, else None."""
        return self._name_if("ServiceAccount")

    @property
    def service(self) -> str | None:
        """The name if it is a Service, else None."""
        return self._name_if("Service")

    def _name_if(self, kind: str) -> str | None:
        is_of_kind = group_kind(self.manifest) == ("", kind)
        return self.object_name if is_of_kind else None

    @property
    def object_name(self) -> str:
        """Its name in the cluster."""
        return str(self.manifest["metadata"].get("name", ""))

    @property
    def namespace(self) -> str:
        return str(self.manifest["metadata"].get("namespace", ""))

    def templates(self) -> Iterator[PodTemplate]:
        """Yield its pod templates."""
        for path in self.pods:
            template = template_at(self.manifest, path)
            if template:
                yield template


@dataclass(frozen=True, slots=True)
class PlacedObjects:
    """A component's objects without foundations, and without client data that only a run knows.
    `secret` None: it is no client."""

    objects: tuple[PlacedObject, ...]
    secret: PlacedObject | None

    @property
    def all(self) -> tuple[PlacedObject, ...]:
        """The objects, followed by the Secret of a client."""
        return (*self.objects, self.secret) if self.secret else self.objects


def placed_objects(
    application: Application, component: Component, settings: Settings
) -> PlacedObjects:
    """Return the objects of a component on this stack."""
    parts = _merged(
        part for part in _parts(component) if part.stage != "foundation"
    )
    secret = (
        client_secret_name(component.name)
        if component.identity.clients
        else None
    )
    accounts = {part.account for part in parts if part.account is not None}
    changed = [
        _with_pods(part, component, settings.cluster, secret, accounts)
        for part in parts
    ]
    used = set[str]()
    for part in changed:
        if not part.options.read:
            used.update(map(service_account, part.templates()))
    identity = _identity(application, component)
    waited_for = any(
        component.name in other.workload.depends_on
        for other in application.components
    )
    objects = [
        _on_stack(
            part, component, settings, identity, used, waited_for=waited_for
        )
        for part in changed
    ]
    ours = component.name in used - accounts
    objects += _project_objects(
        identity, component, settings, changed, ours=ours
    )
    stack = settings.stack.name
    placed = [_with_version(_of_stack(part, stack)) for part in objects]
    if not secret:
        return PlacedObjects(tuple(placed), None)
    own = _project_object(
        component, "client", manifests.client_secret(identity)
    )
    return PlacedObjects(tuple(placed), _of_stack(own, stack))


def _on_stack(
    part: PlacedObject,
    component: Component,
    settings: Settings,
    identity: Workload,
    used: Collection[str],
    *,
    waited_for: bool,
) -> PlacedObject:
    """Return a rendered object on this stack. `used` are the ServiceAccounts of the component's
    pods. `waited_for`: whether another component waits for this component."""
    manifest = part.manifest
    reached = reached_services(component)
    match group_kind(manifest):
        case ("", "Service") if part.object_name in reached:
            manifest = placed_service(
                _with_own_selector(part, component), settings.gateway
            )
        case ("", "Service") if answers_outside(manifest):
            manifest = with_source_addresses(
                _with_own_selector(part, component)
            )
        case ("", "ServiceAccount") if part.object_name in used:
            manifest = placed_account(
                manifest, settings.stack.name, identity, settings.cluster
            )
        case kind if kind == KUSTOMIZATION:
            manifest = _with_target_namespace(manifest, part.namespace)
        case ("", "Secret"):
            manifest = _with_data(manifest)
        case ("batch", "Job") if not (waited_for or reached):
            manifest = annotated(manifest, {_SKIP_AWAIT: "true"})
    return replace(part, manifest=manifest)


def foundations_of(component: Component, stack: str) -> Iterator[PlacedObject]:
    """Yield the Namespaces and CustomResourceDefinitions that the component renders."""
    return (
        _of_stack(part, stack)
        for part in _parts(component)
        if part.stage == "foundation"
    )


def _of_stack(part: PlacedObject, stack: str) -> PlacedObject:
    """Return the object with the stack's label, if the stack creates it."""
    if not part.is_created:
        return part
    return replace(part, manifest=with_stack_label(part.manifest, stack))


def _with_version(part: PlacedObject) -> PlacedObject:
    """Return the object with its version, if a run may write one."""
    as_it_is = part.options.read or part.options.take_over
    if (
        not part.precedes_gate
        or as_it_is
        or group_kind(part.manifest) in _UNVERSIONED
    ):
        return part
    if not part.plain:
        return replace(part, version=digest(part.manifest))
    if not part.pods:
        return part
    # For plain components only pods have a version, from the component's properties.
    return replace(part, version=digest(_without_client(part.manifest)))


def _without_client(deployment: Manifest) -> Manifest:
    """Return the Deployment of a plain component without the variables of its client."""
    changed = deepcopy(deployment)
    changed["spec"]["template"]["spec"]["containers"][0].pop("envFrom", None)
    return changed


def account_of(component: Component) -> str:
    """Return the ServiceAccount of the component's first pods."""
    parts = list(_parts(component))
    accounts = {part.account for part in parts}
    for part in parts:
        for template in part.templates():
            named = service_account(template)
            return named if named in accounts else component.name
    return component.name


def _identity(application: Application, component: Component) -> Workload:
    return Workload(
        application=component.application,
        namespace=component.workload.namespace,
        component=component.name,
        type=component.type,
        properties={},
        labels=application.labels,
        annotations=application.annotations,
        exposures=(),
    )


def _parts(component: Component) -> Iterator[PlacedObject]:
    for rendered in component.workload.rendered:
        found = rendered.group_kind
        if found in INGRESSES:
            continue
        metadata = dict(rendered.metadata)
        if is_cluster_scoped(found):
            metadata.pop("namespace", None)
        if "annotations" in metadata:
            metadata["annotations"] = manifests.without_controller_keys(
                mapping(metadata["annotations"])
            )
        manifest = {**rendered.object, "metadata": metadata}
        pods = tuple(template.path for template in component_pods(rendered))
        name = _logical(
            component,
            manifest,
            workload=rendered.trait is None and not rendered.key,
        )
        yield PlacedObject(
            name,
            manifest,
            pods,
            plain=rendered.plain,
            options=rendered.options,
            awaited=rendered.awaited,
        )


def _logical(
    component: Component, manifest: Manifest, *, workload: bool
) -> str:
    """Return the name in the state. The kinds of plain components have their own format."""
    kind = group_kind(manifest)
    name = manifest["metadata"].get("name", "")
    namespace = manifest["metadata"].get("namespace", "")
    if namespace == component.workload.namespace:
        if workload and kind == ("apps", "Deployment"):
            return f"{component.state_name}-deployment"
        if kind == ("", "Service"):
            return f"{component.state_name}-service-{name}"
        if kind == ("", "ServiceAccount") and name == component.name:
            return f"{component.state_name}-account"
        namespace = ""
    parts = (component.state_name, kind[1].lower(), namespace, name)
    return "/".join(filter(None, parts))


def _merged(parts: Iterable[PlacedObject]) -> list[PlacedObject]:
    """Return the objects with Services of one name merged; the ports of the first come first."""
    by_name: dict[tuple[str, str], PlacedObject] = {}
    for part in parts:
        key = (str(part.manifest.get("apiVersion")), part.name)
        first = by_name.get(key)
        if first and part.service is not None:
            manifest = _with_ports(first.manifest, part.manifest)
            part = replace(first, manifest=manifest)
        by_name[key] = part
    return list(by_name.values())


def _with_ports(service: Manifest, other: Manifest) -> Manifest:
    ports = [
        *mappings(service["spec"].get("ports")),
        *mappings(other["spec"].get("ports")),
    ]
    merged = _unique(ports, lambda port: _number(port, "port"))
    return {**service, "spec": {**service["spec"], "ports": merged}}


def _with_pods(
    part: PlacedObject,
    component: Component,
    cluster: ClusterSettings,
    secret: str | None,
    accounts: set[str],
) -> PlacedObject:
    manifest = part.manifest
    for path in reversed(
        part.pods
    ):  # inner templates first, since outer templates contain them
        template = template_at(manifest, path)
        if not template:
            continue
        named = service_account(template)
        spec = with_certificate(_pod(template.spec, cluster, secret), component)
        spec["serviceAccountName"] = (
            named if named in accounts else component.name
        )
        # Nobody requested rights for these pods.
        if named not in accounts and component.name in accounts:
            spec["automountServiceAccountToken"] = False
        labels = {**template.labels, **_pod_labels(component)}
        changed = replace(template, labels=labels, spec=spec)
        manifest = replaced(manifest, template.path, changed)
    return replace(part, manifest=manifest)


def _pod_labels(component: Component) -> dict[str, str]:
    """Return the labels of the component's own pods."""
    return {APPLICATION: component.application, COMPONENT: component.name}


def _with_own_selector(part: PlacedObject, component: Component) -> Manifest:
    """Return a Service that selects only pods of its component. Services of plain components
    already do."""
    service = part.manifest
    if part.plain:
        return service
    spec = mapping(service.get("spec"))
    selector = {**mapping(spec.get("selector")), **_pod_labels(component)}
    return {**service, "spec": {**spec, "selector": selector}}


def _pod(
    spec: Fields, cluster: ClusterSettings, secret: str | None
) -> Manifest:
    pod = dict(spec)
    pod.pop("serviceAccount", None)
    for kind in CONTAINER_LISTS:
        if kind in pod:
            containers = mappings(pod[kind])
            pod[kind] = [
                _container(container, cluster, secret)
                for container in containers
            ]
    pulled = mappings(pod.get("imagePullSecrets"))
    pulled += [{"name": name} for name in cluster.pull_secrets]
    if pulled:
        pod["imagePullSecrets"] = _unique(pulled, _named)
    if "volumes" in pod:
        volumes = _unique(mappings(pod["volumes"]), _named)
        pod["volumes"] = [_volume(volume, cluster) for volume in volumes]
    if "hostAliases" in pod:
        pod["hostAliases"] = host_aliases(mappings(pod["hostAliases"]))
    return pod


def _container(
    container: Fields, cluster: ClusterSettings, secret: str | None
) -> Manifest:
    changed = dict(container)
    image = container.get("image")
    if isinstance(image, str):
        changed["image"] = mapped_image(image, cluster.images)
    if "env" in changed:
        variables = mappings(changed["env"])
        by_name = {variable.get("name"): variable for variable in variables}
        changed["env"] = list(by_name.values())
    if "ports" in changed:
        ports = mappings(changed["ports"])
        changed["ports"] = _unique(
            ports, lambda port: _number(port, "containerPort")
        )
    if secret is not None:
        # First, so that the component's own variables override it.
        own = {"secretRef": {"name": secret}}
        changed["envFrom"] = [own, *mappings(changed.get("envFrom"))]
    return changed


def _volume(volume: Fields, cluster: ClusterSettings) -> Fields:
    image = mapping(volume.get("image"))
    reference = image.get("reference")
    if not isinstance(reference, str):
        return volume
    mapped = mapped_image(reference, cluster.images)
    return {**volume, "image": {**image, "reference": mapped}}


def _unique(
    items: Iterable[Fields], key: Callable[[Fields], Hashable]
) -> list[Fields]:
    """Return the items with the first of each key."""
    by_key: dict[Hashable, Fields] = {}
    for item in items:
        by_key.setdefault(key(item), item)
    return list(by_key.values())


def _named(item: Fields) -> Hashable:
    return str(item.get("name"))


def _number(port: Fields, field: str) -> Hashable:
    return str(port.get(field)), port.get("protocol", "TCP")


def _with_data(secret: Manifest) -> Manifest:
    if "stringData" not in secret:
        return secret
    encoded = dict(secret)
    data = dict(mapping(secret.get("data")))
    for key, value in mapping(encoded.pop("stringData")).items():
        data[key] = base64.b64encode(str(value).encode()).decode("ascii")
    return {**encoded, "data": data}


def _with_target_namespace(kustomization: Manifest, namespace: str) -> Manifest:
    spec = mapping(kustomization.get("spec"))
    target = spec.get("targetNamespace") or namespace
    return {**kustomization, "spec": {**spec, "targetNamespace": target}}


def _project_objects(
    identity: Workload,
    component: Component,
    settings: Settings,
    parts: Sequence[PlacedObject],
    *,
    ours: bool,
) -> Iterator[PlacedObject]:
    """Yield the ServiceAccount and NetworkPolicy in each namespace with pods of the component, its
    certificate, and the objects for the pods behind `access.service`."""
    peer = gateway_peer(component, settings.gateway)
    named = component.workload.named_service
    ports = {
        port
        for port, endpoint in routed_at(component)
        if named is None or endpoint.service != named.ours
    }
    admitted = admitted_ports(component)
    by_namespace = defaultdict(list)
    stays = False
    for part in parts:
        if part.pods:
            by_namespace[part.namespace].append(part.options)
            # Pods that stay after their component keep their NetworkPolicy.
            stays = stays or part.options.retain_on_delete or part.options.read
    options = Options(retain_on_delete=stays)
    for namespace in sorted(by_namespace):
        inside = replace(identity, namespace=namespace)
        suffix = (
            "" if namespace == component.workload.namespace else f"/{namespace}"
        )
        if ours:
            account = placed_account(
                manifests.service_account(inside),
                settings.stack.name,
                identity,
                settings.cluster,
            )
            yield _project_object(
                component, f"account{suffix}", account, options
            )
        name = network_policy_name(component.name, by_namespace[namespace])
        policy = manifests.network_policy(
            inside, peer, sorted(ports), admitted, name
        )
        yield _project_object(component, f"ingress{suffix}", policy, options)
    cert = requested_certificate(identity, component)
    if cert:
        yield _project_object(component, "tls", cert)
    if named:
        yield from _named_service_objects(
            identity, component, named, settings, parts
        )


def _named_service_objects(
    identity: Workload,
    component: Component,
    named: NamedService,
    settings: Settings,
    parts: Sequence[PlacedObject],
) -> Iterator[PlacedObject]:
    """Yield the NetworkPolicy of the pods behind `access.service`, and the gateway's Service if a
    route leads there."""
    stays = any(part.options.retain_on_delete for part in parts)
    options = Options(retain_on_delete=stays)
    is_routed = component.is_named_service_routed
    ports = (named.target,) if is_routed else ()
    peer = gateway_peer(component, settings.gateway)
    admitted = admitted_ports(component)
    policy = manifests.named_policy(identity, named, peer, ports, admitted)
    yield _project_object(component, "named", policy, options)
    if is_routed:
        service = manifests.named_service(identity, named)
        if not component.workload.further_target:
            service = placed_service(service, settings.gateway)
        name = f"service-{named.ours}"
        yield _project_object(component, name, service, options)


def _project_object(
    component: Component,
    name: str,
    manifest: Manifest,
    options: Options | None = None,
) -> PlacedObject:
    """Return an object that the project adds to the rendered objects."""
    return PlacedObject(
        f"{component.state_name}-{name}",
        manifest,
        rendered=False,
        options=options or Options(),
    )
