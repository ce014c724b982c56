"""The methods of requests that a gateway listens to."""

# With any other method a request reaches nothing.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
