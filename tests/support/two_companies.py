"""Two estates of two companies that use the same names for different things."""

from __future__ import annotations

from pathlib import Path

APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: shop}}
spec:
  components:
    - name: api
      type: webservice
      properties:
        image: registry.example.com/api:1
        ports: [{{port: 8080}}, {{port: 9090}}]
        env: [{{name: DATABASE, value: "http://db.default.svc:5432/default"}}]
      traits:
        - type: gateway
          properties: {{domain: shop.{company}.example, http: {{/: 8080}}}}
        - type: access
          properties:
            owner: team
            scopes: {{read: Read}}
            rules: [{{scopes: [read]}}]   # all of them
            roles:
              reader:
                scopes: [read]
                groups: ["sales"]
                components: [shop/web, shop/job]
            internal:
              - {{port: 9090, components: [shop/job], peers: [prometheus]}}
    - name: job
      type: worker
      properties: {{image: registry.example.com/job:1}}
      traits:
        - type: client
          properties:
            kind: service
            calls: [{{component: shop/api, scopes: [read]}}]
    - name: web
      type: webservice
      properties: {{image: registry.example.com/web:1, ports: [{{port: 3000}}]}}
      traits:
        - type: gateway
          properties: {{http: {{/: 3000}}}}
        - type: access
          properties: {{owner: team, rules: [{{public: {{reason: pages}}}}]}}
        - type: client
          properties:
            kind: web
            redirectPaths: [/callback]
            calls:
              - component: shop/api
                scopes:
                  - read
    - name: crm
      type: external
      traits:
        - type: gateway
          properties: {{domain: crm.{company}.example, http: {{/: 8443}}}}
        - type: access
          properties: {{owner: team, rules: [{{public: {{reason: pages}}}}]}}
"""
STACK = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:domains: {{default: {company}.example}}
  kong-oam:knownGroups: [sales]
  kong-oam:cluster:
    peers:
      prometheus: {{namespace: monitoring, podLabels: {{app: {company}}}}}
  kong-oam:gateway:
    scheme: http
    namespace: kong
    podLabels: {{app: kong}}
    upstreams:
      shop/crm: {{host: crm.{company}.test, scheme: http}}
  kong-oam:identityProviders:
    - name: corp
      type: oidc
      issuer: https://login.{company}.example
      audience: api://shop
      tokens: {{user: sid, accessToken: {{claim: use, value: access}}}}
      clients:
        shop/job: {{id: job, secret: {{name: job, key: secret}}}}
        shop/web: {{id: web, secret: {{name: web, key: secret}}}}
"""


def write_companies(folder: Path, *companies: str) -> None:
    """Write the project of each company into a folder of its name."""
    for company in companies:
        for name, text in (
            ("applications/shop.yaml", APPLICATION),
            ("stacks/Pulumi.local.yaml", STACK),
        ):
            file = folder / company / name
            file.parent.mkdir(parents=True)
            file.write_text(text.format(company=company), "utf-8")
