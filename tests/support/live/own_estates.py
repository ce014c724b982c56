"""Small old Kongs for the live tier, as decK files. They also run on the stand-in for Kong, and
without the real estates beside the repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Keys of an ACL group, beside an open path that covers all others.
_KEYS = """
_format_version: "3.0"
services:
- name: pages
  url: http://pages-service:3000
  routes: [{name: pages, paths: [/]}]
- name: orders
  url: http://orders-service:8080/v1
  plugins:
  - {name: key-auth, config: {hide_credentials: true}}
  - {name: acl, config: {allow: [partners]}}
  routes: [{name: orders, paths: [/orders]}]
consumers:
- {username: acme, acls: [{group: partners}], keyauth_credentials: [{key: x}]}
- {username: guest, keyauth_credentials: [{key: x}]}
"""

# Passwords on a host, several targets, and a route that stays with its old tokens.
_MIXED = """
_format_version: "3.0"
upstreams:
- name: status_upstream
  targets: [{target: "status-a:9000"}, {target: "status-b:9000"}]
services:
- name: reports
  url: http://reports-service:8080
  plugins: [{name: basic-auth}]
  routes:
  - name: reports
    hosts: [reports.example.com]
    paths: [/reports]
    methods: [GET]
    strip_path: false
    preserve_host: true
- name: status
  host: status_upstream
  routes: [{name: status, paths: [/status], preserve_host: true}]
- name: ledger
  url: http://ledger-service:8080
  plugins: [{name: jwt}]
  routes: [{name: ledger, paths: [/ledger]}]
consumers:
- {username: bob, basicauth_credentials: [{username: x, password: x}]}
- {username: carol, jwt_secrets: [{key: carol}]}
"""

OWN: Final[Mapping[str, str]] = {"own-keys": _KEYS, "own-mixed": _MIXED}
