"""An Application, as text, with an API and two clients of it."""

from __future__ import annotations

WITH_CLIENTS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: me
            scopes: {read: Read}
            rules: [{methods: [POST], scopes: [read]}, {methods: [GET], public: {reason: pages}}]
            roles: {all: {scopes: [read], groups: [g], components: [shop/job, shop/spa]}}
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: shop/api, scopes: [read]}]}
    - name: spa
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: spa.example.com, http: {/: 8080}}
        - type: access
          properties: {owner: me, rules: [{public: {reason: pages}}]}
        - type: client
          properties: {kind: browser, redirectPaths: [/cb], calls: [{component: shop/api, scopes: [read]}]}
"""
"""An API and two clients of it: a service, and a page in the browser."""
