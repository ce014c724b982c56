"""Records of runs and openings: files in a folder, each with the digest of the file before."""
