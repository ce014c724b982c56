"""Find the Secrets and ServiceAccounts that an object refers to. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import Inside
from kong_oam.objects.pods import Located, Path, mapping

# The ends of fields that name a Secret, in lower case, without a plural `s`.
_SECRETS = (
    "secret",
    "secretkeyref",
    "secretname",
    "secretref",
    "secretreference",
    "secrettoref",
)

_ACCOUNTS = frozenset({"serviceaccount", "serviceaccountname"})


def secrets_named(inside: Inside) -> Iterator[tuple[Path, str, str]]:
    """Yield the Secrets that an object refers to: path, namespace (empty: the object's), name.

    Labels and annotations are no references.
    """
    for path, holder in inside:
        if "metadata" in path:
            continue
        for key, value in holder.items():
            if _named_by(key) == "secret":
                yield from _references(value, (*path, str(key)))
        if holder.get("kind") == "Secret" and holder.get("name"):
            yield (*path, "name"), _namespace(holder), str(holder["name"])


def _references(value: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the Secrets in a field, directly or in a list."""
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _references(item, (*path, str(index)))
    elif isinstance(value, str):
        yield path, "", value
    elif name := mapping(value).get("name"):
        yield (*path, "name"), _namespace(value), str(name)


def _namespace(holder: Fields) -> str:
    return str(holder.get("namespace") or "")


@lru_cache(4096)
def _named_by(key: object) -> str:
    """Return `secret`, `account` or an empty text for the kind that a field refers to."""
    field = str(key).lower()
    if field in _ACCOUNTS:
        return "account"
    return "secret" if field.removesuffix("s").endswith(_SECRETS) else ""


def accounts_named(inside: Inside) -> Located:
    """Yield the ServiceAccounts that an object's pods or controller run as."""
    for path, holder in inside:
        if "metadata" in path:
            continue
        for key, value in holder.items():
            if _named_by(key) != "account":
                continue
            at = (*path, str(key))
            if isinstance(value, str) and value:
                yield at, value
            elif name := mapping(value).get("name"):
                yield (*at, "name"), str(name)
