"""The tests and the linters of this repository."""
