"""Plugins that an Application names, on a live Kong: checked there before a run, active, and
settled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from kong_oam.kong.entities import comparable
from kong_oam.kong.plugins import config_json
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN

pytestmark = pytest.mark.timeout(900)

HARMLESS = {
    "correlation-id": "{header_name: X-Cid, echo_downstream: true}",
    "bot-detection": "{deny: [BadBot]}",
    "request-size-limiting": "{allowed_payload_size: 1}",
    "response-transformer": "{add: {headers: ['X-Served-By: orders']}}",
    "datadog": "{host: 127.0.0.1, metrics: [{name: latency, stat_type: timer}]}",
    "zipkin": "{sample_ratio: 0}",
    "response-ratelimiting": "{limits: {video: {hour: 1000}}}",
}
WAIVED = "{name: proxy-cache, config: {strategy: memory, content_type: [application/none]}, waiver: {reason: tests, until: 2999-12-31}}"
TRAIT = "        - type: kong-plugin\n          properties: "
ACCESS = "        - type: access\n          properties:\n            owner: team-orders\n"


def traits(**asked: str) -> str:
    lines = (
        f"{TRAIT}{{name: {name.replace('_', '-')}, config: {config}}}\n"
        for name, config in asked.items()
    )
    return "".join(lines)


@pytest.fixture(scope="module")
def deployed(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The estate with these plugins before its API."""
    with engine(live, tmp_path_factory.mktemp("plugins"), "plugins") as made:
        made.edit(ACCESS, f"{traits(**HARMLESS)}{TRAIT}{WAIVED}\n{ACCESS}")
        output = made.pulumi("up", "-s", made.stack, "--yes", "--skip-preview")
        assert (
            "proxy-cache before orders/api answers any caller before the gate"
            in output.stdout
        )
        yield made


def test_every_configuration_settles(deployed: Engine) -> None:
    """In full, as Kong prints it: records in lists, former names, defaults of whole records; also
    after a refresh."""
    assert deployed.changes("up") == {}
    deployed.refresh()
    assert deployed.changes("up") == {}


def test_they_stand_beside_the_gate(deployed: Engine) -> None:
    """Calls are judged as before; the plugins also act."""
    deployed.live.await_steady(
        [
            (deployed.case("GET", "/orders"), 401),
            (deployed.case("GET", "/orders/7", "report"), 200),
        ],
        deployed.bound,
    )
    outcome = deployed.live.send(deployed.case("GET", "/orders/7", "report"))
    assert outcome.arrived is not None and b"\r\nX-Cid: " in outcome.arrived
    assert (
        deployed.live.send(
            deployed.case("GET", "/orders/7", "report"), b"User-Agent: BadBot/1"
        ).status
        == 403
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("{name: bot-detecton, waiver: {reason: r, until: 2999-12-31}}", "ENV418: this Kong has no plugin 'bot-detecton'; did you mean 'bot-detection'?"),
        ("{name: statsd, config: {hots: x}}", "ENV418: this Kong rejects the configuration of statsd: config.hots: unknown field"),
        ("{name: statsd, config: {port: http}}", "config.port: expected an integer"),
        ("{name: acl, config: {allow: [a], deny: [b]}}", "exactly one of these fields must be non-empty"),
        ("{name: key-auth}", "ACC246: key-auth authenticates callers beside the plugin"),
        ("{name: statsd, config: {host: '{vault://env/path}'}}", "ACC248: config.host: reads a vault that is not"),
    ],
)  # fmt: skip
def test_a_plugin_that_kong_rejects_stops_a_preview(
    deployed: Engine, wrong: str, message: str
) -> None:
    """The preview stops before any change, with the position in the Application."""
    deployed.edit(ACCESS, f"{TRAIT}{wrong}\n{ACCESS}")
    try:
        done = deployed.pulumi("preview", "-s", deployed.stack, check=False)
        assert done.returncode != 0
        assert message in done.stdout + done.stderr
        assert "applications/orders.yaml:" in done.stdout + done.stderr
    finally:
        deployed.edit(f"{TRAIT}{wrong}\n{ACCESS}", ACCESS)


def test_one_that_is_taken_out_goes_alone(deployed: Engine) -> None:
    """The rules keep their lines, which tables name for records."""
    gone = traits(**{"bot-detection": HARMLESS["bot-detection"]})
    deployed.edit(gone, "\n" * gone.count("\n"))
    assert deployed.changes("up") == {
        f"orders/api-{deployed.port}-plugin-bot-detection": "delete"
    }
    assert deployed.changes("up") == {}
    badly = (deployed.case("GET", "/orders/7", "report"), 200)
    deployed.live.await_steady([badly], deployed.bound)


def test_one_by_name_becomes_a_trait_s_in_its_place(deployed: Engine) -> None:
    """Kong would reject a second plugin of the same kind while the first exists."""
    by_name, trait = (
        f"{TRAIT}{{name: rate-limiting, config: {{hour: 1000}}}}\n",
        "        - {type: rate-limit, properties: {per: client, requests: {hour: 1000}}}\n",
    )
    own = f"orders/api-{deployed.port}"
    deployed.edit(ACCESS, by_name + ACCESS)
    assert deployed.changes("up")[f"{own}-plugin-rate-limiting"] == "create"
    deployed.edit(by_name, trait)
    made = deployed.changes("up")
    assert (made[f"{own}-rate-limit"], made[f"{own}-rate-limit-ring"]) == (
        "update",
        "create",
    )
    assert deployed.changes("up") == {}
    deployed.edit(trait, "")
    assert deployed.changes("up")[f"{own}-rate-limit"] == "delete"


NEEDED = {
    "acl": {"allow": ["a"]},
    "ai-prompt-decorator": {
        "prompts": {"prepend": [{"role": "user", "content": "x"}]}
    },
    "ai-prompt-guard": {"allow_patterns": ["a"]},
    "ai-proxy": {
        "model": {"provider": "openai", "name": "x"},
        "route_type": "llm/v1/chat",
    },
    "aws-lambda": {"function_name": "x", "aws_region": "eu-west-1"},
    "azure-functions": {"functionname": "x", "appname": "y"},
    "file-log": {"path": "/dev/stdout"},
    "http-log": {"http_endpoint": "http://logs.example.com/"},
    "ip-restriction": {"allow": ["10.0.0.0/8"]},
    "ldap-auth": {
        "ldap_host": "x",
        "ldap_port": 389,
        "base_dn": "a",
        "attribute": "b",
    },
    "loggly": {"key": "x"},
    "oauth2": {"provision_key": "x", "enable_implicit_grant": True},
    "opentelemetry": {"traces_endpoint": "http://traces.example.com/"},
    "proxy-cache": {"strategy": "memory"},
    "rate-limiting": {"minute": 5},
    "redirect": {"location": "http://example.com"},
    "request-transformer": {"add": {"headers": ["a:b"]}},
    "response-ratelimiting": {"limits": {"video": {"minute": 3}}},
    "standard-webhooks": {"secret_v1": "x"},
    "tcp-log": {"host": "x", "port": 1},
    "udp-log": {"host": "x", "port": 1},
}
"""The fields without defaults that plugins require."""
SEEN = {"3.4.2": 30}
"""The number of such plugins in a version before 3.8; from 3.8 on a Kong has 39 or more."""


def test_a_full_configuration_equals_kongs_answer(
    live: LiveGateway, report: Callable[[str], None]
) -> None:
    """Every plugin that a service accepts with defaults, or with its required fields, settles under
    strict matching."""
    taken: list[str] = []
    is_older = live.target.lacks("opentelemetry.traces_endpoint")
    with live.target.admin() as admin:
        service = (
            admin.post(
                "/services",
                json={"name": f"{RUN}-strict", "host": "x.example.com"},
            )
            .raise_for_status()
            .json()
        )
        try:
            for name in admin.get("/").json()["plugins"]["available_on_server"]:
                schema = admin.get(f"/schemas/plugins/{name}").json()
                needed = NEEDED.get(name, {})
                if name == "opentelemetry" and is_older:
                    needed = {"endpoint": "http://traces.example.com/"}
                sent = json.loads(config_json(schema, name, needed))
                made = admin.post(
                    f"/services/{service['id']}/plugins",
                    json={"name": name, "config": sent},
                )
                if made.status_code == 201:
                    printed = admin.get(f"/plugins/{made.json()['id']}").json()[
                        "config"
                    ]
                    assert comparable(printed) == comparable(sent), name
                    taken.append(name)
        finally:
            admin.delete(f"/services/{service['id']}").raise_for_status()
    report(f"{len(taken)} plugins print the configuration that they were sent")
    assert len(taken) >= SEEN.get(live.target.version, 39)
