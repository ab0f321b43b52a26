"""Builds, starts, watches and stops the Rofecare platform; `tasks.py` is its command line."""
