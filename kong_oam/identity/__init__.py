"""Identity providers: a folder for each kind, and one for what the kinds share."""
