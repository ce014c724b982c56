"""The trait `rate-limit`: the number of requests that a caller may make."""
