"""Requests to management APIs: whom to trust, how long to wait, what to try again, how a refusal
reads."""
