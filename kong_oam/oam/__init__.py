"""Read OAM Applications: YAML with positions becomes typed values, or diagnostics.

The package knows no engine and no product.
"""
