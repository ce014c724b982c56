"""The report for a review of access: a frozen snapshot, the reviewer's decisions, and removals."""
