"""The trait `cors`: pages of other origins that may read answers."""
