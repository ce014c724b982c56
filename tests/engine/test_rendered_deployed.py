"""Components that definitions render, deployed: any kind of workload, with the access of any other component."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.__main__ import main
from sandbox.cluster import Key
from sandbox.local import STACK
from tests.support.engine.calls import call, credential, service_token
from tests.support.engine.deployment import Deployment, Empty
from tests.support.json_object import JsonObject
from tests.support.streams import Capsys

HOST = "store.example.com"
STORE = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: store}
spec:
  workload: {definition: {apiVersion: apps/v1, kind: StatefulSet}}
  schematic:
    cue:
      template: |
        parameter: {image: string, domain: string}
        output: {
          apiVersion: "apps/v1"
          kind: "StatefulSet"
          spec: {
            serviceName: context.name
            selector: matchLabels: app: context.name
            template: {
              metadata: labels: app: context.name
              spec: {
                initContainers: [{name: "first", image: "registry.example.com/first"}]
                containers: [
                  {name: "main", image: parameter.image, ports: [{name: "web", containerPort: 8080}]},
                  {name: "beside", image: "registry.example.com/beside"},
                ]
              }
            }
          }
        }
        outputs: service: {
          apiVersion: "v1"
          kind: "Service"
          metadata: name: "\\(context.name)-internal"
          spec: {selector: app: context.name, ports: [{name: "http", port: 80, targetPort: "web"}]}
        }
        outputs: way: {
          apiVersion: "networking.k8s.io/v1"
          kind: "Ingress"
          spec: rules: [{
            host: parameter.domain
            http: paths: [{
              path: "/things"
              pathType: "Prefix"
              backend: service: {name: outputs.service.metadata.name, port: name: "http"}
            }]
          }]
        }
---
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: tiny}
spec:
  components:
    - name: api
      type: store
      properties: {image: "registry.example.com/tiny:1", domain: store.example.com}
      traits:
        - type: access
          properties:
            owner: team-tiny
            scopes: {things.read: Read things}
            rules: [{paths: [/things], methods: [GET], scopes: [things.read]}]
            roles: {reader: {scopes: [things.read], components: [tiny/api]}}
        - type: client
          properties: {kind: service, calls: [{component: tiny/api, scopes: [things.read]}]}
"""
ONCE = """\
    - name: once
      type: task
      dependsOn: [api]
      properties: {image: registry.example.com/once}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: tiny/api, scopes: [things.read]}]}
"""
THINGS = """\
    - name: things
      type: k8s-objects
      properties:
        objects:
          - apiVersion: example.com/v1
            kind: Thing
            metadata: {name: one}
            spec: {size: 1}
          - apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: things.example.com}
            spec:
              group: example.com
              scope: Namespaced
              names: {kind: Thing, plural: things}
              versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
    - name: chart
      type: helmchart
      properties: {chart: {source: nginx, repoURL: "https://charts.example.com"}}
"""
KEPT = """\
    - name: settings
      type: k8s-objects
      properties:
        objects:
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {A: "1"}}
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: looked}, data: {A: "1"}}
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: shared}, data: {A: "1"}}
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: once}, data: {A: "1"}}
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: anew}, data: {A: "1"}}
  policies:
    - {name: a, type: garbage-collect, properties: {rules: [{selector: {resourceNames: [kept]}, strategy: never}]}}
    - {name: b, type: read-only, properties: {rules: [{selector: {resourceNames: [looked]}}]}}
    - {name: c, type: shared-resource, properties: {rules: [{selector: {resourceNames: [shared]}}]}}
    - {name: d, type: apply-once, properties: {enable: true, rules: [{selector: {resourceNames: [once]}, strategy: {path: [data]}}]}}
    - {name: f, type: resource-update, properties: {rules: [{selector: {resourceNames: [anew]}, strategy: {recreateFields: [data]}}]}}
"""
POD = """\
    - name: lone
      type: raw
      properties:
        apiVersion: v1
        kind: Pod
        metadata: {name: lone}
        spec: {containers: [{name: main, image: registry.example.com/lone}]}
"""
TAKERS = """\
    - name: page
      type: worker
      properties: {image: registry.example.com/page, cmd: [serve, ""], env: [{name: STORE}, {name: NAME}]}
      inputs:
        - {from: store, parameterKey: "env[0].value"}
        - {from: store, parameterKey: "cmd[1]"}
        - {from: name, parameterKey: "properties.env[1].value"}
    - name: notes
      type: k8s-objects
      properties:
        objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: notes}, data: {}}]
      inputs: [{from: store, parameterKey: "objects[0].data.store"}]
"""
OUTPUTS = """\
      outputs:
        - {name: store, valueFrom: '"http://" + outputs.service.status.loadBalancer.ingress[0].ip + "/"'}
        - {name: name, valueFrom: outputs.service.metadata.name}
      traits:
"""
ALLOWED = {
    "apiextensions.k8s.io/CustomResourceDefinition": "kinds of objects, of which each is named here",
    "example.com/Thing": "nothing: nobody makes anything of them",
}


def deployment_of(empty: Empty, application: str, **cluster: Any) -> Deployment:
    made = empty("stacks")
    made.replace_applications(application)
    with made.config() as config:
        config.setdefault("kong-oam:cluster", {}).update(cluster)
    return made


def stateful_set(deployment: Deployment) -> Any:
    found = deployment.local.cluster.get(
        Key("apps/v1", "StatefulSet", "default", "api")
    )
    assert found is not None
    return found


def test_a_workload_of_any_kind_is_guarded_as_every_other(
    empty: Empty,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """A StatefulSet with a container of each kind, behind a Service of another name and an Ingress
    of its definition.

    A second run does nothing, also with a refresh; manual changes are found and reverted.
    """
    deployment = deployment_of(empty, STORE)
    local = deployment.local
    assert set(deployment.changes("up").values()) == {"create"}
    assert call(local, "GET", HOST, "/things").status == 401
    token = service_token(local, "api")
    assert call(local, "GET", HOST, "/things", token).status == 200
    assert call(local, "POST", HOST, "/things", token).status == 403
    assert local.cluster.objects("Ingress") == []
    template = stateful_set(deployment)["spec"]["template"]
    for container in [
        *template["spec"]["containers"],
        *template["spec"]["initContainers"],
    ]:
        assert container["envFrom"] == [{"secretRef": {"name": "api-client"}}]
    (fence,) = local.cluster.objects("NetworkPolicy")
    assert (
        fence["spec"]["podSelector"]["matchLabels"].items()
        <= template["metadata"]["labels"].items()
    )
    assert fence["spec"]["ingress"][0]["ports"] == [
        {"protocol": "TCP", "port": 8080}
    ]
    deployment.assert_unchanged()
    deployment.assert_unchanged("preview", "--refresh")
    deployment.pulumi("preview", "-s", STACK, "--policy-pack", "policies")

    deployment.enter(monkeypatch)
    ask = ["verify", "--stack", STACK, "--only", "cluster"]
    assert main(ask) == 0, capsys.readouterr().out
    capsys.readouterr()
    assert main(["diff", f"deployed:{STACK}", ".", "--stack", STACK]) == 0
    assert capsys.readouterr().out == "", (
        "what answers by the state is what is meant"
    )
    changed = stateful_set(deployment)
    changed["spec"]["template"]["spec"]["containers"][1]["image"] = (
        "elsewhere.example.com/other"
    )
    local.cluster.put(changed)
    assert main(ask) == 1
    path = "spec.template.spec.containers[beside].image"
    assert (
        f"changed: StatefulSet 'default/api': {path} was changed by kubectl-edit"
        in capsys.readouterr().out
    )
    assert deployment.changes("up", "--refresh") == {
        "tiny/api/statefulset/api": "update"
    }
    assert main(ask) == 0


@pytest.mark.deep
def test_a_gate_stays_closed_until_its_workload_is_ready(
    empty: Empty,
) -> None:
    """An image cannot be pulled: the run fails, and the gate stays closed until a run succeeds."""
    deployment = deployment_of(empty, STORE)
    local = deployment.local
    deployment.run("up")
    deployment.edit("applications/tiny.yaml", "tiny:1", "tiny:2")
    deployment.edit(
        "applications/tiny.yaml", "methods: [GET]", "methods: [GET, DELETE]"
    )
    local.cluster.unpullable.add("registry.example.com/tiny:2")
    failed = deployment.run("up", check=False)
    assert (
        failed.returncode != 0
        and "StatefulSet default/api was not rolled out" in failed.stdout
    )
    token = service_token(local, "api")
    assert call(local, "DELETE", HOST, "/things", token).status == 403
    assert (
        local.cluster.running("default", "api", "StatefulSet")
        == "registry.example.com/tiny:1"
    )
    local.cluster.unpullable.clear()
    deployment.run("up")
    assert call(local, "DELETE", HOST, "/things", token).status == 200


@pytest.mark.deep
def test_jobs_and_other_objects_are_deployed_in_order(
    empty: Empty,
) -> None:
    """A client's Job, which a new key does not run again; a kind before its objects; a chart as a release."""
    text = STORE.replace("[tiny/api]", "[tiny/api, tiny/once]") + ONCE + THINGS
    deployment = deployment_of(empty, text, allow=ALLOWED)
    local = deployment.local
    deployment.run("up")
    assert (
        call(local, "GET", HOST, "/things", service_token(local, "once")).status
        == 200
    )
    (job,) = local.cluster.objects("Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "once-client"}}]
    types = [
        resource["type"].rpartition(":")[2] for resource in deployment.state()
    ]
    assert types.index("CustomResourceDefinition") < types.index("Thing")
    (release,) = local.cluster.objects("Release")
    assert release["spec"]["chart"] == "nginx"
    deployment.assert_unchanged()
    before = credential(local, "once")
    (key,) = [
        name
        for name in deployment.changes(
            "preview", "--replace", "**::okta-key-tiny/once-a"
        )
        if "key" in name
    ]
    changed = deployment.changes("up", "--replace", f"**::{key}")
    assert credential(local, "once") != before
    assert changed["tiny/once-client"] == "update" and not any(
        "/job/" in name for name in changed
    )
    deployment.run("destroy")
    assert local.cluster.objects() == []


@pytest.mark.deep
def test_a_pod_that_becomes_a_client_is_made_anew(empty: Empty) -> None:
    """Its containers cannot get a credential while it runs: an API server rejects that change."""
    deployment = deployment_of(empty, STORE + POD)
    deployment.run("up")
    client = "{type: client, properties: {kind: service, calls: [{component: tiny/api, scopes: [things.read]}]}}"
    deployment.edit(
        "applications/tiny.yaml",
        "    - name: lone\n",
        f"    - name: lone\n      traits: [{client}]\n",
    )
    deployment.edit(
        "applications/tiny.yaml", "[tiny/api]", "[tiny/api, tiny/lone]"
    )
    assert (
        deployment.changes("up")["tiny/lone/pod/lone"] == "create-replacement"
    )
    (pod,) = deployment.local.cluster.objects("Pod")
    assert pod["spec"]["containers"][0]["envFrom"] == [
        {"secretRef": {"name": "lone-client"}}
    ]


@pytest.mark.deep
def test_objects_are_kept_as_the_rules_of_their_application_say(
    empty: Empty,
) -> None:
    """A kept object, a read-only object, an object shared with somebody else, and an object that is
    written once."""
    deployment = deployment_of(empty, STORE + KEPT)
    cluster = deployment.local.cluster

    def data() -> JsonObject:
        return {
            config_map["metadata"]["name"]: config_map["data"]
            for config_map in cluster.objects("ConfigMap")
        }

    for name in ("looked", "shared"):
        about = {"name": name, "namespace": "default"}
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": about,
                "data": {"B": "2"},
            }
        )
    deployment.run("up")
    mine, both = {"A": "1"}, {"A": "1", "B": "2"}
    assert data() == {
        "anew": mine,
        "kept": mine,
        "looked": {"B": "2"},
        "once": mine,
        "shared": both,
    }
    deployment.assert_unchanged()
    deployment.edit(
        "applications/tiny.yaml",
        '{name: once}, data: {A: "1"}',
        '{name: once}, data: {A: "3"}',
    )
    deployment.run("up")
    assert data()["once"] == mine
    deployment.edit(
        "applications/tiny.yaml",
        '{name: anew}, data: {A: "1"}',
        '{name: anew}, data: {A: "3"}',
    )
    assert deployment.changes("up") == {
        "tiny/settings/configmap/anew": "create-replacement"
    }
    assert data()["anew"] == {"A": "3"}

    # An object that equals the rendered object is adopted.
    (taken,) = (
        config_map
        for config_map in cluster.objects("ConfigMap")
        if config_map["metadata"]["name"] == "once"
    )
    labels = {
        **taken["metadata"]["labels"],
        "trait.oam.dev/resource": "objects-5",
    }
    del labels[
        "kong-oam.dev/stack"
    ]  # only objects that a run creates have this
    about = {"name": "taken", "namespace": "default", "labels": labels}
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": about,
            "data": mine,
        }
    )
    more = '          - {apiVersion: v1, kind: ConfigMap, metadata: {name: taken}, data: {A: "1"}}\n'
    rule = "    - {name: e, type: take-over, properties: {rules: [{selector: {resourceNames: [taken]}}]}}\n"
    deployment.edit(
        "applications/tiny.yaml", "  policies:\n", f"{more}  policies:\n{rule}"
    )
    assert deployment.changes("up") == {
        "tiny/settings/configmap/taken": "import"
    }
    deployment.assert_unchanged()
    deployment.run("destroy")
    assert data().keys() == {"kept", "looked", "shared"}


PAGE = """\
    - name: page
      type: webservice
      properties: {image: "registry.example.com/page:1", ports: [{port: 80, expose: true}]}
      traits: [{type: gateway, properties: {domain: page.example.com, http: {/: 80}}}]
"""
READ = "  policies: [{type: read-only, properties: {rules: [{selector: {componentNames: [page]}}]}}]\n"


@pytest.mark.deep
def test_pods_that_are_only_read_run_on_behind_a_fence(empty: Empty) -> None:
    """The network policy denies all connections, during and after the reading: no access rule is
    about these pods any more."""
    deployment = deployment_of(empty, STORE + PAGE)
    cluster = deployment.local.cluster
    deployment.run("up")

    def fences() -> dict[str, tuple[str, bool]]:
        policies = {
            policy["metadata"]["name"]: policy["spec"]
            for policy in cluster.objects("NetworkPolicy")
        }
        return {
            name: (
                item["podSelector"]["matchLabels"]["app.oam.dev/component"],
                bool(item["ingress"]),
            )
            for name, item in policies.items()
        }

    assert fences() == {"api": ("api", True), "page": ("page", True)}
    trait = "      traits: [{type: gateway, properties: {domain: page.example.com, http: {/: 80}}}]\n"
    deployment.edit("applications/tiny.yaml", trait, READ)
    deployment.run("up")
    assert call(deployment.local, "GET", "page.example.com", "/").status == 404
    assert (
        cluster.running("default", "page", "Deployment")
        == "registry.example.com/page:1"
    )
    assert fences() == {"api": ("api", True), "page-read-only": ("page", False)}
    deployment.assert_unchanged()
    deployment.edit("applications/tiny.yaml", PAGE.replace(trait, READ), "")
    deployment.run("up")
    assert (
        cluster.running("default", "page", "Deployment")
        == "registry.example.com/page:1"
    )
    assert fences() == {"api": ("api", True), "page-read-only": ("page", False)}


SEARCH = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: tiny}
spec:
  components:
    - name: api
      type: helmchart
      properties: {chart: {source: search, repoURL: "https://charts.example.com"}}
      traits:
        - type: gateway
          properties: {domain: store.example.com, existingServiceName: search-http, http: {/things: 9200}}
        - type: access
          properties:
            owner: team-tiny
            service: {name: search-http, port: 9200, podLabels: {app.kubernetes.io/instance: api}}
            scopes: {things.read: Read things}
            rules: [{paths: [/things], methods: [GET], scopes: [things.read]}]
            roles: {reader: {scopes: [things.read], components: [tiny/api]}}
        - type: client
          properties: {kind: service, calls: [{component: tiny/api, scopes: [things.read]}]}
"""
KEY = "app.kubernetes.io/instance"


@pytest.mark.deep
def test_a_service_that_a_release_makes_is_guarded_as_every_other(
    empty: Empty,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """The stand-in installs no chart: the gateway uses a Service of ours, which selects the same
    pods as the network policy."""
    deployment = deployment_of(empty, SEARCH)
    local = deployment.local
    deployment.pulumi("preview", "-s", STACK, "--policy-pack", "policies")
    assert set(deployment.changes("up").values()) == {"create"}
    assert call(local, "GET", HOST, "/things").status == 401
    token = service_token(local, "api")
    assert call(local, "GET", HOST, "/things", token).status == 200
    assert call(local, "POST", HOST, "/things", token).status == 403
    (service,), (fence,) = (
        local.cluster.objects("Service"),
        local.cluster.objects("NetworkPolicy"),
    )
    pods = {KEY: "api"}
    assert (
        service["spec"]["selector"]
        == fence["spec"]["podSelector"]["matchLabels"]
        == pods
    )
    assert local.cluster.objects("Ingress") == []
    after = {
        resource["urn"].rpartition("::")[2]: resource.get("dependencies", [])
        for resource in deployment.state()
    }
    assert any(
        "Release" in urn for urn in after["tiny/api-service-api-gateway"]
    )
    (gate,) = [name for name in after if name.endswith("-gate")]
    assert any(
        urn.endswith("tiny/api-service-api-gateway") for urn in after[gate]
    )
    deployment.assert_unchanged()
    deployment.assert_unchanged("preview", "--refresh")
    deployment.enter(monkeypatch)
    ask = ["verify", "--stack", STACK, "--only", "cluster"]
    assert main(ask) == 0, capsys.readouterr().out
    ask_for_changes = ["diff", f"deployed:{STACK}", ".", "--stack", STACK]
    capsys.readouterr()
    assert main(ask_for_changes) == 0 and capsys.readouterr().out == ""
    fence["spec"]["podSelector"]["matchLabels"] = {"nobody": "x"}
    local.cluster.put(fence)
    assert main(ask) == 1
    assert "NetworkPolicy 'default/api-gateway'" in capsys.readouterr().out

    # Pods of another component get the labels: verify reports it, and no run continues.
    labels = {**pods, "app.oam.dev/name": "shop", "app.oam.dev/component": "db"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "db", "namespace": "default", "labels": labels},
    }
    local.cluster.put(pod)
    assert main(ask) == 1
    assert (
        "it also selects pods of shop/db, so the rules of 'tiny/api' open them"
        in capsys.readouterr().out
    )
    assert "ENV415" in deployment.run("up", check=False).stdout
    local.cluster.delete(Key.of(pod))

    # The gate does not change in a run that leaves out the Service of other pods.
    deployment.edit(
        "applications/tiny.yaml", "instance: api}", "instance: api, role: data}"
    )
    deployment.edit(
        "applications/tiny.yaml", "methods: [GET]", "methods: [GET, DELETE]"
    )
    deployment.run("up", "--exclude", "**tiny/api-service-api-gateway")
    assert call(local, "DELETE", HOST, "/things", token).status == 403
    # So other pods answer from the next run on, although the outputs already have this run's
    # values.
    assert main(ask_for_changes) == 0
    moved = [
        f"tiny/api:9200 (team-tiny), pods {labels} in default at 9200"
        for labels in (f"{KEY}=api", f"{KEY}=api,role=data")
    ]
    assert f"/things: {' -> '.join(moved)}" in capsys.readouterr().out
    deployment.run("up")
    assert main(ask_for_changes) == 0 and capsys.readouterr().out == ""
    assert call(local, "DELETE", HOST, "/things", token).status == 200
    deployment.run("destroy")
    assert local.cluster.objects() == []


@pytest.mark.deep
def test_values_of_the_cluster_are_passed_once_they_exist(
    empty: Empty,
) -> None:
    """The address of a load balancer (a stand-in's), in texts; no workload is deployed before the
    address is known."""
    deployment = deployment_of(
        empty, STORE.replace("      traits:\n", OUTPUTS) + TAKERS
    )
    with deployment.config() as config:
        config["kong-oam:gateway"] = {
            "scheme": "http",
            "reach": "loadBalancer",
            "cidrs": ["192.0.2.0/24"],
        }
    cluster = deployment.local.cluster
    assert set(deployment.changes("preview").values()) == {"create"}
    deployment.run("up")
    service = cluster.get(Key("v1", "Service", "default", "api-internal"))
    assert service is not None
    address = f"http://{service['status']['loadBalancer']['ingress'][0]['ip']}/"
    page = cluster.get(Key("apps/v1", "Deployment", "default", "page"))
    assert page is not None
    (container,) = page["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [
        {"name": "STORE", "value": address},
        {"name": "NAME", "value": "api-internal"},
    ]
    assert container["command"] == ["serve", address]
    (notes,) = cluster.objects("ConfigMap")
    assert notes["data"] == {"store": address}
    deployment.assert_unchanged()
    deployment.assert_unchanged("preview", "--refresh")
    assert "awaited-value" not in str(
        [
            resource["inputs"]
            for resource in deployment.state()
            if "inputs" in resource
        ]
    )

    deployment.edit("applications/tiny.yaml", "ingress[0].ip", "ingress[1].ip")
    failed = deployment.run("up", check=False)
    assert failed.returncode != 0
    output = " ".join(failed.stdout.split())
    assert (
        "Service 'default/api-internal' has no text or number at status.loadBalancer.ingress[1].ip yet"
        in output
    )
    assert "Traceback" not in failed.stdout + failed.stderr
    assert cluster.objects("ConfigMap") == [notes]
