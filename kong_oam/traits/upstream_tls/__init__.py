"""The trait `upstream-tls`: TLS between the gateway and a workload."""
