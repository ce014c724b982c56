"""The trait `limits`: the largest request body, timeouts and retries."""
