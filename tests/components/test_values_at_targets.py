"""Components that are deployed to several places, where one of them takes a value of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml
from pulumi.runtime import set_mocks

from components.application import (
    DeployedComponent,
    DeploymentArgs,
    deploy_components,
)
from components.gateway.workspace import Workspace
from components.workload.cluster import provision_clusters
from components.workload.credential import ClientEnvironment
from kong_oam.access.model import FurtherTarget
from kong_oam.access.settings.stack import parse
from kong_oam.oam.rendered import Awaited
from tests.support.components import with_fields
from tests.support.mocks import all_of, on_the_loop, recorder
from tests.support.rendered_components import (
    component,
    estate_of,
    rendered_object,
)

STAND_IN = "awaited-value-0123456789abcdef"
ADDRESS = Awaited(
    STAND_IN, "db", "v1", "Service", "orders", "db", ("spec", "clusterIP")
)
SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: db, namespace: orders}, spec: {clusterIP: ADDRESS}}"
TAKER = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: web, namespace: orders}}, data: {{db: {STAND_IN}}}}}"
SETTINGS = parse(
    "tests",
    {
        "cloud": "aws",
        "asOf": "2026-01-01",
        "cluster": {"context": "east", "contexts": {"west": "west"}},
        "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}},
        "identityProviders": [{"name": "main", "type": "oidc"}],
    },
)


def test_each_place_is_given_what_is_there() -> None:
    """The value of the object in the same cluster, and in no other."""
    application, whole = component("{}", client=False, ports=())
    first_target, second_target = (
        rendered_object(yaml.safe_load(SERVICE.replace("ADDRESS", address)))
        for address in ("10.0.0.1", "10.0.0.2")
    )
    taker = replace(rendered_object(yaml.safe_load(TAKER)), awaited=(ADDRESS,))
    parts = (
        with_fields(
            whole,
            name="db",
            rendered=(first_target,),
            further_targets=(
                FurtherTarget("west", "orders", rendered=(second_target,)),
            ),
        ),
        with_fields(
            whole,
            name="web",
            depends_on=("db",),
            rendered=(taker,),
            further_targets=(
                FurtherTarget("west", "orders", rendered=(taker,)),
            ),
        ),
    )
    application = replace(application, components=parts)
    estate, monitor = estate_of(application), recorder()
    unused: Any = None

    async def program() -> None:
        clusters = provision_clusters(estate, SETTINGS)
        args = DeploymentArgs(
            estate,
            SETTINGS,
            parents={key: DeployedComponent(key) for key in estate.components},
            clients=dict.fromkeys(estate.components, ClientEnvironment({})),
            workspace=Workspace(unused, {}, {}, unused, unused, {}),
            clusters=clusters,
            plugins={},
            ready=[],
            used={},
            settle=0,
        )
        deploy_components(application, args)

    set_mocks(
        monitor.mocks, "kong-oam", "tests", preview=False, monitor=monitor
    )
    on_the_loop(program)
    maps = all_of(monitor.registered, "kubernetes:core/v1:ConfigMap")
    assert {
        name: config_map.inputs["data"] for name, config_map in maps.items()
    } == {
        "orders/web/configmap/web": {"db": "10.0.0.1"},
        "west:orders/web/configmap/web": {"db": "10.0.0.2"},
    }
