"""The trait `kong-plugin`: Kong plugins that no other trait adds."""
