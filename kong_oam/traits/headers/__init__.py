"""The trait `headers`: what the gateway adds to answers and requests, and takes away."""
