"""The trait `headers`: headers that the gateway sets, adds and removes in requests and answers."""
