"""A stand-in for one tenant of Microsoft Entra ID: Microsoft Graph, token endpoint and a test
login, on loopback."""

from sandbox.entra.service import Entra

__all__ = ["Entra"]
