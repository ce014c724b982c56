"""Identity providers: a folder for each kind, and a folder for shared code."""
