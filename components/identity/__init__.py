"""Provisions identity providers, a module for each kind: its function `provision`.

The module has the name of the kind, which settings call `type`. Only modules of used kinds are
loaded: an SDK costs a tenth of a second in every run.
"""

from __future__ import annotations

from importlib import import_module

from .issuer import Issuer, IssuerArgs


def provision(args: IssuerArgs) -> Issuer:
    """Provision a provider's resources: issuer, scopes, one app per client, and the client's
    grants."""
    kind = import_module(f"{__name__}.{args.settings.type}")
    issuer: Issuer = kind.provision(args)
    return issuer
