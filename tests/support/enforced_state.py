"""The state of a stack whose gateway enforces an estate: its plugins and routes, as the engine records them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kong_oam.access.model import Component, Estate
from kong_oam.engine.state import PLUGIN, ROUTE, Resource
from kong_oam.kong import names, plugins
from kong_oam.kong.routes import routes
from kong_oam.kong.table import address, table


def state(gates: Estate, admissions: Estate | None = None) -> list[Resource]:
    """Return the state with the routes of `gates`; with `admissions` admission has the tables of
    another estate."""
    plugins = [
        *plugins_of(gates, "gate"),
        *plugins_of(admissions or gates, "admission"),
    ]
    return [*plugins, *routes_of(gates), *services_of(gates)]


def services_of(estate: Estate) -> Iterator[Resource]:
    """Yield the Services that lead to the pods of named Services."""
    for component in estate.exposed:
        if named := component.workload.named_service:
            ports = [
                {"port": port, "targetPort": named.target}
                for port in {e.port for e in component.exposure.endpoints}
            ]
            yield Resource(
                "kubernetes:core/v1:Service",
                f"{component.key}-service-{named.ours}",
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {
                        "name": named.ours,
                        "namespace": component.workload.namespace,
                    },
                    "spec": {"selector": dict(named.labels), "ports": ports},
                },
            )


def plugins_of(estate: Estate, role: str) -> Iterator[Resource]:
    for component in estate.exposed:
        for name, backend in component.backends.items():
            decided_by = _table(estate, component, name)
            config = (
                plugins.gate(decided_by, address("api.test", backend.port))
                if role == "gate"
                else plugins.admission(decided_by)
            )
            yield Resource(
                PLUGIN,
                f"{component.key}-{name}-{role}",
                {"configJson": json.dumps(config)},
            )


def routes_of(estate: Estate) -> Iterator[Resource]:
    for component in estate.exposed:
        for plan in routes(component):
            name = names.route(
                estate.stack.name, component, plan.backend, plan.role
            )
            outputs = {
                "name": name,
                "hosts": list(plan.hosts),
                "paths": plan.kong_paths,
            }
            yield Resource(
                ROUTE, f"{component.key}-{plan.role}-{plan.backend}", outputs
            )


def _table(estate: Estate, component: Component, backend: str) -> str:
    return table(
        estate,
        component,
        backend,
        names.ring(estate.stack.name, component.identity.provider),
    )
