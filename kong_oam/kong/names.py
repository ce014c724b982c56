"""Names and tags in Kong: explicit, injective in the logical name, unique in the workspace.

Names of applications, of components that are exposed, and of Kubernetes Services are DNS labels, so
a dot never stands in them and joins them unmistakably; no more does the underscore in the name of a
backend (`kong_oam.access.endpoint`).
"""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.access.model import Component

_PREFIX = "kong-oam"
_STACK = f"{_PREFIX}-stack:"
_PARTITION = f"{_PREFIX}-partition:"
_COMPONENT = f"{_PREFIX}-component:"


def service(stack: str, component: Component, backend: str) -> str:
    """The service before one backend of a component."""
    return (
        f"{_PREFIX}.{stack}.{component.application}.{component.name}.{backend}"
    )


def owner_of(service: str) -> tuple[str, str] | None:
    """Stack and `application/component` of a service of this name; None for a name that `service`
    does not give."""
    prefix, *parts = service.rsplit(".", 3)
    before, _, stack = prefix.partition(".")
    if before != _PREFIX or not stack or len(parts) != 3:
        return None
    return stack, "/".join(parts[:2])


def is_given_by(stack: str, name: str) -> bool:
    """Whether the stack gives entities such a name."""
    return name.startswith(f"{_PREFIX}.{stack}.")


def stack_in_name(name: str) -> str:
    """The stack that gave an entity its name, as far as the first dot; empty of other names."""
    prefix, separator, rest = name.partition(".")
    return rest.partition(".")[0] if prefix == _PREFIX and separator else ""


def component_of(stack: str, service: str) -> str | None:
    """`application/component` of a service of this name; None for a name that `service` does not
    give."""
    owner = owner_of(service)
    return owner[1] if owner and owner[0] == stack else None


def nowhere(stack: str) -> str:
    """The Upstream without Targets that the stack's services lead to. Only a gate leads farther."""
    return f"{_PREFIX}.{stack}.nowhere"


def route(stack: str, component: Component, backend: str, role: str) -> str:
    """The route that plays `role` before one backend of a component."""
    return f"{service(stack, component, backend)}.{role}"


def ring(stack: str, provider: str) -> str:
    """The consumer that holds the signing keys of one issuer."""
    return f"{_PREFIX}.{stack}.ring.{provider}"


def stack_of_ring(ring: str) -> str | None:
    """The stack of a consumer of this name; None for a name that `ring` does not give."""
    before, separator, provider = ring.rpartition(".ring.")
    stack = before.removeprefix(f"{_PREFIX}.")
    is_ring = separator and provider and stack != before
    return stack if is_ring and stack else None


def anonymous(stack: str) -> str:
    """The consumer that stands for nobody: it has no credential and no right."""
    return f"{_PREFIX}.{stack}.anonymous"


def nobody(stack: str, component: Component) -> str | None:
    """The consumer for calls without a token; None where nothing of the component is public: none
    then passes `jwt`."""
    return anonymous(stack) if component.public else None


def unused_key(stack: str, provider: str, slot: int) -> str:
    """The key id of an empty slot: no issuer publishes it."""
    return f"{ring(stack, provider)}.unused.{slot}"


def tags(stack: str, component: Component | None = None) -> list[str]:
    """The tags that mark an entity as made by this stack; Kong's tags take neither slashes nor
    commas."""
    tags = [_PREFIX, f"{_STACK}{stack}"]
    if component and component.partition:
        tags.append(partition_tag(component.partition))
    if component:
        tags.append(f"{_COMPONENT}{component.application}.{component.name}")
    return tags


def partition_tag(partition: str) -> str:
    """The tag that only what a partition of the estate made has; its base's entities have none."""
    return f"{_PARTITION}{partition}"


def partition_in(tags: Iterable[str]) -> str | None:
    """The partition whose tag is among these; None where none is."""
    return _behind(_PARTITION, tags)


def component_in(tags: Iterable[str]) -> str | None:
    """Return `application/component` by the tag among these; None where none is."""
    tagged = _behind(_COMPONENT, tags)
    return tagged.replace(".", "/", 1) if tagged else None


def _behind(prefix: str, tags: Iterable[str]) -> str | None:
    for tag in tags:
        if tag.startswith(prefix):
            return tag.removeprefix(prefix)
    return None


def stacks_in(tags: Iterable[str]) -> frozenset[str]:
    """The stacks whose tags are among these: an entity of a stack has both tags that `tags`
    gives."""
    listed = frozenset(tags)
    return stacks_named(listed) if _PREFIX in listed else frozenset()


def stacks_named(tags: Iterable[str]) -> frozenset[str]:
    """The stacks that these tags name. Somebody's entity may name a stack and lack the tag of all
    of ours."""
    return frozenset(
        tag.removeprefix(_STACK) for tag in tags if tag.startswith(_STACK)
    )
