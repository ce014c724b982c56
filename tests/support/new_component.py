"""The command that writes the component `billing/invoices` in tests."""

from __future__ import annotations

NEW = (
    *("new", "--app", "billing", "--component", "invoices"),
    *("--image", "registry.example.com/billing:1.0"),
    *("--owner", "team-billing", "--port", "8080"),
    *("--domain", "billing.example.com", "--group", "sales"),
)
