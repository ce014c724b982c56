"""The trait `ip-allow`: the networks that may call a component's rules."""
