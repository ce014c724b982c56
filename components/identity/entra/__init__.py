"""Microsoft Entra ID: APIs and clients in a tenant, and the clients' credentials."""

from .tenant import provision as provision
