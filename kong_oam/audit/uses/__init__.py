"""Uses: records of requests, aggregated into classes that `decide` cannot tell apart."""
