"""Keycloak: clients, client scopes and roles in a realm that exists."""
