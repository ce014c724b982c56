"""Keycloak: clients, client scopes and roles in an existing realm."""
