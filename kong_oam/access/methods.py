"""The methods of requests that a gateway listens to."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""With any other method a request reaches nothing."""
