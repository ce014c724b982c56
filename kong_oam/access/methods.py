"""The HTTP methods that the gateway accepts."""

# Requests with any other method are denied.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
