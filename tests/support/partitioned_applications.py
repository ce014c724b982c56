"""Applications in separate namespaces: an API with two callers."""

from __future__ import annotations

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders, labels: {team: o}}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 8080}]}
      dependsOn: [db]
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: o
            scopes: {read: Read, write: Write}
            rules: [{methods: [GET], scopes: [read]}, {methods: [POST], scopes: [write]}]
            roles:
              viewer: {scopes: [read], groups: [sales], components: [shop/web, mail/sender]}
              editor: {scopes: [write], groups: [desk], components: [shop/web]}
    - name: db
      type: worker
      properties: {image: db}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: worker
      properties: {image: web}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [read, write]}]}
"""
MAIL = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: mail, namespace: mail}
spec:
  components:
    - name: sender
      type: worker
      properties: {image: mail}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}
"""
