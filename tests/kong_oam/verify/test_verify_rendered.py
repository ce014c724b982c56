"""A gateway before what definitions rendered is read like any other."""

from __future__ import annotations

from kong_oam.kong import names
from tests.support.rendered import (
    DEPLOYMENT,
    SERVICE,
    application,
    compiled,
    ingress,
)
from tests.support.verified_gateway import (
    Deployment,
    Hands,
    Running,
    sample,
)

RULES = ", ".join(
    f"{{host: {host}.test, http: {{paths: [{{backend: {{serviceName: {service}, servicePort: 80}}}}]}}}}"
    for host, service in (("a", "api"), ("b", "api-web"))
)
ACCESS = (
    "[{type: access, properties: {owner: o, rules: [{public: {reason: r}}]}}]"
)
OBJECTS = "---".join(
    [
        DEPLOYMENT,
        SERVICE,
        SERVICE.replace("name: api, n", "name: api-web, n"),
        "\n",
    ]
)


def test_two_services_of_one_port_are_as_meant_until_a_route_leads_to_the_other() -> (
    None
):
    """The gate of the other Service does not know the host."""
    settings, _ = sample()
    estate = compiled(
        application(OBJECTS + ingress(f"{{rules: [{RULES}]}}"), ACCESS),
        stack=settings.stack,
    ).estate
    assert estate is not None
    component = estate.components["orders/api"]
    service, other = (
        names.service(settings.stack.name, component, port)
        for port in ("80", "80_api-web")
    )
    with Running(Deployment.of(settings, estate)) as running:
        assert running.lines() == []
        with Hands(running.kong.admin_url) as hands:
            to = hands.find("services", name=service)
            hands.change(
                "routes",
                hands.find("routes", name=f"{other}.protected-0"),
                service={"id": to["id"]},
            )
            assert running.lines()[0].startswith("closed: ")
