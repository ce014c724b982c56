"""Entra ID: applications and service principals in a tenant."""
