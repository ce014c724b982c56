"""Kong: admission, authentication and the gate on every service, then the routes."""
