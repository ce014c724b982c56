"""Okta: an authorization server per stack, its scopes, apps and policies."""
