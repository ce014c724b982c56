"""Reads OAM Applications: YAML with positions becomes typed values, or diagnostics. Knows no engine
and no product."""
