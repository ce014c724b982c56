"""Place a component's objects on the stack's cluster, and read the cluster."""
