"""A stand-in for Kong Gateway 3.10: Admin API, data plane with lags, gate scripts run in LuaJIT."""

from sandbox.kong.kong import Kong, Lags

__all__ = ["Kong", "Lags"]
