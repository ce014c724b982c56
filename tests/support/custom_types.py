"""Two Applications; one uses a component type and a trait type that the project defines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kong_oam.render.answers import Answer
from kong_oam.render.evaluator import Evaluator
from tests.support.projects import STACK, git

STATEFUL_APP = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata:
  name: stateful-app
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        parameter: {
          image: string
          port:  *8080 | int
          host:  string
        }
        output: {
          apiVersion: "apps/v1"
          kind:       "StatefulSet"
          spec: {
            serviceName: context.name
            selector: matchLabels: "app.oam.dev/component": context.name
            template: {
              metadata: labels: "app.oam.dev/component": context.name
              spec: containers: [{name: context.name, image: parameter.image, ports: [{containerPort: parameter.port}]}]
            }
          }
        }
        outputs: {
          service: {
            apiVersion: "v1"
            kind:       "Service"
            metadata: name: context.name
            spec: {
              selector: "app.oam.dev/component": context.name
              ports: [{port: parameter.port, targetPort: parameter.port}]
            }
          }
          ingress: {
            apiVersion: "networking.k8s.io/v1"
            kind:       "Ingress"
            metadata: name: context.name
            spec: rules: [{
              host: parameter.host
              http: paths: [{path: "/", pathType: "Prefix", backend: service: {name: context.name, port: number: parameter.port}}]
            }]
          }
        }
"""
"""A StatefulSet with a Service and an Ingress, in YAML."""
PRIORITY = """\
priority: {
  type:        "trait"
  description: "Gives pods a priority class"
  annotations: {}
  attributes: appliesToWorkloads: ["*"]
}
template: {
  parameter: class: string
  patch: spec: template: spec: priorityClassName: parameter.class
}
"""
"""A trait, as `vela def` writes it."""
LEDGER = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: ledger, namespace: ledger}
spec:
  components:
    - name: book
      type: stateful-app
      properties: {image: registry.example.com/ledger:1.0, host: ledger.example.com}
      traits:
        - type: priority
          properties: {class: high}
        - type: access
          properties:
            owner: team-ledger
            scopes: {ledger.read: Read the ledger}
            rules:
              - {methods: [GET], scopes: [ledger.read]}
            roles:
              reader: {scopes: [ledger.read], groups: [sales], components: [desk/web]}
"""
DESK = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: desk, namespace: desk}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: registry.example.com/desk:1.0}
      traits:
        - type: gateway
          properties: {domain: desk.example.com, http: {/: 3000}}
        - type: scaler
          properties: {replicas: 2}
        - type: access
          properties: {owner: team-desk, rules: [{public: {reason: pages}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/callback], calls: [{component: ledger/book, scopes: [ledger.read]}]}
"""
"""A webservice that KubeVela's scaler scales, and whose users call the ledger."""
FILES: Mapping[str, str] = {
    "applications/desk.yaml": DESK,
    "applications/ledger.yaml": LEDGER,
    "definitions/priority.cue": PRIORITY,
    "definitions/stateful-app.yaml": STATEFUL_APP,
    "stacks/Pulumi.local.yaml": STACK,
}


class Counting(Evaluator):
    """An evaluator that counts the components of its questions."""

    components = 0

    def ask(self, request: Mapping[str, object]) -> Answer:
        self.components += "component" in request
        return super().ask(request)


def write_custom(folder: Path) -> None:
    """Write the project."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def commit(folder: Path) -> None:
    """Make a repository of the project, with one commit, `main`."""
    git("-C", str(folder), "init", "--initial-branch=main")
    git("-C", str(folder), "add", ".")
    git("-C", str(folder), "commit", "--message", "first")
