"""The graph of access as a value, and its Mermaid and SVG drawings."""
