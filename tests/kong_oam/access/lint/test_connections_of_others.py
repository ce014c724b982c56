"""LINT314 on real Applications: the connections that people see in them, and patches that deploy.

The numbers: lint finds 8 of the 9 Applications in which people see connections, and 13 of their 14
connections. No connection is wrong. The port is certain for all 13, and routes lead to 3 of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.lint import lint
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.render.stage import Renderer
from kong_oam.render.tools import Tools
from tests.support.granting_stacks import ALLOWING
from tests.support.lint_estates import AS_OF
from tests.support.oam_corpus import CORPUS, corpus, need_corpus
from tests.support.third_party_applications import rendered_application

DEFINITIONS = """\
apiVersion: core.oam.dev/v1beta1
kind: TraitDefinition
metadata: {name: napptive-ingress}
spec:
  schematic:
    cue:
      template: |
        parameter: {name: string, port: int, path: string}
        outputs: ingress: {
          apiVersion: "networking.k8s.io/v1"
          kind: "Ingress"
          metadata: name: parameter.name
          spec: rules: [{
            host: context.name + ".example.com"
            http: paths: [{path: parameter.path, pathType: "Prefix", backend: service: {name: context.name, port: number: parameter.port}}]
          }]
        }
---
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: java-war}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        parameter: {warURL: string, envVersion: string, javaOpts?: string, replicas: int, env: *[] | [...{name: string, value: string}]}
        output: {
          apiVersion: "apps/v1"
          kind: "Deployment"
          spec: {
            selector: matchLabels: "app.oam.dev/component": context.name
            template: {
              metadata: labels: "app.oam.dev/component": context.name
              spec: containers: [{name: "war", image: "tomcat", ports: [{containerPort: 8080}], env: parameter.env}]
            }
          }
        }
        outputs: service: {
          apiVersion: "v1"
          kind: "Service"
          metadata: name: context.name
          spec: {selector: "app.oam.dev/component": context.name, ports: [{port: 8080}]}
        }
---
apiVersion: core.oam.dev/v1beta1
kind: TraitDefinition
metadata: {name: http-route}
spec: {schematic: {cue: {template: "parameter: {...}"}}}
"""
"""Types that the Applications use and that nobody published."""
MOUNTED = re.compile(r"( +)- name: go(cd|gs)-(config|secret)\n")
"""Objects that the Application creates, and a trait `storage` creates once more."""
GITHUB = "kubevela-kubevela.github.io"
NAPPTIVE = "napptive-catalog-apps__apps"
EXPECTED = {
    f"{GITHUB}__blog_2022-06-27-terraform-integrate-with-vela.md__2.yaml": {
        "composed-app/frp-web connects to composed-app/web-new at 8000",
    },
    f"{GITHUB}__docs_tutorials_custom-image-delivery.md__0.yaml": {
        "nanoservice/order connects to nanoservice/catalog at 8080",
        "nanoservice/order connects to nanoservice/customer at 8080",
    },
    f"{NAPPTIVE}_gitea_1.13.2_gitea.application.yaml__0.yaml": {
        "gitea-app/gitea connects to gitea-app/postgres at 5432",
    },
    f"{NAPPTIVE}_gocd_1.0_gocd.applications.yaml__0.yaml": {
        "gocd-application/gocd-agent calls gocd-application/gocd-server at 8153",
    },
    f"{NAPPTIVE}_mysql-phpmyadmin_5.1.0_phpmyadmin.application.yaml__0.yaml": {
        "phpmyadmin-mysql/phpmyadmin connects to phpmyadmin-mysql/mysql at 3306",
    },
    f"{NAPPTIVE}_penpot_0.1.0_penpot.application.yaml__0.yaml": {
        "penpot-deployment/penpot-backend connects to penpot-deployment/penpot-postgres at 5432",
        "penpot-deployment/penpot-backend connects to penpot-deployment/penpot-redis at 6379",
        "penpot-deployment/penpot-exporter connects to penpot-deployment/penpot-redis at 6379",
        "penpot-deployment/penpot-backend calls penpot-deployment/penpot-frontend at 80",
        "penpot-deployment/penpot-exporter calls penpot-deployment/penpot-frontend at 80",
    },
    f"{NAPPTIVE}_wordpress_5.8.1_wordpress.application.yaml__0.yaml": {
        "my-wordpress/wordpress connects to my-wordpress/mysql at 3306",
    },
    "napptive-kubecon-23-oam-kubevela-tutorial__scenarios_complex_app_wordpress_with_workflow.yml__0.yaml": {
        "my-wordpress-wf/wordpress connects to my-wordpress-wf/mysql at 3306",
    },
}  # fmt: skip
"""The connections that people see in each Application. Lint does not find a connection between two
charts (`component-dependency-parameter.md__1`): nothing fences their pods."""

Check = Callable[[str, bytes], tuple[Compiled, tuple[LintFinding, ...]]]


@pytest.fixture(scope="module")
def check() -> Iterator[Check]:
    """The whole pipeline, like `check`, with the missing definitions."""
    need_corpus()
    added = read_definitions("missing.yaml", DEFINITIONS.encode()).definitions
    with Tools() as tools:
        renderer = Renderer(tools)

        def checked(
            file: str, raw: bytes
        ) -> tuple[Compiled, tuple[LintFinding, ...]]:
            reading = rendered_application(file, raw, ALLOWING, renderer, added)
            compiled = compile_estate(reading, ALLOWING)
            if compiled.estate is None:
                return compiled, ()
            findings = lint(reading.applications, compiled.estate, AS_OF)
            return compiled, tuple(
                finding for finding in findings if finding.code == "LINT314"
            )

        yield checked


def text_of(file: str) -> bytes:
    """Return an Application of the corpus, with each object created once."""
    text = (CORPUS / "applications" / file).read_text("utf-8")
    return MOUNTED.sub(r"\g<0>\1  mountOnly: true\n", text).encode()


def connection(finding: LintFinding) -> str:
    """Return the connection of a finding: `A connects to B at PORT`, or `A calls B at PORT`."""
    called = re.search(r"leads to port (\d+) of '(.*?)'", finding.message)
    if called:
        return f"{finding.component} calls {called[2]} at {called[1]}"
    found = re.search(r"but '(.*?)' .*{port: (.*?),", finding.message)
    assert found
    return f"{finding.component} connects to {found[1]} at {found[2]}"


def test_real_applications_have_the_connections_that_people_see(
    check: Check,
) -> None:
    found = {}
    for file in corpus("applications"):
        _, findings = check(file, text_of(file))
        if findings:
            found[file] = set(map(connection, findings))
    assert found == EXPECTED


@pytest.mark.parametrize("file", EXPECTED)
def test_patched_applications_deploy(check: Check, file: str) -> None:
    """Each patch is applied. Only calls remain that the gateway can carry."""
    text = text_of(file)
    compiled, findings = check(file, text)
    while changes := [finding.change for finding in findings if finding.change]:
        patched = changes[0]()
        assert patched is not None
        text = patched.encode()
        compiled, findings = check(file, text)
    assert compiled.estate, compiled.diagnostics
    calls = {each for each in EXPECTED[file] if " calls " in each}
    assert set(map(connection, findings)) == calls
    allowed = {
        f"{each.caller} connects to {component.key} at {each.at}"
        for component in compiled.estate.components.values()
        for each in component.connections
    }
    assert allowed == EXPECTED[file] - calls
