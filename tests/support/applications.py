"""Applications, as text, that tests of more than one identity provider ask about."""

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
"""An API, and two clients of it: a service, and a page in the browser."""

WITH_GROUPS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, http: {/: 80}}}
        - type: access
          properties:
            owner: shop
            scopes: {read: Read}
            rules: [{scopes: [read]}]
            roles:
              reader: {scopes: [read], groups: [sales]}
              desk: {scopes: [read], groups: [sales, desk]}
"""
"""An API whose roles name two groups, one of them twice."""

WITH_SIGN_IN = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, http: {/: 80}}}
        - type: access
          properties:
            owner: shop
            scopes: {read: Read}
            rules: [{scopes: [read]}]
            roles:
              reader: {scopes: [read], groups: [sales], components: [shop/job, shop/web]}
    - name: job
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: shop/api, scopes: [read]}]}}]
    - name: web
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: web.example.com, http: {/: 80}}}
        - type: access
          properties: {owner: shop, rules: [{public: {reason: it signs users in}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/callback], calls: [{component: shop/api, scopes: [read]}]}
"""
"""An API, and two clients of it: a service, and an application on a server that users sign in to."""
