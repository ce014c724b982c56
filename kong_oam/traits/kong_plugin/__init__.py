"""The trait `kong-plugin`: plugins of Kong's that no other trait stands for."""
