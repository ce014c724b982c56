"""The smallest estate that has every kind of part: an API with a protected and a public path, and a service client."""

from __future__ import annotations

TINY = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: tiny}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: registry.example.com/tiny, ports: [{port: 8080}]}
      traits:
        - type: gateway
          properties: {domain: tiny.example.com, http: {/things: 8080}}
        - type: access
          properties:
            owner: team-tiny
            scopes: {things.read: Read things}
            rules:
              - {paths: [/things], methods: [GET], scopes: [things.read]}
              - {paths: [/things/health], methods: [GET], public: {reason: probes}}
            roles:
              reader: {scopes: [things.read], groups: [sales], components: [tiny/job]}
    - name: job
      type: worker
      properties: {image: registry.example.com/job}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: tiny/api, scopes: [things.read]}]}
"""
HOST = "tiny.example.com"
PROTECTED, PUBLIC = "/things", "/things/health"
SERVICE = "kong-oam.local.tiny.api.8080"
