"""Provisions identity providers, a module for each kind: its function `provision`.

The module has the name of the kind, the `type` that settings name. It is loaded when a stack has a
provider of its kind: to load a product's SDK takes a tenth of a second, in every run.
"""

from __future__ import annotations

from importlib import import_module

from .issuer import Issuer, IssuerArgs


def provision(args: IssuerArgs) -> Issuer:
    """Provision a provider's resources: issuer, scopes, one app per client, and what each may be
    issued."""
    kind = import_module(f"{__name__}.{args.settings.type}")
    issuer: Issuer = kind.provision(args)
    return issuer
