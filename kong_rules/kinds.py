"""The kinds of entities: the names, unique fields and references of each.

Source: `GET /schemas/{kind}` of a Kong 3.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that refers to another entity.

    `cascades`: the referring entity disappears together with the other.
    """

    kind: str
    cascades: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of entity.

    `named_by`: the field that names an entity in a path, beside its id. `unique`: each a tuple of
    fields that are unique together. `generated`: fields that Kong makes up. `in_milliseconds`: its
    times have fractions. `keeps_updates`: it has `updated_at`.
    """

    named_by: str | None = None
    references: Mapping[str, Reference] = field(default_factory=dict)
    unique: tuple[tuple[str, ...], ...] = ()
    generated: tuple[str, ...] = ()
    in_milliseconds: bool = False
    keeps_updates: bool = True


_OF_CONSUMER = {"consumer": Reference("consumers", cascades=True)}
_WITH_CERTIFICATE = {"client_certificate": Reference("certificates")}

KINDS: Mapping[str, Kind] = {
    "services": Kind("name", _WITH_CERTIFICATE, (("name",),)),
    "routes": Kind("name", {"service": Reference("services")}, (("name",),)),
    "plugins": Kind(
        "instance_name",
        {
            "route": Reference("routes", cascades=True),
            "service": Reference("services", cascades=True),
            **_OF_CONSUMER,
        },
        (("consumer", "name", "route", "service"), ("instance_name",)),
    ),
    "consumers": Kind("username", {}, (("username",), ("custom_id",))),
    "jwt_secrets": Kind(
        "key",
        _OF_CONSUMER,
        (("key",),),
        generated=("key", "secret"),
        keeps_updates=False,
    ),
    "keyauth_credentials": Kind(
        "key",
        _OF_CONSUMER,
        (("key",),),
        generated=("key",),
        keeps_updates=False,
    ),
    "basicauth_credentials": Kind(
        "username", _OF_CONSUMER, (("username",),), keeps_updates=False
    ),
    "acls": Kind(
        "group", _OF_CONSUMER, (("consumer", "group"),), keeps_updates=False
    ),
    "certificates": Kind(),
    "ca_certificates": Kind(None, {}, (("cert_digest",),)),
    "snis": Kind(
        "name", {"certificate": Reference("certificates")}, (("name",),)
    ),
    "upstreams": Kind("name", _WITH_CERTIFICATE, (("name",),)),
    "targets": Kind(
        "target",
        {"upstream": Reference("upstreams", cascades=True)},
        (("target", "upstream"),),
        in_milliseconds=True,
    ),
}
