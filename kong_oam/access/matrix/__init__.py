"""The matrix: principals by endpoints, as a value, and as text, CSV and an HTML page."""
