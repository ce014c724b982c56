"""Names and tags in Kong: explicit, injective in the logical name, unique in the workspace.

Names of applications, exposed components and Kubernetes Services are DNS labels. They contain no
dot, so a dot separates them without ambiguity. The underscore in a backend's name is as safe
(`kong_oam.access.endpoint`).
"""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.access.model import Component

_PREFIX = "kong-oam"
_STACK = f"{_PREFIX}-stack:"
_PARTITION = f"{_PREFIX}-partition:"
_COMPONENT = f"{_PREFIX}-component:"


def service(stack: str, component: Component, backend: str) -> str:
    """Return the name of the Kong service before a backend of a component."""
    return (
        f"{_PREFIX}.{stack}.{component.application}.{component.name}.{backend}"
    )


def owner_of(service: str) -> tuple[str, str] | None:
    """Return stack and `application/component` of a service name, or None for another name."""
    prefix, *parts = service.rsplit(".", 3)
    before, _, stack = prefix.partition(".")
    if before != _PREFIX or not stack or len(parts) != 3:
        return None
    return stack, "/".join(parts[:2])


def is_given_by(stack: str, name: str) -> bool:
    """Return whether the stack gives entities such a name."""
    return name.startswith(f"{_PREFIX}.{stack}.")


def stack_in_name(name: str) -> str:
    """Return the stack in an entity's name, up to the first dot, or an empty text."""
    prefix, separator, rest = name.partition(".")
    return rest.partition(".")[0] if prefix == _PREFIX and separator else ""


def component_of(stack: str, service: str) -> str | None:
    """Return `application/component` of a service name of the stack, or None for another name."""
    owner = owner_of(service)
    return owner[1] if owner and owner[0] == stack else None


def nowhere(stack: str) -> str:
    """Return the name of the empty Upstream of the stack's services. Only the gate knows the
    workloads."""
    return f"{_PREFIX}.{stack}.nowhere"


def upstream(stack: str, component: Component, digest: str) -> str:
    """Return the name of the Upstream with an external component's targets."""
    return f"{_PREFIX}.{stack}.{component.application}.{component.name}.to-{digest}"


def route(stack: str, component: Component, backend: str, role: str) -> str:
    """Return the name of the route with `role` before a backend of a component."""
    return f"{service(stack, component, backend)}.{role}"


def ring(stack: str, provider: str) -> str:
    """Return the name of the key ring: the consumer with the signing keys of an issuer."""
    return f"{_PREFIX}.{stack}.ring.{provider}"


def stack_of_ring(ring: str) -> str | None:
    """Return the stack of a key ring's name, or None for another name."""
    before, separator, provider = ring.rpartition(".ring.")
    stack = before.removeprefix(f"{_PREFIX}.")
    is_ring = separator and provider and stack != before
    return stack if is_ring and stack else None


def anonymous(stack: str) -> str:
    """Return the name of the consumer for callers without a token. It has no credential."""
    return f"{_PREFIX}.{stack}.anonymous"


def anonymous_for(stack: str, component: Component) -> str | None:
    """Return the consumer for calls without a token.

    None if no rule of the component is public, and no caller has an old credential: `jwt` then
    denies these calls.
    """
    needed = component.public or component.identity.old_callers
    return anonymous(stack) if needed else None


def unused_key(stack: str, provider: str, slot: int) -> str:
    """Return the key id of an empty slot. No issuer publishes it."""
    return f"{ring(stack, provider)}.unused.{slot}"


def tags(stack: str, component: Component | None = None) -> list[str]:
    """Return the tags of an entity that this stack creates. Kong's tags allow no slashes and
    commas."""
    tags = [_PREFIX, f"{_STACK}{stack}"]
    if component and component.partition:
        tags.append(partition_tag(component.partition))
    if component:
        tags.append(f"{_COMPONENT}{component.application}.{component.name}")
    return tags


def is_tag_of_stacks(tag: str) -> bool:
    """Return whether stacks give their entities such a tag."""
    return tag == _PREFIX or tag.startswith(f"{_PREFIX}-")


def partition_tag(partition: str) -> str:
    """Return the tag of a partition's entities. Entities of the base have no such tag."""
    return f"{_PARTITION}{partition}"


def partition_in(tags: Iterable[str]) -> str | None:
    """Return the partition among these tags, or None."""
    return _behind(_PARTITION, tags)


def component_in(tags: Iterable[str]) -> str | None:
    """Return the `application/component` among these tags, or None."""
    tagged = _behind(_COMPONENT, tags)
    return tagged.replace(".", "/", 1) if tagged else None


def _behind(prefix: str, tags: Iterable[str]) -> str | None:
    for tag in tags:
        if tag.startswith(prefix):
            return tag.removeprefix(prefix)
    return None


def stacks_in(tags: Iterable[str]) -> frozenset[str]:
    """Return the stacks of an entity with these tags. A stack's entity has both tags of `tags`."""
    listed = frozenset(tags)
    return stacks_named(listed) if _PREFIX in listed else frozenset()


def stacks_named(tags: Iterable[str]) -> frozenset[str]:
    """Return the stacks that these tags name. Others' entities may have such a tag without our
    common tag."""
    return frozenset(
        tag.removeprefix(_STACK) for tag in tags if tag.startswith(_STACK)
    )
