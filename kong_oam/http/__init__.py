"""Requests to management APIs: trusted authorities, waits, retries and error texts."""
