"""A stack with a tenant of Entra (a stand-in) as its identity provider, and the two sample
Applications with calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.demo.identity import ENTRA_LAG, ENTRA_SETTINGS
from sandbox.entra import Entra
from sandbox.local import GROUPS, USERS, Local
from sandbox.project import set_providers
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start


@contextmanager
def tenant_stack(
    folder: Path, **settings: Any
) -> Iterator[tuple[Deployment, Entra]]:
    """An empty stack with `orders` and `shop`; `settings` are the provider's. All its products end
    with it."""
    with (
        Entra(
            GROUPS, {user.login: user.groups for user in USERS}, lag=ENTRA_LAG
        ) as tenant,
        Local(lags=AT_ONCE) as local,
    ):
        local.env |= tenant.environment
        deployment = start(local, project(folder))
        deployment.leave_out("hello", "reports", "desk")
        entry = {
            "name": "entra",
            "type": "entra",
            "issuer": tenant.issuer,
            **ENTRA_SETTINGS,
        }
        set_providers(folder, [{**entry, **settings}])
        yield deployment, tenant
