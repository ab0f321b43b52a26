"""Tools for the developers of this repository: tests, linters, dashboards, benchmarks. Not needed to run a platform."""
