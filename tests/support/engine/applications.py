"""Applications that tests use in place of the sample estate's."""

from __future__ import annotations

SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, annotations: {owner: team-shop}}
spec:
  components:
    - name: page
      type: webservice
      properties: {image: registry.example.com/shop-page:1.0, ports: [{port: 3000}]}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 3000}}
        - type: access
          properties: {owner: team-shop, rules: [{methods: [GET], public: {reason: the shop's pages}}]}
        - type: client
          properties:
            kind: browser
            redirectPaths: [/callback]
            refresh: true
            calls: [{component: orders/api, scopes: [orders.read]}]
    - name: app
      type: external
      traits:
        - type: client
          properties:
            kind: native
            redirectUris: [com.example.shop:/callback]
            calls: [{component: orders/api, scopes: [orders.read, orders.write]}]
    - name: partner
      type: external
      properties: {jwksUri: https://partner.example.com/keys.json}
      traits:
        - type: client
          properties: {kind: external, calls: [{component: orders/api, scopes: [orders.read]}]}
"""
"""Clients without a secret of ours: a page in the browser, an application on devices, and a
partner's service."""
