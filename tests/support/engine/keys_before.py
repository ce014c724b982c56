"""The keys of clients as the version before this one had them: of RSA, two slots at any time, and pods are not told."""

from __future__ import annotations

from tests.support.engine.deployment import Deployment

_KEYS = "components/identity/keys.py"
_BEFORE = (
    (_KEYS, "held.get(_logical(name, slot), kind) for slot in generation.active}", "RSA for slot in range(SLOTS)}"),
    (_KEYS, "slots.values() if slot == generation.slot else [slots[slot]]", "slots[n] for n in generation.active"),
    ("components/workload/environment.py", 'settings[f"{prefix}_KEY_ALGORITHM"] =', "_ ="),
)


def as_before(deployment: Deployment) -> None:
    """Makes the project, in which `components` is a copy, that of the version before."""
    for file, now, before in _BEFORE:
        deployment.edit(file, now, before)


def as_now(deployment: Deployment) -> None:
    """The way back, which is the update."""
    for file, now, before in _BEFORE:
        deployment.edit(file, before, now)


def keys_of(deployment: Deployment, component: str) -> dict[str, str]:
    """What the state has of one client: by slot, the kind of its key."""
    found = {one["urn"].rpartition("::")[2]: one for one in deployment.state() if one["type"].startswith("tls:")}
    return {
        name[-1]: one["outputs"]["algorithm"] for name, one in found.items() if name[:-2].endswith(f"-key-{component}")
    }
