"""The trait `rate-limit`: how many requests a caller may make."""
