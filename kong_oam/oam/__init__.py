"""Reading: YAML with positions becomes typed OAM Applications, or diagnostics. Knows no engine and no product."""
