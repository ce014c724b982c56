"""Microsoft Entra ID: APIs and clients in a tenant, and what clients prove themselves with."""

from .tenant import provision as provision
